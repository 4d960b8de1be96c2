"""Content words of a question by suffix rules: fast enough for every row, where an analyser is not.

Particles and endings are cut off each Hangul token, question words, requests and function words are left out.
A stem may come out too short (시가 as 시), which is harmless where stems are compared with one another.
"""

import re
import unicodedata
from functools import lru_cache

from qaloom.text.values import canonical_notation


def _in_jamo(pattern: str) -> str:
    return unicodedata.normalize("NFD", re.sub(r"([가-힣])\?", r"(?:\1)?", pattern))


# A lone ᆸ, ᆫ, ᆯ is a final consonant that belongs to the ending: 엽니까 is 여 + ᆸ니까.
_ENDING = re.compile(
    _in_jamo(
        r"(?:이|하|되)?(?:시|으시)?(?:었|았|였|겠|셨|했|됐)?"
        r"(?:(?:습|ᆸ)니(?:까|다)|(?:는|은|던|ᆫ|을|ᆯ)(?:가요|지요?)|(?:는|은)가|(?:을|ᆯ)까요?|(?:어|아|여)요|(?:에|예)요|나요|(?:는|ᆫ)다"
        r"|죠|지요|면서|려면|으려면|는데|ᆫ데)$"
        r"|(?:하(?:다|고|기|며|여|는|던|면)|한|할|함|해|해요|되(?:다|고|기|며|어|는|던|면)|된|될|됨|돼|돼요|해야|이다)$"
    )
)
# ㅕ, ㅘ and ㅝ of 버려요, 나와요, 배웠습니다.
_VOWELS = {"\u1167": "\u1175\u110b\u1165", "\u116a": "\u1169\u110b\u1161", "\u116f": "\u116e\u110b\u1165"}
_CONTRACTED = re.compile(
    "(?<=[\u1100-\u110a\u110c-\u1112])\u1167(?=\u110b\u116d$|\u11bb)|[\u116a\u116f](?=\u110b\u116d$|\u11bb)"
)
_LONG_PARTICLE = re.compile(
    "(?:에서는|에서도|에게는|으로는|로는|에서|에게|한테|으로|부터|까지|보다|처럼|마다|이라는|라는|에는|에도)$"
)
_SHORT_PARTICLES = {
    "은": True, "이": True, "을": True, "는": False, "가": False, "를": False, "의": None, "에": None,
}  # fmt: skip  # after a consonant, a vowel, either
_RISKY_PARTICLES = frozenset("과와로도만")  # as often the end of a noun: 효과, 제도
_LONGEST_ENDING = 10  # syllables
_LAST_HANGUL = re.compile("(?<![가-힣])[가-힣]*$")
_FINAL_L = 8  # index of the final consonant ᆯ
_LEFT_OUT_LIST = (
    "무엇 무어 뭐 뭔 어디 언제 누구 누가 얼마 몇 며칠 어떻 어떠 어떤 어느 무슨 왜 알려 알리 말해 말씀 "
    "설명 가르쳐 안내 적어 답해 주 주세 주십시 주시 줘 주실 궁금 알고 싶 싶습 있 있나 없 것 거 수 때 "
    "경우 대해 대하 관해 관하 그 이 저 및 등 혹시 보통 대략 정확히 좀 현재 하 되 합 됩 인지 인가 입니 "
    "이에 예요 이며 인 일 는지 건 게 바 중 각각 해당 위해 위하 시오 세요 은 는 가 을 를 의 에 로 으로 "
    "까지 부터 와 과 도 만 에서 인가요 입니까 인지요 주세요 주십시오 주시겠어요 주실래요 주시기 "
    "바랍니다 보세요 얼마나 몇시 어떻게 무엇이 답하세요 서술하세요 쓰세요 쓰시오"
)
_LEFT_OUT = frozenset(_LEFT_OUT_LIST.split())
_FUNCTION_WORDS_LIST = (
    "a an the this that these those of for to in on at by with from about as and or is are was were be "
    "been do does did can could may might will would shall should must have has had what which how when "
    "where who whom whose why i me we us you your it its there please tell give say know want like whether kindly "
    "explain describe wonder wondering some any "
    "so s t if than then into out up"
)
_FUNCTION_WORDS = frozenset(_FUNCTION_WORDS_LIST.split())
_REQUEST = re.compile("(?:알려|말해|말씀해|설명해|가르쳐|안내해|적어|답해)(?:주|줘|보|달)")
_TOKEN = re.compile(r"[a-z0-9][a-z0-9.,:/_~^%+#-]*[a-z0-9%+#]|[a-z0-9]|[가-힣]+|[^\W\d_a-z가-힣]+")
_HANGUL = re.compile("[가-힣]")


