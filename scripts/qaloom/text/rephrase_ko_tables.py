"""Tables of the Korean wordings: nouns that stand for a question, verb endings by what they do, requests."""

import re
from typing import NamedTuple


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Family(NamedTuple):
    """Attribute nouns with one question of their own: '주소' asks '어디인가요'.

    `fits` matches the question words that ask of such a noun for the attribute itself, and not for how many
    there are of it.
    """

    ask: str
    fits: re.Pattern[str]
    nouns: frozenset[str]


_THING = "무엇|뭐|뭔|뭡|뭘"
_AMOUNT = rf"얼마|몇 |며칠|{_THING}"
FAMILIES = (
    Family("어디인가요", re.compile(rf"어디|{_THING}"), _words(
        "주소 위치 장소 소재지 곳 집결지 출발지 도착지 목적지 원산지 출생지 본적 제조사 시공사 개발사 "
        "운영사 주관사 판매사 공급사 보험사 제조처 접수처 신고처 문의처 제출처 납품처 부서 기관 업체 "
        "수도 소속사 출신지 개최지 발행처 출판사 본사 연수지 보관처"
    )),
    Family("언제인가요", re.compile(rf"언제|몇 (?:월|일|시|년)|며칠|{_THING}"), _words(
        "날짜 시기 시각 일시 기념일 창립기념일 생일 마감일 만료일 출시일 발급일 시행일 설립일 발행일 "
        "개최일 휴관일 휴무일 납기일 납부일 지급일 급여일 시작일 종료일 개강일 종강일 접수일 발표일 "
        "결제일 기준일 입사일 퇴사일 계약일 제출일 작성일 등록일 승인일 개정일 공고일 준공일 착공일 "
        "점검일 날"
    )),
    Family("누구인가요", re.compile("누구|누가"), _words(
        "담당자 책임자 강사 원장 대표이사 저자 작성자 설립자 창립자 회장 사장 관리자 사람 대표자 소장 "
        "감독 발명자 개발자 설계자 승인자 결재자 감리자 주치의 의장 위원장 총장 시장 대통령 주인공 "
        "작가 작곡가 감독관 팀장 부장 수령인 신청인 보증인 대리인 발주자 수급인"
    )),
    Family("얼마인가요", re.compile(_AMOUNT), _words(
        "비용 가격 금액 요금 수강료 수수료 이용료 입장료 참가비 회비 연회비 배송비 지급액 무게 중량 "
        "높이 길이 너비 깊이 두께 온도 압력 용량 면적 속도 금리 이자율 세율 비율 점수 액수 벌금 "
        "과태료 등록금 예산 단가 수량 전압 전류 전력 주파수 부피 농도 거리 지름 직경 인구 매출 매출액 "
        "영업이익 순이익 임대료 연체료 보험료 통행료 사용료 관리비 유지비 인건비 재료비 수리비 치료비 "
        "진료비 교육비 하중 출력 해상도 수명 수율 습도 밀도 한도 한도액 자본금 연봉 시급 월급 지원금 "
    )),
    Family("무엇인가요", re.compile(_THING), _words(
        "이름 명칭 제목 절차 조건 방법 이유 원인 목적 색 색깔 색상 재질 종류 의미 뜻 정의 역할 기능 "
        "특징 장점 단점 별명 방식 주제 모델명 제품명 비밀번호 비번 번호 코드 기준 요건 대상 원칙 목표 "
        "차이 차이점 공통점 효과 용도 성분 재료 준비물 도구 자격 서류 항목 내용 사항 주의사항 "
        "유의사항 규정 규칙 문제점 해결책 대책 대처법 조치 증상 부작용 구성 요소 구성품 형식 단위 "
        "버전 기본값 설정값 경로 파일명 명령어 옵션 매개변수 반환값 우선순위 취지 범위 근거 사유 "
        "불이익 혜택 쟁점 결론 요지 핵심 메뉴 언어 원리 단계 순서 점 것 직책 직위 직급 전공 학명 "
        "화학식 규격 모델 품번 소속"
    )),
    Family("어떻게 되나요", re.compile(rf"언제|몇 시(?!간)|{_THING}"), _words(
        "시간 영업시간 운영시간 이용시간 근무시간 점심시간"
    )),
    Family("몇 번인가요", re.compile(rf"몇 번|{_THING}|어디"), _words("전화번호 내선번호 대표번호")),
    Family("어떻게 되나요", re.compile(rf"{_AMOUNT}|언제"), _words(
        "연락처 성함 일정 주기 간격 기간 기한 대수 연령 나이 권수 인원 인원수 정원 횟수 개수 "
        "치수 사이즈 크기 유효기간 유통기한 보증기간"
    )),
)  # fmt: skip
ATTRIBUTES = {noun: family for family in FAMILIES for noun in family.nouns}
# X는 무슨 뜻인가요 asks for X의 뜻.
QUALITIES = _words("뜻 의미 색 색깔 색상 역할 용도")
# Things that stand somewhere, so that 'where is it' asks for a position (where a difference lies does not).
PLACES = tuple(sorted(_words(
        "센터 본원 본사 지사 지점 식당 사무실 사무소 창고 출구 입구 집결지 도서관 병원 학교 정류장 "
        "주차장 회의실 강당 건물 공장 연구소 연수원 교육원 화장실 매장 은행 약국 우체국 터미널 공항 "
        "체육관 박물관 미술관 휴게실 자판기 소화기 서버실 전산실 데스크 창구 게시판 보관함 승강장 "
        "엘리베이터 비상구 대피소 대학교 캠퍼스 구청 시청 경찰서 소방서 본관 별관 신관"
    )))  # fmt: skip
