"""Answers that stop in the middle, and answers that say nothing."""

import pytest

from qaloom.dedup.cut_answers import empty_answer, truncated_answer
from qaloom.records import Row


def row(question, answer):
    return Row("0", question, "", answer, "a.jsonl", 1, "a", "{}")


@pytest.mark.parametrize(
    "answer",
    [
        "신분증 사본과 통장 사본, 그리고",
        "반출 신청서를 낸 다음 (자세한 절차는",
        "신분증(주민등록증, 운전면허증",
        "안전모를 쓰고 작업복을 입어야 하며, 그리고",
        "보안 사고가 나면 자료를 잃을 수 있으며...",
        "기한을 넘기면 자격을 잃을 수 있으며",
        "출입증을 제시하고 방문 기록을 작성하며…",
        "총무팀, 인사팀,",
        "세 가지가 있다: 첫째, 안전모 및",
        "「안전 수칙",
        "예를 들어",
        "제출 서류는 다음과 같습니다:",
        "계약서 원본 [별표",
        "매출이 늘었으나",
        "서류를 먼저 내고 또는",
        "and enter the purpose of your trip and the",
        'a shirt marked "visible',
        "the inspec-",
        "The office is open on weekdays because",
        "Bring your passport, a photo and",
        "It consists of a motor, a belt (driven by the",
        "You can pay by card, by transfer or",
        "The steps are as follows:",
        "Send the form to the",
        "The rope must be checked before use, such as",
        "The room is closed to visitors who have lost their",
        "the meeting starts at nine and ends at noon;",
        "He wrote “never again",
    ],
)
def test_truncated(answer):
    assert truncated_answer(row("무엇을 해야 하나요?", answer))
    assert truncated_answer(row("Which steps are needed?", answer))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("행을 모두 지우는 SQL 문은?", "DELETE FROM log;"),
        ("자바에서 반복을 멈추는 문장은?", "break;"),
        ("정수를 선언해 보세요.", "int count = 0;"),
        ("B사의 등급은?", "B-"),
        ("혈액형은?", "Rh A-"),
        ("염화 이온을 쓰면?", "Cl-"),
        ("정의역은?", "(0, ∞)"),
        ("구간은?", "[0, 1)"),
        ("0을 뺀 확률의 범위는?", "(0, 1]"),
        ("어떤 이모티콘을 쓰나요?", "슬플 때는 :( 를 씁니다"),
        ("여는 괄호는 무엇인가요?", "("),
        ("표는?", "| 색 | 뜻 |\n| --- | --- |\n| 적색 | 고장 |"),
        ("난수는 어떻게 얻나요?", "random() gives a float in [0, 1)"),
        ("필요한 영양소는?", "비타민 A"),
        ("크기는?", '24" 모니터'),
        ("뭐라고 했나요?", '그는 "네"라고 답했다'),
        ("담당은 어디인가요?", "총무팀(내선 4217)"),
        ("절차는?", "1) 신청 2) 승인"),
        ("무엇을 내나요?", "신분증을"),
        ("누가 승인하나요?", "부서장과 팀장"),
        ("근거는?", "제3조 및 제4조"),
        ("얼마나 남았나요?", "10개 등"),
        ("and를 우리말로 옮기면?", "그리고"),
        ("부정 접두사는?", "미-"),
        ("무엇을 만드나요?", "창고..."),
        ("노래 첫머리는?", "산토끼 토끼야..."),
        ("코드는?", 'print("(")'),
        ("설정은?", "server {\n    listen 80;"),
        ("What gets turned on?", "Turn it on"),
        ("Which plan?", "Plan A"),
        ("Which key quits?", "Press the key a"),
        ("What should be listed?", "What it is made of"),
        ("Which operators are there?", "not, and, or"),
        ("How tall is she?", "5'11\""),
        ("What is __doc__?", '__doc__ = """...Whatever..."""'),
        ("Which tag?", "<b>bold</b> (see the manual.)"),
        ("What is the grade?", "Grade A-"),
        ("How does the tuple look?", "(1,)"),
        ("What does the separator look like?", ","),
        ("Which prefix means against?", "anti-"),
        ("What is shown while it loads?", "Loading..."),
    ],
)
def test_whole(question, answer):
    assert truncated_answer(row(question, answer)) == ""


@pytest.mark.parametrize(
    "answer",
    [
        "그림 3을 참조하십시오.",
        "표 2 참조",
        "자세한 내용은 부록 A를 참고하시기 바랍니다.",
        "위 내용을 참조하세요.",
        "아래 참조",
        "- 12 -",
        "상동",
        "위와 같음",
        "위와 동일",
        "다음과 같습니다.",
        "추후 작성 예정",
        "(생략)",
        "3 / 20 쪽",
        "<그림 4>",
        "12쪽 참조",
        "TBD",
        "TODO",
        "ditto",
        "See Figure 3.",
        "Refer to Table 4",
        "Please see above.",
        "See section 3.2 for more details.",
        "Page 3 of 20",
        "Same as above",
        "To be determined.",
        "This page intentionally left blank.",
        "See the table below.",
        "As follows:",
        "Lorem ipsum dolor sit amet",
        "......",
    ],
)
def test_empty(answer):
    assert empty_answer(row("교육 대상자는 누구인가요?", answer))
    assert empty_answer(row("How long does it last for a new member?", answer))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("배치도는 어디에 있나요?", "그림 3을 참조하십시오."),
        ("기준은 어느 표에 있나요?", "표 2 참조"),
        ("설치 방법은?", "홈페이지를 참고하세요."),
        ("일정은 정해졌나요?", "미정"),
        ("행사 장소는?", "추후 공지합니다."),
        ("방 번호는?", "12"),
        ("구분자는 무엇으로 쓰나요?", "---"),
        ("가변 인자 기호는?", "..."),
        ("같지 않음 연산자는?", "!="),
        ("급여는?", "동일 직급과 같습니다."),
        ("출구는 몇 쪽에 나오나요?", "12쪽"),
        ("누가 참조자인가요?", "팀장"),
        ("무엇을 보고 조립하나요?", "설명서의 그림 3을 보고 조립합니다."),
        ("Where is the layout?", "See Figure 3."),
        ("Which page has the index?", "Page 12"),
        ("Who should be called?", "See the doctor."),
        ("How is it installed?", "See the manual that comes with the pump."),
        ("What does TBD mean?", "To be determined."),
        ("What is the score?", "3 / 20"),
        ("What do guests see first?", "The table in the hall"),
        ("What is the room called?", "Blank"),
    ],
)
def test_not_empty(question, answer):
    assert empty_answer(row(question, answer)) == ""
