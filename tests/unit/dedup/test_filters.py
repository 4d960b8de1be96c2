"""Quality filters and personal data: what they catch, and what they must let through."""

import pytest

from qaloom.config.load import complete
from qaloom.dedup import pii
from qaloom.dedup.filters import failed, missing_spaces, quality
from qaloom.records import Row


def settings(**changes):
    return complete({"data": {"sources": ["-"]}, "runs": {"demo": {}}, "dedup": changes})["dedup"]


def reason(question="본원의 주소는 어디인가요?", answer="가람시 솔내구 물빛로 27", given="", **changes):
    found = failed(Row("0", question, given, answer, "a.jsonl", 1, "a", "{}"), quality(settings(**changes)))
    return found and found[0]


def test_an_input_makes_a_question_clear():
    assert reason("What is this?", "A cup.", "Photo 3: a cup on a desk") is None


@pytest.mark.parametrize(
    "answer",
    [
        "별도의 비용이 없습니다.",
        "외부로 반출할 수 없습니다.",
        "음식물은 반입할 수 없습니다.",
        "벌칙 규정이 없습니다.",
        "죄송합니다라고 말합니다.",
        "환불되지 않습니다.",
        "비밀번호를 공유하지 않습니다.",
        "없음",
        "아니요, 필요하지 않습니다.",
        "승인 없이는 열람할 수 없습니다.",
        "No, visitors are not allowed.",
        "It cannot be returned.",
        "None of the doors open.",
        "You must not leave documents on the desk.",
    ],
)
def test_answers_that_deny_something_are_no_refusals(answer):
    assert reason(answer=answer) is None


@pytest.mark.parametrize(
    "answer",
    [
        'a shirt marked "visible',
        "the inspec-",
    ],
)
def test_truncated_answers(answer):
    assert reason(answer=answer) == "truncated_answer"


@pytest.mark.parametrize(
    "answer",
    [
        "비타민 A",
        '24" 모니터',
        '그는 "네"라고 답했다',
        ":(" + ")",
        "C",
        "Grade A",
        "사내 규정집 「안전」",
    ],
)
def test_whole_answers(answer):
    assert reason(answer=answer) is None


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"question": "왜?"}, "too_short"),
        ({"question": "이것은 언제인가요?"}, "unclear_question"),
        ({"question": "이 제품의 가격은 얼마인가요?"}, None),
        ({"answer": "제공된 문맥에서 찾을 수 없습니다."}, "refusal"),
        ({"answer": "그 내용은 알지 못합니다."}, "refusal"),
        ({"question": "How tall is the mast?", "answer": "I am not sure."}, "refusal"),
        ({"answer": "그 내용은 알지 못합니다.", "abstentions": "keep"}, None),
        ({"answer": "a" * 9000}, "too_long"),
        ({"question": "본원의 주소", "answer": "본원의 주소?"}, "question_equals_answer"),
        ({"answer": "주소는 \ufffd\ufffd구"}, "mojibake"),
        ({"answer": "??? ?? ??? ?? 27"}, "mojibake"),
        ({"answer": "(cid:123)(cid:12)"}, "mojibake"),
        ({"answer": "ìœ„ì¹˜ë¥¼ ì•Œë ¤"}, "mojibake"),
        ({"answer": "정말요??? 네!!"}, None),
        ({"answer": "Où est l'été à Noël où ça ?"}, None),
        ({"answer": "네 그렇습니다 " * 10}, "repetition"),
        ({"answer": "the cat sat on the mat. " * 8}, "repetition"),
        ({"answer": "하하하하하하하하하하하하하하하하하하하하하하하하하하하하"}, "repetition"),
        ({"answer": "월요일 9시, 화요일 9시, 수요일 9시, 목요일 9시, 금요일 9시"}, None),
        ({"question": "What is the address?", "language": "ko"}, "wrong_language"),
        ({"question": "본원의 주소는?", "language": "en"}, "wrong_language"),
        ({"question": "Defender의 주소는?", "language": "ko"}, None),
        ({"question": "1 + 1 = ?", "language": "ko"}, None),
    ],
)
def test_other_reasons(row, expected):
    assert reason(**row) == expected


def test_missing_spaces():
    assert missing_spaces("보존기한이지난기밀문서의폐기절차를알려주세요")
    assert missing_spaces("Howmuchdoesastaffparkingpermitcost?")
    assert not missing_spaces("본원의주소는?")
    assert not missing_spaces("보존 기한이 지난 기밀문서의 폐기 절차를 알려 주세요")
    assert not missing_spaces("東京都千代田区丸の内一丁目九番二号東京駅前広場")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("문의: help@garam.or.kr 로", "문의: [email] 로"),
        ("010-1234-5678로 전화", "[phone]로 전화"),
        ("대표번호 02-123-4567", "대표번호 [phone]"),
        ("+82 10-1234-5678", "[phone]"),
        ("900101-1234568은", "[resident_number]은"),
        ("카드 4111 1111 1111 1111", "카드 [card]"),
        ("900101-1234567", "900101-1234567"),
        ("901301-1234568", "901301-1234568"),
        ("4111 1111 1111 1112", "4111 1111 1111 1112"),
        ("문서번호 2024-0312-11, 내선 4217", "문서번호 2024-0312-11, 내선 4217"),
        ("1234567890123456789", "1234567890123456789"),
        # without a check digit: born since October 2020, or named
        ("아이는 201104-4123456", "아이는 [resident_number]"),
        ("주민등록번호 900101-1234567", "주민등록번호 [resident_number]"),
        ("외국인등록번호: 850101-5123456", "외국인등록번호: [resident_number]"),
        ("접수 번호 240115-1234567", "접수 번호 240115-1234567"),
        ("부품 2011044123456", "부품 2011044123456"),
        ("사업자 120-81-47521", "사업자 [business_number]"),
        ("모델 120-81-47522", "모델 120-81-47522"),
        ("면허 11-23-123456-78", "면허 [licence_number]"),
        ("규격 30-23-123456-78", "규격 30-23-123456-78"),
        ("1588-1234", "[phone]"),
        ("고객센터 1644 1600", "고객센터 [phone]"),
        ("세종(1522-1599), 1577-1620년", "세종(1522-1599), 1577-1620년"),
        ("무게 15881234 g, 1588.1234", "무게 15881234 g, 1588.1234"),
        ("KS-1588-1234-5678", "KS-1588-1234-5678"),
    ],
)
def test_personal_data(text, masked):
    assert pii.mask(text) == masked
