"""Look-alike questions: a question with another name, number or code put in, in Korean and English.

'한빛도서관은 몇 시에 여나요?' becomes '무지개도서관은 몇 시에 여나요?', 'error E31' becomes 'error E74'. What is put
in is invented (`lookalike_names`) or made of other digits; the caller says which of it occurs nowhere in its data.
Amounts, durations and ages stay: with another one a rule may answer as well.
"""

import re
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from qaloom.text.content_words import stems
from qaloom.text.language import language
from qaloom.text.lookalike_english import english_slots
from qaloom.text.lookalike_korean import korean_slots
from qaloom.text.lookalike_slots import Rank, Slot
from qaloom.text.rephrase_ko_nouns import josa

_TRIES = 8  # names, and digits of each length, that are tried for one place of a question


class LookAlike(NamedTuple):
    """A made question: what was replaced, what stands there now, and its kind (code, number or name)."""

    question: str
    replaced: str
    put_in: str
    kind: str


def look_alikes(
    question: str,
    seed: int,
    fresh: Callable[[str, str], bool],
    allowed: Callable[[str], bool],
    common: Callable[[str], int],
) -> Iterator[LookAlike]:
    """Look-alikes of a question, one for each place where something can be put in, the surest place first.

    `fresh(text, kind)`: whether a name, number or code occurs nowhere in the data; `allowed`: whether an invented
    name may be used; `common`: in how many questions of the data a name stands (a bare name is the surer the more).
    """
    for slot in sorted(_sure(question, common), key=lambda slot: (slot.rank, -common(slot.text), slot.start)):
        random = Random(f"{seed}\0{question}\0{slot.text}")
        for new in _fillings(slot, random, allowed):
            if fresh(new, slot.kind):
                put_in = slot.filled(new)
                yield LookAlike(_replaced(question, slot, put_in), slot.text, put_in, slot.kind)
                break


_FEW_WORDS = 3  # content words of a question that a rare name in it decides
_COMMON = 5  # questions of the data from which a name is what the data are about
_SENTENCE_END = re.compile(r"[.!?…]\s+(?=\S)")
_QUOTED = re.compile(r"[“\"「『《`][^“”\"「」『』《》`]{1,60}[”\"」』》`]")


def _sure(question: str, common: Callable[[str], int]) -> list[Slot]:
    """Places whose filling leaves a question without an answer: no quotation, no one of several codes, no aside."""
    found = korean_slots(question) if language(question) == "ko" else english_slots(question)
    quoted = [match.span() for match in _QUOTED.finditer(question)]
    asking = max((match.end() for match in _SENTENCE_END.finditer(question)), default=0)
    found = [s for s in found if s.start >= asking and not any(a <= s.start < b for a, b in quoted)]
    if question.count("?") > 1 or len({slot.text for slot in found if slot.rank == Rank.CODE}) > 1:
        return []
    few = len(stems(question)) <= _FEW_WORDS
    return [slot for slot in found if slot.rank != Rank.NAME or few or common(slot.text) >= _COMMON]


def _fillings(slot: Slot, random: Random, allowed: Callable[[str], bool]) -> Iterator[str]:
    """Candidates to put in: names in the order of their hashes, or other digits, first as many, then one more."""
    if slot.names:
        names = [name for name in slot.names if allowed(name)]
        yield from random.sample(names, min(_TRIES, len(names)))
        return
    for more in (0, 1, 2):
        yield from (_other_digits(slot.text, more, random) for _ in range(_TRIES))


_DIGITS = re.compile(r"\d+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LAST_LETTER = re.compile(r"[A-Za-z](?=[^A-Za-z]*\Z)")


def _other_digits(text: str, more: int, random: Random) -> str:
    """The text with its last number replaced by another of as many digits, or more; a code of letters by its last."""
    numbers = list(_DIGITS.finditer(text))
    if not numbers:
        return _LAST_LETTER.sub(lambda _: random.choice("HJKQRUVWXYZ"), text) + "".join(
            random.choice("QVWXZ") for _ in range(more)
        )
    last = numbers[-1]
    if _YEAR.fullmatch(text):
        return str(random.randint(1905, 2045))
    size = len(last[0]) + more
    first = "0" if last[0][0] == "0" and not more else random.choice("123456789")
    digits = first + "".join(random.choice("0123456789") for _ in range(size - 1))
    return text[: last.start()] + digits + text[last.end() :]


def _replaced(question: str, slot: Slot, new: str) -> str:
    """The question with every mention of the old name replaced, each with the particle that fits."""
    if slot.inserted or slot.rank == Rank.NUMBER:  # what counts or names it follows
        return question[: slot.start] + new + question[slot.end :]
    parts, at = [], 0
    for start in _mentions(question, slot.text):
        end = start + len(slot.text)
        particle = _PARTICLE.match(question[end:])
        fitting = _fitting(new, particle[0]) if particle else ""
        parts += [question[at:start], new, fitting]
        at = end + (particle.end() if particle else 0)
    return "".join(parts) + question[at:]


def _mentions(question: str, name: str) -> Iterator[int]:
    """Places where a name stands, not in the midst of a word; a pattern for each name would take longer to compile."""
    start = question.find(name)
    while start >= 0:
        before, after = question[max(0, start - 1) : start], question[start + len(name) :][:1]
        whole = not _IN_WORD.match(before) and not (after.isascii() and after.isalnum())
        if whole:
            yield start
        start = question.find(name, start + (len(name) if whole else 1))


_IN_WORD = re.compile("[A-Za-z0-9가-힣]")
_PAIRS = ("은/는", "이/가", "을/를", "과/와", "으로/로", "이나/나", "이란/란", "이라는/라는")
_PAIR_OF = {form: pair for pair in _PAIRS for form in pair.split("/")}
_PARTICLE = re.compile(
    rf"(?:{'|'.join(sorted(_PAIR_OF, key=len, reverse=True))})(?=[\s?.,!]|\Z|는|도|만|부터|의)"
)


def _fitting(word: str, particle: str) -> str:
    """The form of a particle that fits a word; as it was where the spelling does not tell."""
    pair = _PAIR_OF[particle]
    if word[-1].isascii() and word[-1] in "aeiouy":
        return pair.split("/")[1]
    if pair == "으로/로" and _ends_in_l(word):
        return "로"
    return josa(word, pair) or particle


def _ends_in_l(word: str) -> bool:
    last = word[-1]
    return last in "178" or ("가" <= last <= "힣" and (ord(last) - 0xAC00) % 28 == 8)
