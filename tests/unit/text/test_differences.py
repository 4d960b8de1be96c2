"""What two wordings differ in."""

import pytest

from qaloom.text.differences import Difference, difference, stem


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("휴관일은 언제입니까?", "휴관일은 언제인가요?"),
        ("문을 엽니까?", "문을 여나요?"),
        ("책을 어떻게 고릅니까?", "책을 어떻게 고르나요?"),
        ("출입증 발급 절차는 무엇인가요?", "출입증 발급 절차를 알려 주세요."),
        ("강당을 빌리려면 누구에게 말하나요?", "강당을 빌릴 때 누구에게 말하나요?"),
        ("본원의 주소는 어디인가요?", "본원 주소가 어디인가요?"),
        ("회의실 예약은 어디에서 하나요?", "회의실예약은 어디 에서하나요"),
        ("물건은 어디에 보관되나요?", "물건은 어디에 보괸되나요?"),
        ("어디에서 출발합니까?", "어디애서 출발합니까?"),
        ("절차는 어떻게 됩니까?", "절차는 어떻게 됌니까?"),
        ("작업을 중지하여야 하는 때는?", "작업을 중지해야 하는 때는?"),
        ("질권(質權)의 효력은?", "질권의 효력은?"),
        ("컨베이어는 무엇을 지원하나요?", "컨이베어는 무엇을 지원하나요?"),
        ("What is the load limit?", "Could you tell me the load limit?"),
        ("What is the insulation resistance?", "What is hte insulation resistence?"),
    ],
)
def test_harmless(one, other):
    assert difference(one, other) == difference(other, one) == Difference.HARMLESS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("주차장 요금은 얼마인가요?", "지하 주차장 요금은 얼마인가요?"),
        ("강당은 어디에서 예약하나요?", "강당은 어디에서 취소하나요?"),
        ("제출한 서류는 무엇인가요?", "제출할 서류는 무엇인가요?"),
        ("What is the load limit?", "What is the upper load limit?"),
    ],
)
def test_unclear(one, other):
    assert difference(one, other) == difference(other, one) >= Difference.UNCLEAR


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("춘천역의 요금은 얼마인가요?", "원주역의 요금은 얼마인가요?"),
        ("여수 시장은 언제 쉬나요?", "여주 시장은 언제 쉬나요?"),
        ("월요일에 여는 곳은 어디인가요?", "일요일에 여는 곳은 어디인가요?"),
        ("가동 강당은 언제 여나요?", "나동 강당은 언제 여나요?"),
        ("김영희 과장의 자리는 어디인가요?", "김영호 과장의 자리는 어디인가요?"),
        ("휴관일은 언제인가요?", "휴관일은 어디인가요?"),
        ("이수자는 무엇을 받나요?", "미이수자는 무엇을 받나요?"),
        ("甲이 해지하는 사유는?", "乙이 해지하는 사유는?"),
        ("언제부터 신청하나요?", "언제까지 신청하나요?"),
        ("How much is the train to Bristol?", "How much is the train to Cardiff?"),
        ("When does the pool open?", "Where does the pool open?"),
    ],
)
def test_other(one, other):
    assert difference(one, other) == difference(other, one) == Difference.OTHER


@pytest.mark.parametrize(
    "text",
    [
        "본원의주소는무엇입니까",
        "본원의주소는무엇인가요",
        "본원의주소를알려주세요",
        "본원의주소는",
        "본원의주소",
    ],
)
def test_stem(text):
    assert stem(text) == "본원의주소"


@pytest.mark.parametrize("text", ["", "다", "what", "가나다", "ㄱ", "\ud800"])
def test_stem_of_anything(text):
    assert stem(text) or not text
