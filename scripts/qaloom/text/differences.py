"""Differences between two texts that hold the same values: harmless, unclear, or about another thing.

The letters of both are laid over each other, and each stretch that differs is widened to whole words. Stretches
are judged by themselves: by their morphemes in Korean, by their words in English. *Harmless* are spacing,
endings and politeness, a particle that may be left out, a filler, a conditional (-려면, -ㄹ 때), a misspelling.
A content word more, less or in another's place, a negation, another role (임대인이, 임대인에게), another question
word make a text about an *other* thing. What is left (tense, a modal verb) is *unclear*.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from qaloom.text import english
from qaloom.text.canonical import canonical_notation
from qaloom.text.endings import stem
from qaloom.text.korean import (
    Reading,
    ends_as,
    in_pieces,
    reading,
    role_changes,
    roles_differ,
    unwritten_copula,
)
from qaloom.text.spelling import Counts, misspelt_english, misspelt_korean


class Difference(IntEnum):
    """How far apart two texts are, in rising order."""

    HARMLESS = 0
    UNCLEAR = 1
    OTHER = 2


_NO_COUNTS: Counts = Counter()


def difference(one: str, other: str, words: Counts = _NO_COUNTS) -> Difference:
    """The gravest difference in the words of two raw texts, values aside; `words` counts the project's own."""
    a, b = _words(one), _words(other)
    if a.letters == b.letters:
        return Difference.HARMLESS
    worst, stretches = Difference.HARMLESS, []
    for mine, theirs in _stretches(a, b):
        worst = max(worst, _judged(mine, theirs, words))
        if worst == Difference.OTHER:
            return worst
        stretches.append((mine, theirs))
    return Difference.OTHER if _roles_cross(stretches) else worst


def _roles_cross(stretches: list[tuple[str, str]]) -> bool:
    """Whether two words have changed their roles: A가 B에 내는 돈, A에 B가 내는 돈."""
    korean = [pair for pair in stretches if all(map(_HANGUL.search, pair))]
    changes = {change for pair in korean for change in role_changes(*map(reading, pair))}
    return any((theirs, mine) in changes for mine, theirs in changes)


class _Words(NamedTuple):
    """The letters of a text without spaces and digits, and the places where its words start and the last ends."""

    letters: str
    starts: tuple[int, ...]


_GLOSS = re.compile(r"\([\u4e00-\u9fff\s]{1,40}\)")  # 질권(質權)
_WORD = re.compile(r"[^\W\d_]+")
_CONTRACTIONS = (
    ("하여", "해"),
    ("하였", "했"),
    ("되어", "돼"),
    ("되었", "됐"),
    ("로부터", "부터"),
    ("아니오", "아니요"),
)


@lru_cache(maxsize=1 << 16)
def _words(text: str) -> _Words:
    plain = _GLOSS.sub("", canonical_notation(text)).casefold()
    if not plain.isascii():
        for long, short in _CONTRACTIONS:
            plain = plain.replace(long, short)
    elif "'" in plain or "’" in plain:
        plain = english.without_contractions(plain)
    words = _WORD.findall(plain)
    starts, at = [], 0
    for word in words:
        starts.append(at)
        at += len(word)
    return _Words("".join(words), (*starts, at))


def _stretches(a: _Words, b: _Words) -> Iterator[tuple[str, str]]:
    """Pairs of stretches, of whole words in both texts, that hold all differences."""
    cuts = _cuts(a, b)
    found: list[list[int]] = []
    for (i, j), (end_i, end_j) in pairwise(cuts):
        if a.letters[i:end_i] == b.letters[j:end_j]:
            continue
        empty = i == end_i or j == end_j
        if found and found[-1][1:4:2] == [i, j] and (empty or found[-1][0] == i or found[-1][2] == j):
            found[-1][1:4:2] = [end_i, end_j]  # one change, though letters in its midst are equal
        else:
            found.append([i, end_i, j, end_j])
    return ((_spaced(a, i, end_i), _spaced(b, j, end_j)) for i, end_i, j, end_j in found)


