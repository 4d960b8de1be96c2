"""Korean by morphemes, from Kiwi: what a phrase is about, what it denies, who does what to whom.

The analyser (kiwipiepy; its model is a package, too) is loaded once, on first use, in about two seconds, and
reads a sentence in half a millisecond. Callers first ask a cheap test whether there is a doubt at all.
"""

import re
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kiwipiepy import Kiwi


class Morpheme(NamedTuple):
    """One morpheme: its form, Kiwi's tag, its place in the text, and whether the dictionary has it."""

    form: str
    tag: str
    start: int
    end: int
    known: bool


class Reading(NamedTuple):
    """The parts of a phrase that count: content words in order, their particles, and the rest as features."""

    content: tuple[str, ...]
    roles: tuple[str, ...]  # of each content word: "s" subject or topic, "o" object, "to", "into", "from" ...
    negations: int
    asked: frozenset[str]  # "when", "where", "who", "why"; empty for what, how and how much
    tense: tuple[str, ...]  # of each modifier: to come (ᆯ) or not, and past


@cache
def analyser() -> "Kiwi":
    """The one analyser of this process."""
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1)


@lru_cache(maxsize=1 << 16)
def morphemes(text: str) -> tuple[Morpheme, ...]:
    """The morphemes of a text, as Kiwi reads it."""
    found = analyser().tokenize(text)
    return tuple(Morpheme(t.form, t.tag.partition("-")[0], t.start, t.end, not t.oov) for t in found)


# --- negation -----------------------------------------------------------------------------------------

_NEGATORS = {("안", "MAG"), ("못", "MAG"), ("않", "VX"), ("못하", "VX"), ("말", "VX"), ("없", "VA"), ("아니", "VCN"),
             ("없이", "MAG"), ("않", "VV"), ("아니", "MAG"), ("없애", "VV"), ("못하", "VV"),
             ("못하", "VA")}  # fmt: skip
_NEGATING_PREFIXES = frozenset("미비불부무")
_NEGATING_NOUNS = frozenset(
    [
        "금지",
        "불가",
        "불허",
        "불가능",
        "제외",
        "거부",
        "거절",
        "반대",
        "불필요",
        "미납",
        "불참",
        "불합격",
        "불이행",
    ]
)
_MAY_NEGATE = re.compile("[안못않말없아미비불부무]|금지|제외|거[부절]|반대|마세|마십|마시|마라")


def korean_negations(text: str) -> int:
    """How often a text denies something: 안, 못, -지 않-, -지 말-, 없-, 아니-, 미- 비- 불- 부- 무-, 금지, 불가."""
    if not _MAY_NEGATE.search(text):
        return 0
    return sum(map(_negates, morphemes(text)))


def _negates(one: Morpheme) -> bool:
    if one.tag == "XPN":
        return one.form in _NEGATING_PREFIXES
    return (one.form, one.tag) in _NEGATORS or (one.form in _NEGATING_NOUNS and one.tag == "NNG")


# --- content ------------------------------------------------------------------------------------------

_ROLES = {
    "에게": "to", "한테": "to", "께": "to", "로": "into", "으로": "into", "부터": "from",
    "에서부터": "from", "까지": "until",
    "보다": "than", "에서": "at", "에": "at", "와": "and", "과": "and", "이랑": "and", "랑": "and", "하고": "and",
    "만": "only",
    "도": "also",
}  # fmt: skip
_INTERCHANGED = [
    {"s", "o"},
    {"at", "s"},
    {"at", "o"},
    {"into", "at"},
    {"also", "s"},
    {"also", "o"},
    {"and", "s"},
]
_ASKING = {"언제": "when", "어디": "where", "누구": "who", "누": "who", "왜": "why"}
_ASKED_PLAINLY = frozenset(
    ["무엇", "무어", "뭐", "얼마", "얼마나", "몇", "어떤", "어떻", "무슨", "어느", "며칠", "어떻게"]
)
_TELLING = frozenset(
    ["알리", "말", "말씀", "설명", "안내", "가르치", "적", "쓰", "답", "답하", "쓰시", "대답"]
)
_LIGHT_VERBS = frozenset(["하", "되", "시키", "당하", "받", "이루어지"]) - {"받", "당하"}
_WHEN = frozenset(["경우", "때", "시"])
_FILLERS = frozenset(
    [
        "혹시",
        "보통",
        "대략",
        "정확히",
        "구체적",
        "구체",
        "일반적",
        "일반",
        "주로",
        "모두",
        "좀",
        "현재",
        "과연",
        "대해",
        "대하",
        "관하",
        "위하",
        "그",
        "이",
        "것",
        "거",
        "바",
        "등",
        "및",
        "각각",
        "해당",
    ]
)
_LIKE = {
    "갑상샘": "갑상선",
    "전립샘": "전립선",
    "림프샘": "림프선",
    "이하샘": "이하선",
    "샘": "선",
    "뒤": "후",
}
_CONTENT = ("N", "V", "M", "XR", "XPN", "XSN", "SL", "SH", "SN", "IC", "UN", "W")


