"""What two wordings differ in."""

import pytest

from qaloom.text import facts
from qaloom.text.differences import Difference, difference
from qaloom.text.endings import stem


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
        # Names that the analyser cuts into words it knows.
        ("아아누나 P31호의 무게는 얼마인가요?", "아아누바 P31호의 무게는 얼마인가요?"),
        ("오전가사상사가 내는 위약금은 얼마인가요?", "오전바사상사가 내는 위약금은 얼마인가요?"),
        ("소라바늘 K12호의 덮개는 무엇인가요?", "소라다늘 K12호의 덮개는 무엇인가요?"),
        ("안개늘우 B4호의 무게는 얼마인가요?", "안개늘다 B4호의 무게는 얼마인가요?"),
        ("도주구가 K4호의 무게는 얼마인가요?", "도주구라 K4호의 무게는 얼마인가요?"),
        ("로마로자 C7호의 무게는 얼마인가요?", "모마로자 C7호의 무게는 얼마인가요?"),
        # Each does what the other did.
        ("누리상사가 아름상사에 내는 돈은 얼마인가요?", "누리상사에 아름상사가 내는 돈은 얼마인가요?"),
        ("김영희 과장의 자리는 어디인가요?", "김영호 과장의 자리는 어디인가요?"),
        ("휴관일은 언제인가요?", "휴관일은 어디인가요?"),
        ("이수자는 무엇을 받나요?", "미이수자는 무엇을 받나요?"),
        ("甲이 해지하는 사유는?", "乙이 해지하는 사유는?"),
        ("언제부터 신청하나요?", "언제까지 신청하나요?"),
        ("How much is the train to Bristol?", "How much is the train to Cardiff?"),
        ("When does the pool open?", "Where does the pool open?"),
        ("소나늘모상사의 위약금은 얼마인가요?", "소도늘모상사의 위약금은 얼마인가요?"),
        ("아하다나 받침대는 무엇인가요?", "아하다아 받침대는 무엇인가요?"),
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


APART = [
    ("하도급 대금 미지급 기업", "하도급 대금 지급 기업"),
    ("비흡연자 할인율은?", "흡연자 할인율은?"),
    ("무급휴가 신청", "유급휴가 신청"),
    ("부적합 판정 기준", "적합 판정 기준"),
    ("불합격자 통지", "합격자 통지"),
    ("황산 보관", "질산 보관"),
    ("좌심실 기능", "우심실 기능"),
    ("송신 주파수", "수신 주파수"),
    ("이민정 대리의 번호", "이민경 대리의 번호"),
    ("문이 안잠기나요?", "문이 잠기나요?"),
    ("문이 열리지 않나요?", "문이 열리나요?"),
    ("do I need to log in", "do I need to log out"),
    ("Which gland makes insulin?", "Which gland makes inulin?"),
    ("the mentor signs", "the mentee signs"),
    ("the grantor pays", "the grantee pays"),
    ("enable the port", "disable the port"),
    ("legal use", "illegal use"),
    ("before the test", "after the test"),
    ("상행선 요금", "하행선 요금"),
    ("채용 공고", "채용 공지"),
    ("예금 금리는?", "적금 금리는?"),
    ("수술 전 주의사항", "수술 후 주의사항"),
    ("임차인이 임대인에게 준다", "임대인이 임차인에게 준다"),
    ("염화나트륨", "염화칼륨"),
    ("아질산나트륨의 용도", "질산나트륨의 용도"),
    ("수급자 기준", "수급사 기준"),
    ("정상 범위", "비정상 범위"),
    ("The drug raises potassium", "The drug raises sodium"),
    ("can be refunded", "cannot be refunded"),
    ("오전반 시간표", "오후반 시간표"),
    ("가입 후 해지", "해지 후 가입"),
    ("서울에서 부산까지", "부산에서 서울까지"),
    ("동의하지 않은 회원", "동의한 회원"),
    ("접수가 가능한 날", "접수가 불가능한 날"),
    ("입력 전압", "출력 전압"),
    ("사용이 가능한가요", "사용이 불가한가요"),
    ("세입자 명단", "세대주 명단"),
    ("연금 수령액", "연봉 수령액"),
    ("직접세율은?", "간접세율은?"),
    ("동문회 회비", "동창회 회비"),
    ("The lender pays", "The borrower pays"),
    ("the adviser", "the advisee"),
    ("input voltage", "output voltage"),
    ("Where is the inlet?", "Where is the outlet?"),
    ("a prefix of the code", "a suffix of the code"),
    ("hypothermia signs", "hyperthermia signs"),
    ("acidosis", "alkalosis"),
    ("우측 통로", "좌측 통로"),
    ("선불 요금", "후불 요금"),
    ("흡입 밸브", "배출 밸브"),
    ("전입신고 기한", "전출신고 기한"),
    ("심박수가 높은", "심박수가 낮은"),
    ("이수민 교수 연구실", "이수빈 교수 연구실"),
    ("최민서의 자리", "최민지의 자리"),
]