def _cuts(a: _Words, b: _Words) -> list[tuple[int, int]]:
    """Places at which both texts start or end a word, the letters laid over each other; first and last of all."""
    edges = frozenset(b.starts)
    cuts = [(0, 0)]
    for block in Levenshtein.opcodes(a.letters, b.letters):
        if block.tag == "equal":
            i, end_i, j = block.src_start, block.src_end, block.dest_start
            starts = a.starts[bisect_left(a.starts, i) : bisect_right(a.starts, end_i)]
            cuts += [(at, at - i + j) for at in starts if at - i + j in edges]
    cuts.append((len(a.letters), len(b.letters)))
    return list(dict.fromkeys(cuts))


def _spaced(words: _Words, start: int, end: int) -> str:
    within = words.starts[bisect_right(words.starts, start) : bisect_left(words.starts, end)]
    if not within:
        return words.letters[start:end]
    cuts = [start, *within, end]
    return " ".join(words.letters[a:b] for a, b in pairwise(cuts)).strip()


# --- one stretch --------------------------------------------------------------------------------------

_HANGUL = re.compile(r"[가-힣]")


def _judged(mine: str, theirs: str, words: Counts) -> Difference:
    if mine.replace(" ", "") == theirs.replace(" ", ""):
        return Difference.HARMLESS
    if not _HANGUL.search(mine + theirs):
        return _english(tuple(mine.split()), tuple(theirs.split()), words)
    read = _korean(mine, theirs)
    if read == Difference.OTHER and misspelt_korean(mine, theirs, words):
        return Difference.HARMLESS
    return read


@lru_cache(maxsize=1 << 16)
def _korean(mine: str, theirs: str) -> Difference:
    a, b = reading(mine), reading(theirs)
    if a.negations != b.negations or (a.asked != b.asked and a.asked and b.asked):
        return Difference.OTHER
    if "".join(a.content) == "".join(b.content):
        return Difference.OTHER if _name_in_pieces(mine, theirs) else _worded(a, b)
    if _latin_apart(a, b):
        return Difference.HARMLESS
    return Difference.OTHER


def _name_in_pieces(mine: str, theirs: str) -> bool:
    """Whether an unknown name is cut into known pieces, of which some do not count: 아아두나, 아아두바."""
    if " " not in mine + theirs:
        if {ends_as(mine), ends_as(theirs)} == {"J", "V"}:
            return True  # 노주구가, 노주구라
        if unwritten_copula(mine) and unwritten_copula(theirs):
            return True  # 빛로후다, 빛로후고
    return stem(mine) != stem(theirs) and (in_pieces(mine) or in_pieces(theirs))


def _worded(a: Reading, b: Reading) -> Difference:
    if roles_differ(a, b):
        return Difference.OTHER
    if "to come" in {*a.tense, *b.tense} and a.tense != b.tense and len(a.tense) == len(b.tense):
        return Difference.UNCLEAR
    return Difference.HARMLESS if a.asked == b.asked else Difference.UNCLEAR


def _latin_apart(a: Reading, b: Reading) -> bool:
    """Whether two readings differ in the spelling of a Latin word alone."""
    if len(a.content) != len(b.content):
        return False
    apart = [pair for pair in zip(a.content, b.content, strict=True) if pair[0] != pair[1]]
    return all(x.isascii() and y.isascii() and misspelt_english(x, y, _NO_COUNTS) for x, y in apart)


def _english(mine: tuple[str, ...], theirs: tuple[str, ...], words: Counts) -> Difference:
    if english.asked(mine) != english.asked(theirs) and english.asked(mine) and english.asked(theirs):
        return Difference.OTHER
    if english.english_negations(mine) != english.english_negations(theirs) or english.directions_differ(
        mine, theirs
    ):
        return Difference.OTHER
    content = english.content(mine, theirs), english.content(theirs, mine)
    if content[0] == content[1]:
        return Difference.HARMLESS
    joined = "".join(mine), "".join(theirs)
    if joined[0].isascii() and joined[1].isascii() and misspelt_english(*joined, words):
        return Difference.HARMLESS
    if len(content[0]) == len(content[1]) and all(
        english.inflected(x, y) or misspelt_english(x, y, words) for x, y in zip(*content, strict=True)
    ):
        return Difference.HARMLESS
    return Difference.OTHER


__all__ = ["Difference", "difference", "stem"]
