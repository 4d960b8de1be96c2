"""Korean noun phrases that are asked for: particles, and the question that the head noun stands for."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qaloom.text.rephrase_ko_tables import ATTRIBUTES, CIRCUMSTANCES, PLACES, QUESTION_WORD, Family

if TYPE_CHECKING:
    from kiwipiepy import Token

_NOUN_TAGS = ("NNG", "NNP", "NNB", "NR", "XSN", "SL", "SN", "SH", "SSC", "SW", "XR", "NP")
_PARTICLES = {"은": "은/는", "는": "은/는", "이": "이/가", "가": "이/가", "을": "을/를", "를": "을/를"}
_MARKS = " .,:;!?\"'“”‘’`()[]{}<>「」『』《》〈〉_-*/~"
_CAPITALS = re.compile(r"(?:^|[^A-Za-z])[A-Z]+$")
_LIST = re.compile(r"[와과] |및 |, |/|·|이?나 ")


def josa(word: str, pair: str) -> str | None:
    """The particle of `pair` ('은/는', '이/가', '을/를': after a consonant / after a vowel) that fits a word.

    None where the spelling does not tell how the word is spoken (Latin words; capitals are spelled out).
    """
    spoken = word.rstrip(_MARKS)
    after_consonant, after_vowel = pair.split("/")
    if not spoken:
        return None
    last = spoken[-1]
    if "가" <= last <= "힣":
        return after_consonant if (ord(last) - 0xAC00) % 28 else after_vowel
    if last == "%":
        return after_vowel  # 퍼센트
    if last.isascii() and last.isdigit():
        return after_consonant if last in "013678" else after_vowel
    if _CAPITALS.search(spoken[-12:]):
        return after_consonant if last in "LMNR" else after_vowel
    return None


class Noun:
    """A noun phrase of a question: its text, its morphemes and the particle that it had."""

    def __init__(self, text: str, tokens: Sequence["Token"], particle: str = ""):
        self.text, self.particle = text, particle
        self.tokens = [token for token in tokens if token.end <= len(text)]

    def with_particle(self, pair: str) -> str | None:
        """The phrase with the particle of `pair`, told by its spelling or by the particle that it had."""
        found = josa(self.text, pair)
        latin = self.text.rstrip(_MARKS)[-1:]
        if self.particle in _PARTICLES and (found is None or (latin.isascii() and latin.isalpha())):
            found = pair.split("/")[self.particle not in "은이을"]  # as it is spoken: ERR_TIMEOUT이
        return None if found is None else self.text + found

    @property
    def sound(self) -> bool:
        """Whether the phrase ends in a noun and holds no topic or subordinate clause of its own."""
        if not self.tokens or self.tokens[-1].tag not in _NOUN_TAGS or self.tokens[-1].form in CIRCUMSTANCES:
            return False
        return not any(map(self._breaks, self.tokens, [*self.tokens[1:], self.tokens[-1]]))

    def _breaks(self, token: "Token", following: "Token") -> bool:
        if token.tag == "EF" or (token.tag == "JX" and token.form in ("은", "는", "ᆫ")):
            return True
        auxiliary = following.tag.startswith("VX") or following.form in ("싶", "있", "않")
        return token.tag == "EC" and not auxiliary and token.form in _SEQUENCES

    @property
    def family(self) -> Family | None:
        """The question that the head noun stands for, the longest known one of whole morphemes at the end.

        None for two nouns side by side (부서와 번호), which one question word would not cover.
        """
        if not self.sound or _LIST.search(self.text) or QUESTION_WORD.search(self.text):
            return None
        head = self._head()
        return None if head is None else ATTRIBUTES[self.text[head:].replace(" ", "")]

    def _head(self) -> int | None:
        """The place where the longest known noun at the end starts; not after a determiner (그날)."""
        for at in range(max(0, len(self.tokens) - 4), len(self.tokens)):
            start = self.tokens[at].start
            if self.text[start:].replace(" ", "") in ATTRIBUTES:
                joined = at > 0 and self.tokens[at - 1].tag == "MM" and self.tokens[at - 1].end == start
                return None if joined else start
        return None

    @property
    def place(self) -> bool:
        return self.sound and self.text.endswith(PLACES)

    @property
    def keywords(self) -> str | None:
        """The phrase as one types it into a search box, two words at least: 본원 주소."""
        if not self.sound or self.family is None:
            return None
        text = self.text
        genitive = [token for token in self.tokens if token.tag == "JKG"]
        if genitive and len(text) - genitive[-1].end > 2 and self._bare_genitive(genitive[-1]):
            text = text[: genitive[-1].start] + text[genitive[-1].end :]
        return text if " " in text else None

    def _bare_genitive(self, token: "Token") -> bool:
        """Whether '의' may go: nouns alone follow, and a noun stands before (그의 would turn into 그)."""
        at = self.tokens.index(token)
        after = [other.tag for other in self.tokens[at + 1 :]]
        return (
            at > 0
            and self.tokens[at - 1].tag in ("NNG", "NNP", "XSN", "SL", "SSC")
            and all(tag in _NOUN_TAGS for tag in after)
        )


_SEQUENCES = ("고", "어서", "아서", "며", "으며", "어", "아", "면서", "으면서", "니", "으니", "지만")


def present(*variants: str | None) -> list[str]:
    """The variants that could be made."""
    return [variant for variant in variants if variant is not None]


def sentence(noun: Noun, pair: str, rest: str) -> str | None:
    """The noun with a particle and what follows it, where the particle is sure."""
    head = noun.with_particle(pair)
    return None if head is None else f"{head}{rest}"


_CHOICE = re.compile("^(?:다음|아래|보기|위의 )|(?:알맞은|옳은|않은|적절한|틀린|올바른|먼) 것$")


def noun_forms(noun: Noun) -> list[str]:
    """A noun phrase asked for in other ways."""
    family = noun.family
    if _CHOICE.search(noun.text):  # in an exam: asked for, not wondered about
        return present(
            sentence(noun, "을/를", " 알려 주세요."),
            sentence(noun, "은/는", f" {family.ask}?") if family else None,
            sentence(noun, "을/를", " 알려 주시겠어요?"),
        )
    return present(
        sentence(noun, "을/를", " 알려 주세요."),
        sentence(noun, "은/는", f" {family.ask}?") if family else None,
        noun.keywords,
        sentence(noun, "이/가", " 궁금합니다."),
        sentence(noun, "을/를", " 알고 싶습니다."),
        sentence(noun, "을/를", " 알려 주시겠어요?"),
    )
