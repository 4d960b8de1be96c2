"""The content words of questions: which hold the same in any order, and where a word is but a name among many."""

from array import array
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from rapidfuzz.distance import Indel

from qaloom.text.normalize import jamo, key_digits
from qaloom.text.question_terms import Bags

_MANY = 40  # questions with the same words, from which they are not compared one by one
_CROWDED = 5  # questions alike but for one word, beyond which that word is a name and no spelling
_ALIKE = 0.6  # similarity of two spellings of one word
_MASK = (1 << 64) - 1


class QuestionWords:
    """The content words of questions as sums of hashes: of all words with the digits, and of all but one."""

    def __init__(self, questions: Sequence[str], keys: Sequence[str]) -> None:
        self._questions, self._bags = questions, Bags()
        whole, without, owners = array("Q"), array("Q"), array("I")
        for at, (question, key) in enumerate(zip(questions, keys, strict=True)):
            words = self._bags.of(question)
            total = (sum(words) + hash(tuple(sorted(key_digits(key))))) & _MASK
            whole.append(total if words else at)
            without.extend((total - word) & _MASK for word in words)
            owners.extend([at] * len(words))
        self._whole, self._without, self._owners = np.array(whole), np.array(without), np.array(owners)
        self._sorted = np.sort(self._without)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Pairs of positions of questions with the same words and digits, one word spelled otherwise at most."""
        for group in _groups(self._whole, _MANY):
            yield from combinations(group.tolist(), 2)
        for group in _groups(self._without, _CROWDED):
            for left, right in combinations(self._owners[group].tolist(), 2):
                apart = self._bags.of(self._questions[left]) ^ self._bags.of(self._questions[right])
                if _spellings([self._bags.stems[word] for word in apart]):
                    yield left, right

    def names_apart(self, left: int, right: int) -> bool:
        """Whether two questions differ in one word, in a place where others of the project have other words."""
        mine, theirs = (self._bags.of(self._questions[at]) for at in (left, right))
        apart = mine - theirs
        if len(apart) != 1 or len(theirs - mine) != 1:
            return False
        key = np.uint64((int(self._whole[left]) - apart.pop()) & _MASK)
        first, end = (np.searchsorted(self._sorted, key, side) for side in ("left", "right"))
        return bool(end - first > _CROWDED)


def _groups(hashes: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Positions with equal hashes, where there are two or more and no more than `most`."""
    order = np.argsort(hashes, kind="stable")
    starts = np.flatnonzero(np.diff(hashes[order], prepend=~hashes[order[:1]]))
    sizes = np.diff(starts, append=len(order))
    for at in np.flatnonzero((sizes > 1) & (sizes <= most)):
        yield order[starts[at] : starts[at] + sizes[at]]


def _spellings(words: Sequence[str]) -> bool:
    """Whether the words in which two questions differ are two that look alike."""
    return len(words) == 2 and Indel.normalized_similarity(*map(jamo, words)) >= _ALIKE
