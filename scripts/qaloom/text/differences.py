"""What two similar texts differ in: nothing that counts, something, or what they are about.

The texts are laid over each other and each difference is judged by itself. It is *harmless* if it is known
to be: spacing, another question ending or politeness (-습니까, -나요), a particle that may be left out, a
conditional (-려면, -ㄹ 때), a filler, a misspelling. A content word that stands in another's place, before
the predicate, makes a text about an*other* thing (춘천역의 요금, 원주역의 요금). All else is *unclear*:
a word more, another predicate.

A misspelling is one jamo, one letter too many or too few inside a word, or two swapped, unless both
spellings are known words (여수 / 여주), a person's name or a label (가동 / 나동).
"""

import re
import unicodedata
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import OSA, Levenshtein

from qaloom.text.normalize import jamo


class Difference(IntEnum):
    """How far apart two texts are, in rising order."""

    HARMLESS = 0
    UNCLEAR = 1
    OTHER = 2


def difference(one: str, other: str) -> Difference:
    """The gravest difference between two raw texts, numbers aside (see `guard`)."""
    a, b = _words(one), _words(other)
    if a.letters == b.letters:
        return Difference.HARMLESS
    if not (_HANGUL.search(a.letters) or _HANGUL.search(b.letters)):
        return _english(a, b)
    # With the endings, as one may be misspelt, and without, as one may say 무엇 and the other 알려 주세요.
    return max(_asked_for(a, b), min(_korean(a, b), _korean(_stemmed(a), _stemmed(b))))


def stem(key: str) -> str:
    """A squashed Korean text without its ending, copula, last particle and 무엇: what it asks about."""
    if key.isascii():
        return key
    apart = jamo(key[-_LONGEST_END:])
    left = apart[: _END.search(apart).start()]
    return key[:-_LONGEST_END] + unicodedata.normalize("NFC", left) or key


class _Words(NamedTuple):
    """The letters of a text without spaces and digits, the places where its words start, and the words."""

    letters: str
    starts: frozenset[int]
    words: tuple[str, ...]


@lru_cache(maxsize=1 << 16)
def _words(text: str) -> _Words:
    plain = _GLOSS.sub("", unicodedata.normalize("NFKC", text)).casefold()
    for long, short in _CONTRACTIONS:
        plain = plain.replace(long, short)
    words = tuple(re.findall(r"[^\W\d_]+", plain))
    starts, at = set(), 0
    for word in words:
        starts.add(at)
        at += len(word)
    return _Words("".join(words), frozenset(starts), words)


def _stemmed(words: _Words) -> _Words:
    return words._replace(letters=stem(words.letters))


_GLOSS = re.compile(r"\([\u4e00-\u9fff\s]+\)")  # 질권(質權)


# --- Korean -------------------------------------------------------------------------------------------

_HANGUL = re.compile(r"[가-힣]")


def _apart(pattern: str) -> str:
    """A pattern for text in jamo, written in syllables; a lone final consonant is a conjoining one."""
    return unicodedata.normalize("NFD", re.sub(r"([가-힣])\?", r"(?:\1)?", pattern))