# 'Which is it' as often as 'where does it stand': 출신 학교는 어디인가요.
IDENTIFIED = ("학교", "병원", "은행", "공장", "매장", "식당", "연구소", "약국", "공항")
# Nouns of time and circumstance: 'X 때는?' is a clause, not a thing to be told.
CIRCUMSTANCES = _words(
    "때 수 중 후 전 뒤 대신 동안 경우 이후 이전 다음 만약 이번 오늘 내일 지금 요즘 혹시 시 이상"
)
# Spelt alike as verb and as adjective (이름을 적는지, 양이 적은지): only with other evidence.
HOMOGRAPHS = _words("적 싸 쓰 차 달 짜 늦 밝 굳 크 낫 곱 굽 길 이르 누르 있 감")
# With a copula they are spelt as verbs in -이다 (줄입니까) or 걸다 (겁니까).
NOUNS_LIKE_VERBS = _words("줄 모 들 죽 속 숙 늘 절 파 고 녹 벌 먹 트 꼬 달 보 쓰 거 것")
EXISTENCE = _words("있 없 계시")

# --- endings (Kiwi's forms: a lone final consonant is a conjoining one) --------------------------------

INTERROGATIVE = _words("나 나요 ᆸ니까 습니까 느냐 냐 으냐 니 으니")
# Endings that name the embedded form themselves.
MODIFIER = {
    "ᆫ가": "ᆫ지", "ᆫ가요": "ᆫ지", "은가": "은지", "은가요": "은지", "는가": "는지", "ᆫ지": "ᆫ지", "ᆫ지요": "ᆫ지",
    "은지": "은지", "은지요": "은지", "는지": "는지", "는지요": "는지",
}  # fmt: skip
FUTURE = _words("ᆯ까 ᆯ까요 을까 을까요 ᆯ지 을지")
# Endings that are a question's wherever they stand.
ASKING = _words("나요 ᆸ니까 습니까 ᆫ가요 은가요 는가요 ᆯ까요 을까요")
# Statements end so as well: a question only with a question mark or a question word.
SHARED = _words("어 어요 에요 예요 야 죠 지요 지 세요 ᆷ 음")
IMPERATIVE = _words("오 으오 세요 으세요 ᆸ시오 십시오 으십시오 라 어라")

MANNERS = _words("자세히 간단히 간략히 정확히 상세히 빨리 다시 먼저 꼭 미리 모두 전부 구체적으로 쉽게")

# --- requests -----------------------------------------------------------------------------------------

_PLEASE = (
    "주세요|주십시오|주시오|주시겠어요|주시겠습니까|주실 수 있나요|주실 수 있습니까|주실 수 있을까요"
    "|주실 수 있으세요|주실래요|주시기 바랍니다|주시길 바랍니다|주시면 감사하겠습니다|주라|줘요|줘|줄래요|줄래"
    "|줄 수 있나요|줄 수 있어요|줄 수 있어|줄 수 있니"
)
PLEASE = re.compile(rf"(?:{_PLEASE})$")
TELL = re.compile(
    rf"(?:알려|말해|말씀해|가르쳐|답해|대답해|답변해|얘기해|이야기해) ?(?:{_PLEASE})$"
    "|궁금(?:합니다|해요|하다|해)$|알고 ?싶(?:습니다|어요|다|어)$"
)
ABOUT = re.compile(r"에 (?:대해서?|대하여|관해서?|관하여)$")
# '문의드립니다' and the like after a noun.
INQUIRY = re.compile(r" (?:문의|질문) ?(?:드립니다|드려요|합니다|해요)$")
ASKED_NOUNS = re.compile(
    r" (설명|안내|답변|확인|공유) ?(?:부탁드립니다|부탁드려요|부탁합니다|부탁해요|바랍니다)$"
)
QUESTION_NOUNS = _words("무엇 뭐 어디 언제 누구 얼마 며칠")
QUESTION_WORD = re.compile(
    "무엇|무슨|뭐|뭘|뭔|뭡|어디|언제|누구|누가|얼마|몇|며칠|왜|어떻|어떤|어느|어때|어떠"
)
