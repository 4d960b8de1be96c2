"""The content words of questions: which hold the same in any order, and where a word is but a name among many."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, islice

import numpy as np
from rapidfuzz.distance import Indel

from qaloom.text.normalize import jamo, key_digits
from qaloom.text.postings import Postings
from qaloom.text.question_terms import TermNumbers
from qaloom.text.words import word_numbers

_MANY = 40  # questions with the same words, from which they are not compared one by one
_CROWDED = 5  # questions alike but for one word, beyond which that word is a name and no spelling
_ALIKE = 0.6  # similarity of two spellings of one word
_AT_ONCE = 1 << 16  # pairs whose words are compared together

_Held = tuple[np.ndarray, np.ndarray]  # positions, and a word that is held at each


class QuestionWords:
    """The content words of questions as sums of hashes: of all words with the digits, and of all but one.

    `digits` are the `digit_hashes` of the questions' keys.
    """

    def __init__(self, questions: Sequence[str], digits: np.ndarray) -> None:
        self._vocabulary = TermNumbers()
        self._words = Postings(*word_numbers(questions, self._vocabulary), len(questions))
        self._hashes = _hashes(self._vocabulary.stems)
        self._digits = digits
        sums = np.cumsum(np.append(np.uint64(0), self._hashes[self._words.held]))
        starts = self._words.starts
        self._whole = self._digits + sums[starts[1:]] - sums[starts[:-1]]
        wordless = np.flatnonzero(starts[1:] == starts[:-1])
        self._whole[wordless] = wordless
        self._owners = np.repeat(np.arange(len(questions), dtype=np.int32), np.diff(starts))
        self._without = self._whole[self._owners] - self._hashes[self._words.held]
        self._sorted = np.sort(self._without)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Pairs of positions of questions with the same words and digits, one word spelled otherwise at most."""
        for group in _groups(self._whole, _MANY):
            yield from combinations(group.tolist(), 2)
        groups = _groups(self._without, _CROWDED)
        alike = (pair for group in groups for pair in combinations(self._owners[group].tolist(), 2))
        while some := list(islice(alike, _AT_ONCE)):
            yield from (some[at] for at in self._spelled_otherwise(*np.array(some).T))

    def _spelled_otherwise(self, left: np.ndarray, right: np.ndarray) -> Iterator[int]:
        """Of pairs of positions: those whose questions differ in two words that look alike."""
        pairs, words = map(np.concatenate, zip(*self._apart(left, right), strict=True))
        two = np.bincount(pairs, minlength=len(left)) == 2
        by_pair = np.argsort(pairs, kind="stable")
        both = words[by_pair][two[pairs[by_pair]]].reshape(-1, 2).tolist()
        for at, (one, other) in zip(np.flatnonzero(two).tolist(), both, strict=True):
            if _spellings(self._vocabulary.stems[one], self._vocabulary.stems[other]):
                yield at

    def _apart(self, left: np.ndarray, right: np.ndarray) -> tuple[_Held, _Held]:
        """The words of either side that the other one does not hold, each with the position of its pair."""
        mine, theirs = self._words.of_all(left), self._words.of_all(right)
        return _only(mine, theirs), _only(theirs, mine)

    def same_digits(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Of pairs of positions: whether the two questions hold the same digits, in whatever order."""
        return self._digits[left] == self._digits[right]

    def names_apart(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Of pairs of positions: whether the two questions differ in one word that others have other words for."""
        parts = range(0, len(left), _AT_ONCE)
        found = [self._names_apart(left[at : at + _AT_ONCE], right[at : at + _AT_ONCE]) for at in parts]
        return np.concatenate([np.empty(0, bool), *found])

    def _names_apart(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        (pairs, words), (others, _) = self._apart(left, right)
        one_each = np.bincount(pairs, minlength=len(left)) == 1
        one_each &= np.bincount(others, minlength=len(left)) == 1
        kept = one_each[pairs]
        rest = self._whole[left[pairs[kept]]] - self._hashes[words[kept]]
        first, end = (np.searchsorted(self._sorted, rest, side) for side in ("left", "right"))
        found = np.zeros(len(left), bool)
        found[pairs[kept]] = end - first > _CROWDED
        return found


def digit_hashes(keys: Iterable[str]) -> np.ndarray:
    """A hash of the digits of each comparison key, uint64, in whatever order they stand."""
    return _hashes([tuple(sorted(key_digits(key))) for key in keys])


def _hashes(values: Sequence[object]) -> np.ndarray:
    return np.fromiter(map(hash, values), np.int64, len(values)).view(np.uint64)


def _only(mine: _Held, theirs: _Held) -> _Held:
    """The words of `mine` that are not in `theirs`, each with its pair; both are ordered by pair and word."""
    one, other = ((pairs << 32) | words for pairs, words in (mine, theirs))
    at = np.searchsorted(other, one)
    left = np.append(other, -1)[at] != one
    return mine[0][left], mine[1][left]


def _groups(hashes: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Positions with equal hashes, where there are two or more and no more than `most`."""
    order = np.argsort(hashes, kind="stable")
    starts = np.flatnonzero(np.diff(hashes[order], prepend=~hashes[order[:1]]))
    sizes = np.diff(starts, append=len(order))
    for at in np.flatnonzero((sizes > 1) & (sizes <= most)):
        yield order[starts[at] : starts[at] + sizes[at]]


def _spellings(one: str, other: str) -> bool:
    """Whether two words look alike."""
    return Indel.normalized_similarity(jamo(one), jamo(other)) >= _ALIKE