_CONTRACTIONS = (
    ("하여", "해"),
    ("하였", "했"),
    ("되어", "돼"),
    ("되었", "됐"),
    ("로부터", "부터"),
    ("아니오", "아니요"),
)
_PLEASE = (
    r"(?:에대해서?|에관해서?)?(?:알려|말해|말씀해|설명해|가르쳐|안내해|적어|써|답해)"
    r"(?:주(?:세요|십시오|시오|시겠습니까|시겠어요|실수있나요|실수있습니까|ᆯ래요?|라)|줘요?|라|보세요|보시오)"
)
_ENDING = (
    r"(?:습|ᆸ)니(?:까|다)|(?:는|은|던|ᆫ)(?:가|지)요?|(?:을|ᆯ)까요?|이?(?:에|예)요|(?:어|아|여)요|나요?|냐|니|죠|지요?"
    r"|요|다|음|ᆷ"
)
_LONGEST_END = 16  # syllables
_END = re.compile(_apart(rf"(?:은|는|이|가|을|를)?(?:무엇|무어|뭐)?이?(?:으?시)?(?:{_PLEASE}|{_ENDING})?$"))
# Two runs of one row may stand for each other; '' is one that may be left out.
_ALIKE = [
    re.compile(_apart(pattern))
    for pattern in (
        r"(?:은|는|이|가|의)?",
        r"(?:은|는|을|를)?",
        r"(?:에서|에|서)?는?",
        r"으?로는?",
        r"와|과|및|이?랑|하고",
        r"는|을|ᆯ",
        r"으?려면|으?려고하면|고자하면|고싶(?:으면|다면)|(?:을|ᆯ)(?:때|경우)에?는?|기위해서?는?|으?면|(?:는|ᆫ)(?:다면|경우)에?는?|시에?는?",
        rf"(?:이?(?:{_ENDING}))?",
        r"(?:혹시|보통|대략|정확히|구체적으로|일반적으로|주로|모두|좀|현재|과연)?",
    )
]
_ASKED = re.compile("무엇|무슨|뭐|어디|언제|누가|누구|얼마|몇|며칠|어떻|어떤|어느|왜")
_PREFIXES = frozenset("미비불부무준재소대")
_PLAIN_ASKED = ("언제", "어디", "누", "왜")  # the others stand for one another: 얼마, 어떻게, 무엇, 몇


def _asked_for(a: _Words, b: _Words) -> Difference:
    """언제 and 어디 ask for two things."""
    asked = [
        {word for word in _PLAIN_ASKED for found in _ASKED.findall(side.letters) if found.startswith(word)}
        for side in (a, b)
    ]
    return Difference.OTHER if asked[0] != asked[1] and all(asked) else Difference.HARMLESS


def _korean(a: _Words, b: _Words) -> Difference:
    predicate = _predicate(a), _predicate(b)
    ending = len(stem(a.letters)), len(stem(b.letters))
    worst = Difference.HARMLESS
    for i, end_i, j, end_j in _runs(a.letters, b.letters):
        mine, theirs = a.letters[i:end_i], b.letters[j:end_j]
        if _alike(mine, theirs) or _misspelt(a, b, i, end_i, j, end_j):
            continue
        if max(len(mine), len(theirs)) <= 2 and (i >= ending[0] or j >= ending[1]):
            continue  # a misspelt ending
        replaced = mine and theirs and i < predicate[0] and j < predicate[1]
        other = replaced or {mine, theirs} == {"부터", "까지"} or _prefixed(a, b, i, j, mine or theirs)
        worst = max(worst, Difference.OTHER if other else Difference.UNCLEAR)
    return worst


def _prefixed(a: _Words, b: _Words, i: int, j: int, more: str) -> bool:
    """이수자, 미이수자: a syllable before a word makes it another."""
    return more in _PREFIXES and i in a.starts and j in b.starts


def _predicate(words: _Words) -> int:
    """Where the predicate starts: at the last question word, else at the last word."""
    found = [match.start() for match in _ASKED.finditer(words.letters)]
    return (
        found[-1]
        if found
        else max((start for start in words.starts if start <= len(words.letters)), default=0)
    )


def _runs(one: str, other: str) -> list[tuple[int, int, int, int]]:
    """Stretches (start, end in one; start, end in other) that differ, with a single letter between two."""
    runs: list[list[int]] = []
    for tag, i, end_i, j, end_j in Levenshtein.opcodes(one, other):
        if tag == "equal":
            continue
        if runs and i - runs[-1][1] <= 1 and j - runs[-1][3] <= 1:
            runs[-1][1], runs[-1][3] = end_i, end_j
        else:
            runs.append([i, end_i, j, end_j])
    return [tuple(run) for run in runs]


def _alike(mine: str, theirs: str) -> bool:
    whole = jamo(mine), jamo(theirs)
    return any(
        pattern.fullmatch(one) and pattern.fullmatch(other)
        for one, other in (whole, _trimmed(*whole))
        for pattern in _ALIKE
    )


def _trimmed(one: str, other: str) -> tuple[str, str]:
    """Without the jamo that both begin and end with: 빌리려면, 빌릴때 are 려면, ᆯ때."""
    head = 0
    while head < min(len(one), len(other)) and one[head] == other[head]:
        head += 1
    tail = 0
    while tail < min(len(one), len(other)) - head and one[-1 - tail] == other[-1 - tail]:
        tail += 1
    return one[head : len(one) - tail], other[head : len(other) - tail]


