"""Terms of a question: its content words with their roles, what kind of thing is asked, and what only asks.

Two wordings of a question hold the same terms; see `rewordings`. Roles are read from particles (가람이, 가람에게) and
prepositions (to Garam); what is counted has the role "many" in English. An English 'A of B' is read as 'B A', so that
both orders give one.
"""

import re
from functools import cache, lru_cache
from typing import NamedTuple

from qaloom.text.content_words import stems
from qaloom.text.units import is_unit
from qaloom.text.values import canonical_notation


class Term(NamedTuple):
    """One content word: its stem, its role ("" where none is marked), that of its phrase, and the word as written."""

    stem: str
    role: str
    phrase: str
    word: str


class QuestionTerms(NamedTuple):
    """Terms in order; the kind of thing asked for: when, where, who, why, how, many, what, yes/no or "" (open)."""

    terms: tuple[Term, ...]
    asked: str
    counter: str  # what is counted: 명 of 몇 명


# Nouns that a question word may stand for: the time at which = when.
FILLERS = {
    "when": "시각 시간 일시 날짜 일자 때 시점 시기 시 time date moment day",
    "where": "장소 위치 곳 place location",
    "who": "사람 분 자 person one people name",
    "why": "이유 까닭 reason",
    "how": "방법 절차 way method procedure",
    "many": "값 액수 수량 개수 횟수 수 많 되 amount number value many much figure",
    "what": "값 내용 value content",
    "": "",
}
_OF_ANY = "값 내용 정보 value information details"


def fills(term: Term, asked: str) -> bool:
    """Whether a word says no more than the question word does."""
    return not _filling(asked).isdisjoint((term.stem, term.word))


@cache
def _filling(asked: str) -> frozenset[str]:
    return frozenset(f"{FILLERS.get(asked, '')} {_OF_ANY}".split())


_FILLING = frozenset(" ".join(FILLERS.values()).split())


def _counts(stem: str) -> bool:
    """Whether a stem tells what is asked about: no number, unit, preposition or question word."""
    if stem[0].isdigit() or stem in _FILLING or stem in _ROLES or stem in _ENDS_CHAIN or stem in _COUNTERS:
        return False
    return not (_asks(stem) or _ONLY_ASKS.match(stem) or is_unit(stem))


_COUNTERS = frozenset("회명개일원권대건층번점년월분초세살")


class TermNumbers(dict[str, tuple[int, ...]]):
    """The numbers of the content words that a word of a question stands for: a cache; `stems` spells them."""

    def __init__(self) -> None:
        self.stems: list[str] = []
        self._numbers: dict[str, int] = {}

    def __missing__(self, word: str) -> tuple[int, ...]:
        tokens = _TOKEN.findall(word.casefold())
        found = [_stem(token) if _HANGUL.match(token) else _light(token) for token in tokens]
        self[word] = numbers = tuple(self._number(stem) for stem in found if stem and _counts(stem))
        return numbers

    def _number(self, stem: str) -> int:
        number = self._numbers.setdefault(stem, len(self.stems))
        if number == len(self.stems):
            self.stems.append(stem)
        return number


@lru_cache(maxsize=1 << 16)
def question_terms(text: str) -> QuestionTerms:
    """The terms of a question in either language."""
    plain = canonical_notation(text).casefold()
    return _korean(plain) if _HANGUL.search(plain) else _english(plain)


# --- Korean -------------------------------------------------------------------------------------------

_HANGUL = re.compile("[가-힣]")
_TOKEN = re.compile(r"[a-z0-9][a-z0-9.,:/_~^%+#-]*[a-z0-9%+#]|[a-z0-9]|[가-힣]+|[^\W\d_a-z가-힣]+")
_PARTICLES = (
    ("에게서", "from"), ("한테서", "from"), ("에서부터", "from"), ("으로부터", "from"), ("로부터", "from"),
    ("부터", "from"),
    ("까지", "until"), ("에서", "in"), ("에게", "to"), ("한테", "to"), ("께", "to"), ("으로", "into"), ("로", "into"),
    ("보다", "than"), ("에는", "at"), ("에", "at"), ("의", "of"), ("와", "and"), ("과", "and"), ("랑", "and"),
    ("은", "s"), ("는", "s"), ("이", "s"), ("가", "s"), ("을", "o"), ("를", "o"), ("만", "only"), ("도", "also"),
)  # fmt: skip
_AFTER = "(?:[은는이가을를의에로]|에서|에게|한테|까지|부터|인|입|죠|예|쯤|든|나|라|냐|보다|하고|랑|와).*"
_ASKING = (
    (re.compile(f"언제(?:{_AFTER})?"), "when"), (re.compile(f"어디(?:{_AFTER}|서.*)?"), "where"),
    (re.compile(f"누가|누구(?:{_AFTER})?"), "who"), (re.compile("왜(?:[인냐죠].*)?"), "why"),
    (re.compile("어떻.+|어떡.+"), "how"),
    (re.compile("며칠.*|몇.*|얼마.*"), "many"), (re.compile("무엇.*|무얼.*|뭐.*|뭘|무슨|어떤|어느"), "what"),
)  # fmt: skip
_ONLY_ASKS = re.compile(
    "알려|말해|말씀|설명|가르쳐|안내|적어|답해|궁금|알고|싶|주세요|주십|주시|주실|줘|달라|바랍|부탁|혹시|좀$|경우"
    "|(?:따르|따른|따라|의하|의한|의해|대한|관한|위한)"
)
_ASKS_WHETHER = re.compile(
    r"(?:까요?|나요?|가요|예요|에요|어요|아요|죠|지요|니|냐|지)\s*(?:[?.!,]|여부|$)|(?:는|은|한|인|운|을|될|할)지\s*(?:알|말|궁|설|가르)|여부"
)
_ASKED_FOR = re.compile("(?:알려|말해|말씀|설명|가르쳐|안내|답해)[가-힣]{0,12}(?: [가-힣]{1,12})?[?.!]?$")
_AFTER_COUNTER = re.compile(
    "(?:까지|부터|에서|에|이|가|은|는|을|를|로|으로|인지|인가요|인가|입니까|이나|나){1,3}$"
)


