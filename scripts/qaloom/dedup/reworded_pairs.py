"""Candidates for reworded questions: pairs with the same content words in any order, one of them misspelt at most."""

from array import array
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from rapidfuzz.distance import Indel

from qaloom.text.normalize import jamo, key_digits
from qaloom.text.question_terms import Bags

_MANY = 40  # questions alike but for one word, from which that word is a name and not a spelling
_ALIKE = 0.6  # similarity of two spellings of one word
_MASK = (1 << 64) - 1


def reworded_pairs(questions: Sequence[str], keys: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of positions of questions whose content words and digits are the same, whatever else differs.

    `keys` are their comparison keys. Where one word of each differs it must be alike, and few questions may
    differ in that place: one where many words stand holds names.
    """
    bags = Bags()
    whole, without, owners = array("Q"), array("Q"), array("I")
    for at, (question, key) in enumerate(zip(questions, keys, strict=True)):
        words = bags.of(question)
        total = (sum(words) + hash(tuple(sorted(key_digits(key))))) & _MASK
        whole.append(total if words else at)
        if len(words) > 1:
            without.extend((total - word) & _MASK for word in words)
            owners.extend([at] * len(words))
    for group in _groups(np.array(whole)):
        yield from combinations(group.tolist(), 2)
    places = np.array(owners)
    for group in _groups(np.array(without)):
        for left, right in combinations(places[group].tolist(), 2):
            apart = bags.of(questions[left]) ^ bags.of(questions[right])
            if _spellings([bags.stems[word] for word in apart]):
                yield left, right


def _groups(hashes: np.ndarray) -> Iterator[np.ndarray]:
    """Positions with equal hashes, where there are two or more and not many."""
    order = np.argsort(hashes, kind="stable")
    starts = np.flatnonzero(np.diff(hashes[order], prepend=~hashes[order[:1]]))
    sizes = np.diff(starts, append=len(order))
    for at in np.flatnonzero((sizes > 1) & (sizes <= _MANY)):
        yield order[starts[at] : starts[at] + sizes[at]]


def _spellings(words: Sequence[str]) -> bool:
    """Whether the words in which two questions differ are two that look alike."""
    return len(words) == 2 and Indel.normalized_similarity(*map(jamo, words)) >= _ALIKE