# --- misspellings -------------------------------------------------------------------------------------

# Words, or their first two syllables, that one jamo makes another of them, and their kind.
_CITIES_AND_DAYS = (
    "월요 일요 화요 수요 목요 금요 토요 여수 여주 영주 양주 원주 청주 충주 진주 전주 경주 광주 공주"
    " 제주 나주 파주 상주 무주 서울 부산 대구 인천 대전 울산 세종 경기 강원 충북 충남 전북 전남 경북"
    " 경남 수원 성남 안양 안산 안성 고양 과천 구리 남양 오산 시흥 군포 의왕 하남 용인 이천 김포 화성"
    " 포천 춘천 강릉 동해 태백 속초 삼척 제천 천안 아산 서산 논산 계룡 당진 군산 익산 정읍 남원 김제"
    " 목포 순천 포항 김천 안동 구미 영천 경산 창원 통영 사천 김해 밀양 거제 양산 서귀 강남 강동 강서"
    " 강북 마포 은평 종로 중구 동구 서구 남구 북구 양천 연천 진천 옥천 합천 홍천 화천 예천 서천 고성"
    " 장성 보성 곡성 음성 의성 횡성 함양 청양 영양 단양 담양 광양 부여 부안 무안 태안 진안 해남 산청"
    " 하동 영동 영덕 영월 영광 영암"
)
_KINDS = (
    "유료 무료 유선 무선 유상 무상 유급 무급 내부 외부 국내 국외 실내 실외 시내 시외 내국 외국 수입"
    " 수익 수출 수신 송신 입금 임금 전기 정기 전문 정문 사고 사과 연간 월간 주간 야간 공개 공공 신규"
    " 신고 신청 계약 계량 대여 대피 반납 반입 매수 매입 매출 매도 개인 단체 장기 단기 정시 수시 상시"
    " 임시 고가 저가 정가 시가 전세 전체 국어 국악 중급 초급 고급 상급 하급 남자 여자 모자 부자 장남"
    " 차남 양수 음수 양성 감기 감지 전화 전환 교환 교육 환급 환불 지급 지불 지원 이용 이동 보험 보증"
    " 시험 시공 착공 준공 완공 기준 기간 기한 기본 개설 개선 개점 폐점 휴업 휴관 개관 개장 폐장"
)
_KNOWN = frozenset(f"{_CITIES_AND_DAYS} {_KINDS}".split())
_SAME_SOUND = str.maketrans("\u1162\u1164\u116b\u1170", "\u1166\u1168\u116c\u116c")
_LABEL = frozenset("가나다라마바사아자차카타파하갑을병정무기경신임계")
_PERSON = re.compile(
    r"[김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반라왕금옥육인맹제모탁국어]"
    r"[가-힣]{1,2}(?=(?:씨|님|선생|교수|과장|부장|차장|대리|사원|팀장|실장|원장|소장|센터장|본부장|이사|대표|사장|회장|작가|감독"
    r"|기자|의원|시장|군수|장관|차관|변호사|의사|간호사|박사|강사|코치|선수|배우|가수|화백|주무관|사무관|서기관|연구원|담당자))"
)


def _misspelt(a: _Words, b: _Words, i: int, end_i: int, j: int, end_j: int) -> bool:
    mine, theirs = a.letters[i:end_i], b.letters[j:end_j]
    if not _HANGUL.search(mine + theirs):
        return _misspelt_latin(a.letters, b.letters, i, j, mine, theirs)
    if len(mine) == len(theirs) and sorted(mine) == sorted(theirs):
        return True  # syllables swapped
    if not mine or not theirs:
        longer, at, end = (a, i, end_i) if mine else (b, j, end_j)
        return end - at == 1 and _stray(longer, at)
    if len(mine) != 1 or len(theirs) != 1 or Levenshtein.distance(_heard(mine), _heard(theirs)) > 1:
        return False
    return not (_tense(mine, theirs) or _two_words(a, b, i, j) or _two_people(a, b, i, j))


def _heard(syllable: str) -> str:
    """Its jamo, with vowels that sound the same (애 에, 왜 외 웨) as one."""
    return jamo(syllable).translate(_SAME_SOUND)