@lru_cache(maxsize=1 << 16)
def reading(text: str) -> Reading:
    """The content words of a phrase without endings, fillers, and light verbs, and what else counts in it."""
    words: list[str] = []
    roles: list[str] = []
    tense: list[str] = []
    asked: list[str] = []
    found = morphemes(text)
    for at, one in enumerate(found):
        before = found[at - 1] if at else None
        if one.tag[0] == "J" and _inside_name(one, found[at + 1 : at + 3]):
            words.append(one.form)
            roles.append("")
        elif one.tag[0] == "J":
            if asked and before is not None and before.form in _ASKING:
                asked[-1] += {"from": " from", "until": " until"}.get(_role(one), "")
            elif roles:
                roles[-1] += _role(one)
        elif one.tag in ("ETM", "EP"):
            tense += _tense(one, found[at + 1 :])
        elif one.form in _ASKING and one.tag in ("NP", "MAG"):
            asked.append(_ASKING[one.form])
        elif not _negates(one) and _counts(one, before):
            words.append(_plain(one, before))
            roles.append("")
        elif (one.form, one.tag) == ("없", "VA"):
            words.append("있")
            roles.append("")
    return Reading(tuple(words), tuple(roles), sum(map(_negates, found)), frozenset(asked), tuple(tense))


def role_changes(one: Reading, other: Reading) -> set[tuple[str, str]]:
    """The roles that words have in one reading and another, where they differ; of words cut otherwise the last."""
    mine, theirs = one.roles, other.roles
    if len(mine) != len(theirs):
        mine, theirs = mine[-1:], theirs[-1:]
    return {(x, y) for x, y in zip(mine, theirs, strict=False) if x and y and x != y}


def in_pieces(text: str) -> bool:
    """Whether a word is read as pieces that never join, as an unknown name is: 아아|두|바, 오후|가|사상사."""
    return any(
        one.end == other.start and _never_joined(one, other) for one, other in pairwise(morphemes(text))
    )


def ends_as(text: str) -> str:
    """How a word ends: in a copula ("V"), in a particle ("J"), or else ("")."""
    found = morphemes(text)
    if any(m.tag == "VCP" for m in found):
        return "V"
    return "J" if found and found[-1].tag[0] == "J" else ""


def unwritten_copula(text: str) -> bool:
    """Whether a word is read as an unknown noun and an ending, with no letter for the copula: 빛로후|다."""
    return any(
        one.tag[0] == "N" and not one.known and other.tag == "VCP" and other.start == other.end
        for one, other in pairwise(morphemes(text))
    )


def _never_joined(one: Morpheme, other: Morpheme) -> bool:
    if one.tag[0] == "J":
        return other.tag[0] in ("N", "M", "E")
    if one.tag in ("NNG", "NNP"):
        return other.tag in ("VV", "VA")
    return one.tag == "IC" and other.tag[0] in ("N", "V", "M")


def _inside_name(particle: Morpheme, after: tuple[Morpheme, ...]) -> bool:
    """Whether what looks like a particle stands inside a word that the dictionary lacks: 소|나|늘|모 상사."""
    joined = len(after) == 2 and after[0].start == particle.end and after[1].start == after[0].end
    return joined and after[0].tag in ("MAG", "MM", "IC") and after[1].tag in ("MM", "NNG", "NNP")


def _role(one: Morpheme) -> str:
    if one.tag in ("JKS", "JKC") or one.form in ("은", "는"):
        return "s"
    return "o" if one.tag == "JKO" else _ROLES.get(one.form, "")


def _tense(one: Morpheme, rest: tuple[Morpheme, ...]) -> list[str]:
    """Tense of a modifier, but before 때, 경우 and 수, where it says nothing."""
    if one.tag == "EP" or (rest and rest[0].form in (*_WHEN, "수", "것", "후", "뒤", "거", "줄")):
        return []
    return ["to come" if one.form in ("ᆯ", "을") else "past" if one.form in ("ᆫ", "은", "던") else ""]


def _counts(one: Morpheme, before: Morpheme | None) -> bool:
    if not one.tag.startswith(_CONTENT) or one.tag in ("VCP", "VX"):
        return False
    if one.form in _ASKED_PLAINLY or one.form in _FILLERS or one.form in _TELLING:
        return False
    if one.form in _WHEN and one.tag in ("NNB", "NNG"):
        return before is not None and before.tag == "SN"
    return one.form not in _LIGHT_VERBS or not one.tag.startswith("V")


_SUFFIXED = {"사람": "자", "곳": "처"}  # 승인하는 사람, 승인자


def _plain(one: Morpheme, before: Morpheme | None) -> str:
    if before is not None and before.tag == "ETM" and one.form in _SUFFIXED:
        return _SUFFIXED[one.form]
    return _LIKE.get(one.form, one.form)


def roles_differ(one: Reading, other: Reading) -> bool:
    """Whether two readings of the same words say that other ones do, get or undergo something."""
    if len(one.roles) != len(other.roles):
        return False
    swapped = 0
    for mine, theirs in zip(one.roles, other.roles, strict=True):
        if mine == theirs or not mine or not theirs:
            continue
        if {mine, theirs} not in _INTERCHANGED:
            return True
        swapped += {mine, theirs} == {"s", "o"}
    return swapped > 1