@lru_cache(maxsize=1 << 16)
def stems(text: str) -> tuple[str, ...]:
    """The content words of a text in order, values in one notation, without particles and endings."""
    found = map(_stem, _TOKEN.findall(canonical_notation(text).casefold()))
    return tuple(word for word in found if word)


@lru_cache(maxsize=1 << 18)
def _stem(token: str) -> str:
    """A casefolded token without particle or ending; empty for a word that carries no content."""
    if not _HANGUL.match(token):
        if token in _FUNCTION_WORDS:
            return ""
        return token[:-1] if token.isalpha() and len(token) > 3 and token.endswith("s") else token
    if token in _LEFT_OUT or _REQUEST.match(token):
        return ""
    left = _without_particle(_without_ending(token))
    return "" if left in _LEFT_OUT else left


def _without_ending(token: str) -> str:
    jamo = _CONTRACTED.sub(_spelled_out, unicodedata.normalize("NFD", token))
    left = _ENDING.sub("", jamo)
    if left == jamo:
        return unicodedata.normalize("NFC", jamo)
    if len(left) < 2:
        return token if left else ""
    left = unicodedata.normalize("NFC", left)
    return left if left in _LEFT_OUT else left[:-1] + _open(left[-1])


def without_final_ending(key: str) -> str:
    """A comparison key without the ending or particle of its last word: 6시입니다 as 6시."""
    if not key or not _HANGUL.match(key[-1]):
        return key
    tail = key[-_LONGEST_ENDING:]
    start = len(tail) - len(_LAST_HANGUL.search(tail)[0])  # type: ignore[index]
    left = _without_last(tail[start:]) if start < len(tail) else ""
    return key[: len(key) - len(tail) + start] + left or key


@lru_cache(maxsize=1 << 16)
def _without_last(word: str) -> str:
    return _without_particle(_without_ending(word))


def _spelled_out(match: re.Match[str]) -> str:
    """A contracted vowel as the stem's and the ending's: 버려요 as 버리어요."""
    return _VOWELS[match[0]]


def _open(syllable: str) -> str:
    """A syllable without a final ᆯ, which comes and goes in verbs: 열어요, 엽니까."""
    final = (ord(syllable) - 0xAC00) % 28
    return chr(ord(syllable) - final) if final == _FINAL_L and "가" <= syllable <= "힣" else syllable


def _without_particle(token: str) -> str:
    left = _LONG_PARTICLE.sub("", token)
    if left != token and left:
        return left
    if len(token) > 1 and (last := token[-1]) in _SHORT_PARTICLES:
        after_consonant = _SHORT_PARTICLES[last]
        closed = (ord(token[-2]) - 0xAC00) % 28 != 0
        return token[:-1] if after_consonant is None or after_consonant == closed else token
    return token[:-1] if len(token) > 2 and token[-1] in _RISKY_PARTICLES else token


def same_stem(one: str, other: str) -> bool:
    """Whether two stems are one word: equal, or one Hangul stem begins with the other (가람호, 가람)."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    return len(short) >= 2 and long.startswith(short) and bool(_HANGUL.match(short))


def differ_in_endings_alone(one: str, other: str) -> bool:
    """Whether two questions have the same content words in the same order, however inflected."""
    a, b = stems(one), stems(other)
    if "".join(a) == "".join(b):
        return True
    return len(a) == len(b) and all(map(_inflected, a, b))


def _inflected(one: str, other: str) -> bool:
    """Whether two stems may be forms of one word: 빌리, 빌려."""
    if same_stem(one, other):
        return True
    if not (_HANGUL.match(one) and _HANGUL.match(other)):
        return False
    a, b = unicodedata.normalize("NFD", one), unicodedata.normalize("NFD", other)
    shared = next(
        (i for i, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1]), min(len(a), len(b))
    )
    return shared >= max(2, min(len(a), len(b)) - 2)