def _stray(words: _Words, at: int) -> bool:
    """A syllable twice, or one inside a word of five and more."""
    if words.letters[at] in (words.letters[at - 1 : at] or " ") + words.letters[at + 1 : at + 2]:
        return True
    start = max(s for s in words.starts if s <= at)
    end = min((s for s in words.starts if s > at), default=len(words.letters))
    return end - start >= 5 and start + 1 < at < end - 2


def _tense(mine: str, theirs: str) -> bool:
    """제출한 서류, 제출할 서류: the final consonant makes the tense."""
    finals = {jamo(syllable)[2:] for syllable in (mine, theirs)}
    return finals <= {"", "\u11ab", "\u11af", "\u11bb"} and len(finals) == 2


def _two_words(a: _Words, b: _Words, i: int, j: int) -> bool:
    """Both spellings are known words, labels, or whole words of one syllable."""
    if a.letters[i] in _LABEL and b.letters[j] in _LABEL and i in a.starts and j in b.starts:
        return True
    if {i, i + 1} <= a.starts | {len(a.letters)} and {j, j + 1} <= b.starts | {len(b.letters)}:
        return True
    return any(
        a.letters[i - back : i - back + 2] in _KNOWN and b.letters[j - back : j - back + 2] in _KNOWN
        for back in range(min(2, i + 1, j + 1))
    )


def _two_people(a: _Words, b: _Words, i: int, j: int) -> bool:
    return any(
        match.start() <= at < match.end()
        for side, at in ((a, i), (b, j))
        for match in _PERSON.finditer(side.letters)
        if match.start() in side.starts
    )


def _misspelt_latin(one: str, other: str, i: int, j: int, mine: str, theirs: str) -> bool:
    """A letter of a Latin word inside Korean text; short ones are codes."""
    words = [
        next((m[0] for m in re.finditer(r"[a-z]+", text) if m.start() <= at <= m.end()), "")
        for text, at in ((one, i), (other, j))
    ]
    return all(words) and max(len(mine), len(theirs)) <= 2 and _near_words(*words)


def _near_words(one: str, other: str) -> bool:
    """Two spellings of one Latin word; another letter in the place of one makes other words more often."""
    if one.removesuffix("s") == other.removesuffix("s"):
        return True
    swapped_in = len(one) == len(other) and sorted(one) != sorted(other)
    return OSA.distance(one, other) <= max(len(one), len(other)) // (7 if swapped_in else 5)


# --- English and the like -----------------------------------------------------------------------------

_FUNCTION = (
    "a an the this that these those of for to in on at by with from about as and or is are was were be"
    " been do does did can could may might will would shall should must have has had what which how i me"
    " we us you your it its there please tell give say know want kindly exactly currently usually also"
    " just any some so s re ll ve d m t interval often"
)
_FUNCTION_WORDS = frozenset(_FUNCTION.split())
_ENGLISH_ASKED = frozenset(("when", "where", "who", "whom", "whose", "why"))


def _english(a: _Words, b: _Words) -> Difference:
    asked = [_ENGLISH_ASKED & set(side.words) for side in (a, b)]
    if asked[0] != asked[1] and all(asked):
        return Difference.OTHER
    number: dict[str, int] = {}  # of each word, as rapidfuzz lays letters over each other
    coded = ["".join(chr(number.setdefault(word, len(number))) for word in side.words) for side in (a, b)]
    worst = Difference.HARMLESS
    for i, end_i, j, end_j in _runs(*coded):
        worst = max(worst, _english_run(a.words[i:end_i], b.words[j:end_j]))
    return worst


def _english_run(mine: tuple[str, ...], theirs: tuple[str, ...]) -> Difference:
    if _near_words("".join(mine), "".join(theirs)):
        return Difference.HARMLESS
    content = _content(mine, theirs), _content(theirs, mine)
    if len(content[0]) == len(content[1]) and all(map(_near_words, *content)):
        return Difference.HARMLESS
    return Difference.OTHER if all(content) else Difference.UNCLEAR


def _content(words: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
    """Words that are no function words, nor misspelt ones (hte) beside the right one."""
    right = _FUNCTION_WORDS.intersection(others)
    return [
        word
        for word in words
        if word not in _FUNCTION_WORDS and not any(OSA.distance(word, other) <= 1 for other in right)
    ]
