"""What must be the same in two similar texts before one may stand for the other.

Similarity counts characters, and one character can turn a fact into another: 3 days or 5, AB-12X or AB-12Y,
is or is not, 이상 or 이하. `same_facts` compares:

- numbers: the digits of the squashed keys, in order, so that '2 024' broken by a PDF is 2024, with the
  decimal point, sign, per cent, the magnitude right after (십 백 천 만 억 조) and a unit of measure;
- number words: one to twelve, first to third, hundred; 한 두 세 네 ... 열, 하루 이틀 사흘, 첫째 둘째;
- codes: words with a digit, in capitals, or of one capital letter, that stand in one text alone;
- polarity: negations (안 않 못 없 아니 금지 불가 미- 비- 불-; not, no, never, n't, without, un-, in-) and
  words that turn a sentence round (이상 / 이하, 최대 / 최소, before / after).

`difference` asks for more, that each word in which the texts differ is known to be harmless (see `wording`).
A wrong refusal leaves two rows where one would do; a wrong merge loses a fact, so doubt refuses.
"""

import re
from functools import lru_cache

from qaloom.text import differences as wording
from qaloom.text.differences import Difference, stem
from qaloom.text.normalize import comparison_key, normal


def difference(one: str, other: str) -> Difference:
    """How far apart two raw texts are: OTHER with other numbers, codes or polarity, else as worded."""
    return wording.difference(one, other) if same_facts(one, other) else Difference.OTHER


def same_facts(one: str, other: str) -> bool:
    """Whether numbers, codes and polarity of two raw texts are the same; the quickest to tell apart first."""
    if one == other:
        return True
    return same_numbers(one, other) and same_codes(one, other) and polarity(one) == polarity(other)


def same_codes(one: str, other: str) -> bool:
    """Whether words that look like a code in either text are in both, however spaced or hyphenated."""
    codes = {word.casefold() for text in (one, other) for word in _latin(text) if _CODE.fullmatch(word)}
    return not codes or _only(codes, one) == _only(codes, other)


def _split(words: str) -> list[str]:
    return words.split()


# --- numbers and codes --------------------------------------------------------------------------------

_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"\N{MINUS SIGN}?\d+(?:\.\d+)?(?:[%‰]|[십백천만억조]+)?")
_SYMBOL = (
    r"(?:[munpk]?[mglwvaj]|[kmgt]i?b|[kmg]?hz|cm|dm|km/h|kwh|k?pa|bar|psi|dpi|rpm|db|°\s?[cf]|[ap]\.?m\b\.?)"
)
_UNIT = re.compile(
    rf"(?:\d|몇)\s*({_SYMBOL}"
    r"|seconds?|minutes?|hours?|days?|weeks?|months?|quarters?|years?|dollars?|euros?|won|cents?|percent"
    r"|원|달러|유로|엔|초|분|시간|시|일|주|개월|월|분기|년|도|킬로|그램|리터|미터|센티|퍼센트|프로)(?![a-z])"
)
_ENGLISH_NUMBERS = frozenset(
    _split(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred"
        " thousand million billion half quarter once twice first second third fourth fifth sixth seventh"
        " eighth ninth tenth zero dozen"
    )
)
_KOREAN_NUMBER = re.compile(
    r"(?<![가-힣])(?:첫|둘|셋|넷|다섯|여섯|일곱|여덟|아홉|열|스무|스물|서른|마흔|한|두|세|네)"
    r"(?=째|\s?(?:명|개|가지|번|대|시|달|살|장|권|곳|줄|층|주|분|사람|차례|배|쪽|병|통|벌|켤레|마리|그루|잔|끼|해|돌)|[^가-힣]|$)"
    r"|(?<![가-힣])(?:하루|이틀|사흘|나흘|닷새|엿새|이레|여드레|아흐레|열흘|보름)"
    r"|(?<![가-힣])[일이삼사오육칠팔구십백천]+(?=\s?(?:년|월|층|호|등|급|차|회|항|조|만|억|퍼센트|원))"
)
# A sign after a letter or digit that nothing follows (Rh-, 3+), and a jamo alone (ㄱ813): parts of a code.
_MARK = re.compile(r"(?<=[a-z\d])\s?([+-]|\N{MINUS SIGN})(?![\w-])|([\u1100-\u11ff\u3131-\u318e])")
_ENGLISH_WORD = re.compile(r"[a-z']+")
_LATIN_WORD = re.compile(r"[A-Za-z0-9]+")
# One capital alone is a grade or a building; I and A are English words.
_QUANTITY = re.compile(rf"\d+{_SYMBOL}", re.IGNORECASE)  # told by number and unit, however spaced
_CODE = re.compile(r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]+|[A-Z]{2,}[a-z]?|[B-HJ-Z]")


def same_numbers(one: str, other: str) -> bool:
    """Whether figures (which differ most often), units, number words and marks are the same, in order."""
    return figures(one) == figures(other) and _counted(one) == _counted(other)


@lru_cache(maxsize=1 << 16)
def figures(text: str) -> list[str]:
    """Numbers written in digits, in order."""
    return _NUMBER.findall(comparison_key(text)) if _DIGIT.search(normal(text)) else []


