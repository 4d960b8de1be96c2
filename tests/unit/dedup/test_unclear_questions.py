"""Questions that point at something which the row does not hold."""

import pytest

from qaloom.dedup.unclear_questions import unclear_question
from qaloom.records import Row


def unclear(question, given=""):
    return bool(unclear_question(Row("0", question, given, "답", "a.jsonl", 1, "a", "{}")))


@pytest.mark.parametrize(
    "question",
    [
        "이것은 무엇인가요?",
        "이것은 무엇인가?",
        "이게 뭐예요?",
        "이건 어떻게 하나요?",
        "그건 왜 그런가요?",
        "이건 어떻게 신청하나요?",
        "이거 되나요?",
        "이것도 포함되나요?",
        "그것은 무엇을 의미합니까?",
        "여기는 어디인가요?",
        "이것은 누구의 작품인가요?",
        "위의 경우는요?",
        "이 경우는요?",
        "이 경우에는 어떻게 되나요?",
        "그럼 주말에는요?",
        "그럼 언제인가요?",
        "왜요?",
        "왜 그런가요?",
        "뭐예요?",
        "위 내용은 무엇을 말하나요?",
        "이 그림은 무엇을 보여주나요?",
        "다음 표는 무엇에 대한 것인가요?",
        "이 사람은 누구입니까?",
        "해당 내용을 설명해 주세요.",
        "위의 내용을 요약해 주세요.",
        "이 문서는 무엇에 관한 것입니까?",
        "위 표에서 가장 큰 값은 무엇인가요?",
        "아래 그림에서 3번 부품의 이름은 무엇인가요?",
        "다음 그래프를 보고 매출이 가장 큰 달을 말하세요.",
        "다음 중 옳은 것은?",
        "What is this?",
        "What does it say?",
        "What is the above content about?",
        "Who is he?",
        "What's this image about?",
        "Describe this image.",
        "What does this figure show?",
        "Where is it located?",
        "How do I do this?",
        "How does it work?",
        "What about that?",
        "How much does it cost?",
        "Why is that?",
        "Is this correct?",
        "In the table above, which product costs most?",
        "Which month is highest in the following chart?",
        "What colour is the hat in this picture?",
        "What is shown in the figure?",
        "Which of the following is true?",
        "According to the diagram below, where is the valve?",
        "Why?",
    ],
)
def test_unclear(question):
    assert unclear(question)


@pytest.mark.parametrize(
    "question",
    [
        "주소?",
        "本社?",
        "이 제품의 가격은 얼마인가요?",
        "이 규정은 언제부터 시행되나요?",
        "위 내용 중 개인정보 보호책임자는 누구인가요?",
        "본원 소재지는?",
        "본원 주소는요?",
        "이천시청은 어디에 있나요?",
        "그림판은 무엇인가요?",
        "저작권은 무엇인가요?",
        "이사회는 무엇을 하나요?",
        "본인 인증은 무엇인가요?",
        "해당화는 언제 피나요?",
        "위험물은 무엇인가요?",
        "위 내시경은 언제 받나요?",
        "다음 주 휴무일은 언제인가요?",
        "다음 이미지로 넘기려면 어떻게 하나요?",
        "다음 중 필수 서류는 무엇인가요?",
        "다음 중 수도가 아닌 것은? 서울, 부산, 도쿄",
        "여기어때는 무엇인가요?",
        "저기압은 무엇인가요?",
        "그것이 알고 싶다는 언제 방영하나요?",
        "그럼에도 불구하고는 무슨 뜻인가요?",
        "그럼 회비는 언제 내나요?",
        "이건희 회장은 언제 태어났나요?",
        "이게임즈의 대표는 누구인가요?",
        "표 2에서 가장 큰 값은 무엇인가요?",
        "왜 회의가 미뤄졌나요?",
        "What is IT?",
        "What does IT stand for?",
        "What is He in the periodic table?",
        "What is this year's budget?",
        "What is the context window of the model?",
        "What is a table?",
        "What does the text editor Vim do?",
        "Who is the head of the finance department?",
        "What is on the table above the sink?",
        "Where is the chart of accounts kept?",
        "Which of the following is a vowel: a, b or c?",
        "What time is it in Seoul?",
        "Who are you?",
        "What can you do?",
        "How does this year's plan differ from last year's?",
        "What is that in metric units, one mile?",
        "In which picture format are photos sent?",
        "What does Figure 3 show?",
    ],
)
def test_clear(question):
    assert not unclear(question)


def test_an_input_makes_a_question_clear():
    assert not unclear("What is this?", "Photo 3: a cup on a desk")
    assert not unclear("그럼 주말에는요?", "Q: 평일에는 몇 시에 여나요?\nA: 9시")