ALIKE = [
    ("보증 기간은 얼마나 되나요?", "보증 기간은 얼마인가요?"),
    ("신청은 어디서 하나요?", "신청은 어디에서 합니까?"),
    ("담당 부서가 어디예요?", "담당 부서는 어디입니까?"),
    ("환불은 어떻게 받나요?", "환불은 어떻게 받습니까?"),
    ("서류를 제출해야 하나요?", "서류를 제출하여야 합니까?"),
    ("비밀번호를 잊은 경우 어떻게 하나요?", "비밀번호를 잊었을 때 어떻게 하나요?"),
    ("신청하는 사람은 누구인가요?", "신청자는 누구인가요?"),
    ("답은 5개입니다.", "답은 5개예요."),
    ("3만원입니다", "30,000원입니다."),
    ("오전 9시에 엽니다.", "09:00에 엽니다."),
    ("The pump is normally closed.", "The pump is normaly closed."),
    ("What is the load limit?", "What's the load limit?"),
    ("회의실 예약은 누가 하나요?", "회의실 예약은 누가 합니까?"),
    ("휴관일은 언제인지 알려 주세요.", "휴관일은 언제인가요?"),
    ("Q: 요금은 얼마인가요?", "요금은 얼마인가요?"),
    ("관리사무소에 문의하세요.", "관리사무소에 문의하십시오."),
    ("관리사무소에 문의해 주세요.", "관리사무소에 문의하세요."),
    ("게시판에 올립니다", "개시판에 올립니다"),
    ("resistance of the coil", "resistence of the coil"),
    ("계약 종료 시 반납합니다.", "계약이 종료되면 반납합니다."),
    ("검사 방법은 무엇인가요?", "검사하는 방법은 무엇인가요?"),
    ("전립선 검사", "전립샘 검사"),
    ("매월 10일에 지급합니다.", "매월 10일에 지급됩니다."),
    ("확인 후 연락드립니다.", "확인한 뒤 연락드립니다."),
    ("접수하는 곳은 어디인가요?", "접수처는 어디인가요?"),
    ("도서관은 몇 시에 여나요?", "도서관은 몇 시에 엽니까?"),
    ("요금을 알려 줘", "요금을 알려 주세요"),
    ("담당자는 김철수이다.", "담당자는 김철수입니다."),
    ("회원이면 무료입니다.", "회원인 경우 무료입니다."),
    ("The fee is $5.", "The fee is 5 dollars."),
    ("사용 후 반납한다", "사용한 후 반납한다"),
    ("필요한 서류는?", "필요한 서류는 무엇인가요?"),
    ("예약을 취소하려면 어떻게 하나요?", "예약을 취소할 때 어떻게 하나요?"),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_negations_roles_names_and_opposites_stay_apart(one, other):
    assert facts.factual_difference(one, other) == facts.factual_difference(other, one) == Difference.OTHER


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_endings_particles_and_misspellings_are_harmless(one, other):
    assert facts.factual_difference(one, other) == facts.factual_difference(other, one) == Difference.HARMLESS


def test_last_syllables_of_unknown_names_are_no_endings():
    assert (
        facts.factual_difference("늘바후다 B12호의 무게는?", "늘바후고 B12호의 무게는?") == Difference.OTHER
    )
    assert facts.factual_difference("늘바후다.", "늘바후입니다.") == Difference.HARMLESS