def _korean(plain: str) -> QuestionTerms:
    found: list[Term] = []
    asked, counter, counting, end = "", "", False, -1
    for match in _TOKEN.finditer(plain):
        token, joined = match[0], match.start() == end
        end = match.end()
        if kind := _asks(token):
            asked, end = asked or kind, -1
            counting = token.startswith("몇")
            if counting and len(token) > 1:
                counter, counting = _counter(token[1:]), False
            continue
        if joined and found and (role := _role_alone(token)) is not None:
            found[-1] = found[-1]._replace(role=role)
        elif counting:
            counter, counting, end = _counter(token), False, -1
        elif (stem := _stem(token)) and not _ONLY_ASKS.match(token):
            found.append(Term(stem, _role(token, stem), "", token))
        else:
            end = -1
    if counter in ("시", "월"):  # 몇 시에, 몇 월에
        asked = "when"
    if not asked and _ASKS_WHETHER.search(_ASKED_FOR.sub("", plain)):
        asked = "yes/no"
    return QuestionTerms(_phrased(found), asked, counter)


def _phrased(terms: list[Term]) -> tuple[Term, ...]:
    """The terms, each with the role of the next word that has one: both words of 신고 기한은 are its subject."""
    found, role = [], ""
    for term in reversed(terms):
        role = term.role or role
        found.append(term._replace(phrase=role))
    return tuple(reversed(found))


def _stem(token: str) -> str:
    """The stem of a Korean token; of two syllables such as 기한 and 제한, all of it."""
    stem = "".join(stems(token))
    return token if len(stem) == 1 and _LIKE_ENDING.fullmatch(token) else stem


_LIKE_ENDING = re.compile("[가-힣][한함할]")


def _counter(token: str) -> str:
    """The counted thing without particles and copula: 회까지가 as 회."""
    return _AFTER_COUNTER.sub("", token) or token


def _asks(token: str) -> str:
    return next((kind for form, kind in _ASKING if form.fullmatch(token)), "")


def _role(token: str, stem: str) -> str:
    return next((role for form, role in _PARTICLES if token == stem + form), "")


def _role_alone(token: str) -> str | None:
    """The role that a particle gives the code or number before it; "" for a copula; None for another word."""
    found = next((role for form, role in _PARTICLES if token == form), None)
    return "" if found is None and not stems(token) else found


# --- English ------------------------------------------------------------------------------------------

_ROLES_LIST = (
    "from to by against than before after until since between into onto over below above without in on at under with "
    "via during per about through across for"
)
_ROLES = frozenset(_ROLES_LIST.split())
_ENDS_CHAIN_LIST = (
    "is are was were be been do does did can could may might will would shall should must have has had if that and or "
    "get gets"
)
_ENDS_CHAIN = frozenset(_ENDS_CHAIN_LIST.split())
_ASKED = {"when": "when", "where": "where", "who": "who", "whom": "who", "whose": "who", "why": "why", "how": "how",
          "what": "what", "which": "what"}  # fmt: skip
_WHETHER = re.compile(
    r"(?:\A|,)\W{0,3}(?:is|are|was|were|do|does|did|can|could|may|might|will|would|shall|should|must|has|have|had)\b|\b(?:whether|if)\b"
)
_POLITE = re.compile(
    r"\b(?:(?:could|can|would|will) you (?:please |kindly )?(?:tell|give|show|explain to|let) (?:me|us)(?: know)?"
    r"|do you know|(?:i|we) (?:would|'d) like to know|(?:i|we) want to know|i(?:'m| am) wondering"
    r"|(?:please |kindly )?tell (?:me|us)"
    r"|please(?: explain| describe| state)?|kindly|the one|thank you|thanks)\b"
)
_WORD = re.compile(r"[^\W_][^\s?!;()\"“”]*")
_INFLECTED = re.compile(r"(?<=[a-z]{3})(?:ing|ed|es|s|e)$")


def _english(plain: str) -> QuestionTerms:
    plain = _POLITE.sub(" ", plain.replace("’", "'").replace("'s", " "))
    asked, role, before = "", "", ""
    found: list[Term] = []
    chunks: list[list[Term]] = [[]]  # of a noun phrase, parted by 'of'
    for word in (match[0].rstrip(".,:'") for match in _WORD.finditer(plain)):
        if word in _ASKED or word in _ROLES or word in _ENDS_CHAIN:
            found += _in_order(chunks)
            chunks, role = [[]], word if word in _ROLES else ""
            asked = asked or _ASKED.get(word, "")
        elif before == "how" and word in ("many", "much"):
            asked, role = "many", "many"
        elif before in ("what", "which") and word in _filling("when"):
            asked = "when"
        elif word == "of":
            chunks.append([])
        elif stem := _light(word):
            chunks[-1].append(Term(stem, role, role, word))
        before = word
    if not asked and _WHETHER.search(plain):
        asked = "yes/no"
    return QuestionTerms((*found, *_in_order(chunks)), asked, "")


def _in_order(chunks: list[list[Term]]) -> list[Term]:
    """The terms of a noun phrase, 'weight of the lid' as 'lid weight'."""
    return [term for chunk in reversed(chunks) for term in chunk]


def _light(word: str) -> str:
    """The stem of a word; empty for one that carries no content."""
    return _INFLECTED.sub("", "".join(stems(word)))