@lru_cache(maxsize=1 << 16)
def _counted(text: str) -> tuple[list, ...]:
    """Units, number words and marks, each in order."""
    told = _told(text)
    return (
        _UNIT.findall(told),
        sorted(word for word in _ENGLISH_WORD.findall(told) if word in _ENGLISH_NUMBERS),
        _KOREAN_NUMBER.findall(told),
        _MARK.findall(told),
    )


def _told(text: str) -> str:
    return normal(text).casefold().replace("’", "'")


def _latin(text: str) -> list[str]:
    return [word for word in _LATIN_WORD.findall(normal(text)) if not _QUANTITY.fullmatch(word)]


def _only(codes: set[str], text: str) -> str:
    return "".join(word for word in (word.casefold() for word in _latin(text)) if word in codes)


# --- polarity -----------------------------------------------------------------------------------------

_KOREAN_NEGATION = re.compile(
    r"않|못|없|아니|아닌|아닙|금지|불가|불필요|불허|불이행|불합격|불참|말아야|마세요|마십시오|지말|"
    r"미(?:납|사용|등록|만|완료|포함|지급|제출|설치|승인|확인|이행|해당|가입|준수|달|신고|적용|착용|성년)|"
    r"비(?:공개|활성|정상|회원|정규|대면|과세|급여|허가|인가|포함|흡연)|무(?:허가|단|효|관|급|상|제한|기한|해당)|"
    r"(?<![보제방동편치])안(?=되|된|될|됩|돼|됐|하[는지면고]|합니|한다|해도|했)|"
    r"제외|거부|거절|반대"
)
_KOREAN_NOT = re.compile(r"(?<![가-힣])안\s+(?=[가-힣])")
_ENGLISH_NEGATIONS = frozenset(
    _split(
        "not no never none nobody nothing neither nor without cannot except unless hardly rarely exclude"
        " excludes excluded excluding forbidden prohibited prohibit prohibits deny denied refuse refused"
        " lack lacks fail fails failed"
    )
)
_NEGATED_WORD = re.compile(
    r"(?:un(?!i|der|til|cle)|non(?!e)|dis(?:able|allow|approv|connect|continu|agree)|im(?:possib|proper)|"
    r"in(?:valid|activ|complet|correct|eligib|access|suffici|compat|visib|secur|adequa|appropri|sensit|flamm)|"
    r"ir(?:regul|relev|revers)|il(?:legal|legib))[a-z]*"
)
_TURNS = tuple(
    _split(
        "이상 이하 초과 이내 이전 이후 직전 직후 최대 최소 최고 최저 상한 하한 증가 감소 가능 불가능"
        " 허용 포함 유료 무료 의무 선택 필수 찬성 입금 출금 입사 퇴사 입구 출구 시작 종료 마감 수입 지출"
        " 매입 매출 내부 외부 국내 해외 왼쪽 오른쪽 위쪽 아래쪽 앞 뒤 전에 후에 오전 오후 상반기 하반기"
        " 남성 여성 개인 법인 평일 주말 주간 야간 신청 취소 승인 반려 설치 제거 열 닫 켜 켠 켤 켭 꺼 끄"
        " 끈 끌 끕 이용 예약 등록 해지 가입 탈퇴 인상 인하 상승 하락 확대 축소 연장 단축 합격"
        " 탈락 출발 도착 대출 반납 승차 하차 입장 퇴장 입학 졸업 전입 전출 상행 하행 양성 음성 흑자 적자"
        " 임대 임차 정상 고장 공개 비밀 켬 끔 늘리 줄이 늘어 줄어 올리 내리 높 낮 짧 많 빠르 느리 더하"
        " 빼 붙이 떼 넣 빌리 잠그 플러스 마이너스 before after minimum maximum min max least most above"
        " below over under more less fewer increase decrease start end begin finish open close opens"
        " closes opening closing left right up down in out on off inside outside internal external upper"
        " lower enable enabled allow allowed include included first last earliest latest longest"
        " shortest am pm morning afternoon evening import export buy sell male female indoor outdoor"
        " upload download send receive encrypt decrypt accept reject lock unlock weekdays weekends day"
        " night"
    )
)


_ENGLISH_TURNS = frozenset(turn for turn in _TURNS if turn.isascii())
_KOREAN_TURNS = tuple(turn for turn in _TURNS if not turn.isascii())


@lru_cache(maxsize=1 << 16)
def polarity(text: str) -> tuple[int, list[str], dict[str, int]]:
    """How often a text is negated, and the words that turn it round: English ones, Korean ones counted."""
    key, told = comparison_key(text), _told(text)
    words, asked = _ENGLISH_WORD.findall(told), stem(key)
    english = sorted(word for word in words if word in _ENGLISH_TURNS)
    korean = {turn: asked.count(turn) for turn in _KOREAN_TURNS if turn in asked}
    return _negations(key, told, words), english, korean


def _negations(key: str, told: str, words: list[str]) -> int:
    korean = _KOREAN_NEGATION.findall(key)
    spaced = len(_KOREAN_NOT.findall(told))
    joined = sum(mark == "안" for mark in korean)
    english = sum(
        w in _ENGLISH_NEGATIONS or w.endswith("n't") or bool(_NEGATED_WORD.fullmatch(w)) for w in words
    )
    # 안 되다 and 안되다 are one negation, however they are spaced.
    return len(korean) - joined + max(spaced, joined) + english
