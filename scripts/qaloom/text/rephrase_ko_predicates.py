"""Korean sentences and the predicate that they end with, taken apart and conjugated by Kiwi.

A predicate is embedded as `-(으)ㄴ지` (adjectives), `-는지` (verbs) or `-(으)ㄹ지` (conjectures), or asked at
another level of politeness.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qaloom.text.korean import analyser
from qaloom.text.rephrase_ko_nouns import Noun, josa
from qaloom.text.rephrase_ko_tables import (
    EXISTENCE,
    FUTURE,
    HOMOGRAPHS,
    MODIFIER,
    NOUNS_LIKE_VERBS,
    QUESTION_NOUNS,
    QUESTION_WORD,
)

if TYPE_CHECKING:
    from kiwipiepy import Token

_STEM_TAGS = ("VV", "VA", "VX", "VCP", "VCN", "XSV", "XSA")
_MARKS = ".?!~…ㅠㅜㅋㅎ^;"
_PAST, _HONORIFIC = frozenset(("었", "았")), frozenset(("시", "으시"))
_PLAIN_PRONOUNS = {"뭐": "무엇", "거": "것"}
_N = 4  # place of ㄴ among the 28 finals of a syllable block (Unicode, chapter 3.12)


_AFTER_PAST = {"ᆫ지": "는지", "ᆫ가요": "나요", "ᆸ니까": "습니까", "ᆯ지": "을지", "에요": "어요"}


class Sentence(NamedTuple):
    """A sentence without its closing marks, whether it had a question mark, and its morphemes."""

    text: str
    asked: bool
    tokens: Sequence["Token"]


class Predicate(NamedTuple):
    """The last predicate: the text before it, its stem, tense and honorific (EP), its ending, and its place.

    `adjective` is None where the stem may be a verb or an adjective.
    """

    before: str
    stem: "Token"
    marks: tuple[str, ...]
    ending: str
    adjective: bool | None
    at: int
    written: str  # the text before the ending

    @property
    def copula(self) -> bool:
        return self.stem.tag == "VCP"

    @property
    def past(self) -> bool:
        return bool(_PAST & set(self.marks))

    @property
    def conjecture(self) -> bool:
        """-(으)ㄹ까 that asks for a guess; after 왜, and in 무엇일까, it asks for a fact."""
        fact = re.search("(?:^| )왜 ", self.before) or (
            self.copula and QUESTION_WORD.search(self.before[-6:])
        )
        return self.ending in FUTURE and not fact

    def form(self, ending: str) -> str:
        """The text with another ending of its predicate, in Kiwi's spelling of endings."""
        if self.past:  # as written: 지었 may be of 짓다 or of 지다, and endings leave it alone
            return self.written + _AFTER_PAST.get(ending, ending)
        if self.copula:
            return self.before + _copula(self.before, self.marks, ending)
        morphemes = [(self.stem.form, self.stem.tag), *((mark, "EP") for mark in self.marks), (ending, "EF")]
        return self.before + analyser().join(morphemes, lm_search=False)


def parse(text: str) -> Sentence:
    """A sentence without its marks, its morphemes, and whether it had a question mark."""
    bare = text
    while bare and (bare[-1].isspace() or bare[-1] in _MARKS):
        bare = bare[:-1]
    asked = "?" in text[len(bare) :]
    bare = _plain_ending(bare, asked)
    return Sentence(bare, asked, analyser().tokenize(bare) if bare else ())


def _plain_ending(text: str, asked: bool) -> str:
    """Endings that Kiwi misreads (하는가요 as 'go', 있는지요) as others of the same meaning."""
    for known in ("아세요", "알 수 있을까요", "알 수 있나요", "알 수 있습니까"):
        words = QUESTION_WORD.findall(text)  # one inside the clause; 어떻게 ... 아나요 asks how one knows
        if text.endswith(f"지 {known}") and len(words) < 2 and "어떻" not in words:
            return f"{text.removesuffix(known)}아시나요"
    base = (
        text.removesuffix("요")
        if text.endswith(("가요", "지요"))
        else text
        if asked and text.endswith("지")
        else ""
    )
    if len(base) < 2 or not text.endswith(("는가요", "지요", "지")) or (ord(base[-2]) - 0xAC00) % 28 != _N:
        return text
    return f"{base[:-2]}나요" if base[-2] == "는" else f"{base[:-1]}가요"


def predicate_of(tokens: Sequence["Token"], text: str) -> Predicate | None:
    """The predicate that `text`, which `tokens` cover, ends with."""
    last = len(tokens) - 1
    ending = tokens[last].form
    if tokens[last].tag == "JX" and ending == "요" and last:
        last, ending = last - 1, f"{tokens[last - 1].form}요"
    if tokens[last].tag not in ("EF", "EC"):
        return None
    at = last - 1
    while at > 0 and tokens[at].tag == "EP":
        at -= 1
    marks = tuple(token.form for token in tokens[at + 1 : last])
    stem = tokens[at]
    if (
        not stem.tag.startswith(_STEM_TAGS)
        or at < 0
        or _may_be_verb(tokens, at)
        or set(marks) - _PAST - _HONORIFIC
    ):
        return None
    before = _before(tokens, at, text)
    adjective = (
        True if stem.form in EXISTENCE and _HONORIFIC & set(marks) else _adjective(tokens, at)
    )  # 있으신지
    if before is None:
        return None
    found = Predicate(before, stem, marks, ending, adjective, at, text[: tokens[last].start])
    # A verb that does not give the very text again was misread; adjectives have variants (파랗나요).
    same = found.copula or found.past or stem.tag.startswith("VA") or found.form(ending) == text
    return found if same else None


def _may_be_verb(tokens: Sequence["Token"], at: int) -> bool:
    """Whether a noun with a copula may be a verb as well: 줄입니까, 겁니까."""
    if tokens[at].tag != "VCP" or not at or tokens[at - 1].form not in NOUNS_LIKE_VERBS:
        return False
    return at < 2 or tokens[at - 2].tag not in ("MM", "ETM")


def _before(tokens: Sequence["Token"], at: int, text: str) -> str | None:
    """The text before a stem; a contraction (뭔가요, 건가요) is taken apart."""
    stem, previous = tokens[at], tokens[at - 1] if at else None
    if previous is None or (
        previous.end <= stem.start and not (stem.tag == "VCP" and previous.form in _PLAIN_PRONOUNS)
    ):
        return text[: stem.start]
    if stem.tag == "VCP" and previous.tag in ("NP", "NNB", "NNG"):
        return text[: previous.start] + _PLAIN_PRONOUNS.get(previous.form, previous.form)
    return None


def _adjective(tokens: Sequence["Token"], at: int) -> bool | None:
    stem = tokens[at]
    if stem.form in EXISTENCE:
        return False  # 있는지, 없는지
    if stem.form in ("않", "못하") and stem.tag.startswith("VX"):
        earlier = [i for i in range(at) if tokens[i].tag.startswith(_STEM_TAGS)]
        return _adjective(tokens, earlier[-1]) if earlier else None
    if stem.form in ("싶", "싶어하"):
        return stem.form == "싶"
    adjective = stem.tag.startswith(("VA", "VCP", "VCN", "XSA"))
    if stem.form in HOMOGRAPHS:
        objects = any(token.tag == "JKO" for token in tokens[:at])
        return adjective if adjective != objects else None
    return adjective


def _copula(noun: str, marks: tuple[str, ...], ending: str) -> str:
    """The copula after a noun (인지, 입니까, 였나요), conjugated after a syllable that stands for the noun."""
    like = "가" if josa(noun, "이/가") == "가" else "각"
    morphemes = [(like, "NNG"), ("이", "VCP"), *((mark, "EP") for mark in marks), (ending, "EF")]
    return analyser().join(morphemes, lm_search=False)[1:]


def _embedded(predicate: Predicate) -> str | None:
    """The ending under which a question stands inside another sentence; None where it is not sure."""
    if predicate.conjecture:
        return "ᆯ지"
    if predicate.ending in MODIFIER:
        return MODIFIER[predicate.ending]
    if predicate.past:
        return "는지"
    if predicate.adjective is None:
        return None
    return "ᆫ지" if predicate.adjective else "는지"


def clause(predicate: Predicate, parsed: Sentence) -> str | None:
    """The question as an embedded clause: 회의는 언제 시작하는지, 주소가 어디인지."""
    ending = _embedded(predicate)
    if ending is None:
        return None
    embedded = predicate.form(ending)
    subject, after = asked_of(predicate, parsed)
    marked = subject.with_particle("이/가") if subject is not None and subject.sound else None
    return embedded if marked is None else marked + embedded[after:]


def asked_of(predicate: Predicate, parsed: Sentence) -> tuple[Noun | None, int]:
    """The noun right before the question word of a copula, and where the words after its particle begin."""
    tokens = parsed.tokens
    if not predicate.copula:
        return None, 0
    at = predicate.at - 1
    alone = at > 0 and tokens[at].form in QUESTION_NOUNS
    while at > 0 and not alone and tokens[at].tag.startswith(("NN", "NP", "NR", "MM", "XS", "MAG")):
        at -= 1
    at -= alone
    if at < 0 or not QUESTION_WORD.match(tokens[at + 1].form):
        return None, 0
    token = tokens[at]
    if at and token.tag in ("JX", "JKS") and token.form in ("은", "는", "이", "가"):
        return Noun(parsed.text[: token.start], tokens, token.form), token.end
    bare = alone and token.tag in ("NNG", "NNP", "XSN") and parsed.text[token.end : token.end + 1] == " "
    return (Noun(parsed.text[: token.end], tokens), token.end) if bare else (None, 0)


def direct_forms(predicate: Predicate) -> list[str]:
    """The question itself at other levels of politeness: 시작하나요, 시작합니까, 시작해요."""
    if predicate.conjecture:
        return []
    modifier = (predicate.copula or predicate.adjective) and not predicate.past
    forms = [predicate.form("ᆫ가요" if modifier else "나요"), predicate.form("ᆸ니까")]
    if not _HONORIFIC & set(predicate.marks):
        forms.append(_informal(predicate))
    return [f"{form}?" for form in forms]


def _informal(predicate: Predicate) -> str:
    if not predicate.copula or predicate.past:
        return predicate.form("에요" if predicate.stem.tag == "VCN" and not predicate.past else "어요")
    before = predicate.before
    for plain, spoken in (("무엇", "뭐"), ("것", "거")):
        before = before.removesuffix(plain) + spoken if before.endswith(plain) else before
    return before + ("예요" if josa(before, "이/가") == "가" else "이에요")
