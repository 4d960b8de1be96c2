"""The questions of some rows: which are near each other, which may ask the same, and their clusters."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain, combinations
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Indel
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from qaloom.console import bar
from qaloom.dedup.reworded_pairs import QuestionWords, digit_hashes
from qaloom.records import Clustered, Row
from qaloom.text.endings import LONGEST_END, subject
from qaloom.text.facts import respaced
from qaloom.text.join_cost import say_cost
from qaloom.text.normalize import jamo, key_digits
from qaloom.text.quoted_names import named_apart
from qaloom.text.similarity_join import similar_pairs


class Keyed(NamedTuple):
    """A row with the keys of its question (with the input) and of its answer."""

    row: Row
    question: str
    answer: str


class Questions:
    """The distinct question keys of some rows, and the positions of the rows that ask each."""

    def __init__(self, rows: list[Keyed]):
        asking: dict[str, list[int]] = defaultdict(list)
        for position, keyed in enumerate(rows):
            asking[keyed.question].append(position)
        self.keys = list(asking)
        self.at = list(asking.values())
        self.digits = digit_hashes(self.keys)


class Pair(NamedTuple):
    """Two question keys (or one with itself) at or above the threshold."""

    left: int
    right: int
    score: float


def near_duplicate_pairs(questions: Questions, threshold: float, threads: int) -> list[Pair]:
    """Pairs of question keys at or above the threshold; keys that several rows ask come first, each alone."""
    same = [Pair(key, key, 1.0) for key, rows in enumerate(questions.at) if len(rows) > 1]
    say_cost("near-duplicates", questions.keys, threshold, threads)
    with bar("near-duplicates", len(questions.keys), "questions") as advance:
        found = similar_pairs(
            questions.keys, threshold, threads=threads, progress=lambda done, _: advance(done)
        )
    return same + list(map(Pair, found.left.tolist(), found.right.tolist(), found.score.tolist()))


def further_pairs(questions: Questions, links: list[tuple[int, int]], near: int) -> Iterator[Pair]:
    """Pairs below the threshold that may ask the same: linked by jamo, or alike but for the words that ask.

    Most that are linked by jamo differ in a digit, so do not ask the same; that is seen at once.
    """
    keys = questions.keys
    alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for position in _maybe_alike(questions):
        alike[subject(keys[position]), *key_digits(keys[position])].append(position)
    endings = (pair for group in alike.values() for pair in combinations(group, 2))
    known = set(links[:near])
    for left, right in dict.fromkeys([*links[near:], *endings]):
        if (left, right) not in known and key_digits(keys[left]) == key_digits(keys[right]):
            yield Pair(left, right, Indel.normalized_similarity(keys[left], keys[right]))


_START = 3  # syllables with which two long Korean questions about one subject both begin


def _maybe_alike(questions: Questions) -> Iterator[int]:
    """Positions of the keys but those that no other shares beginning and digits with: most of the long Korean ones."""
    _, inverse, times = np.unique(questions.digits, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(times[inverse] > 1).tolist()  # by their digits, which most have to themselves
    keys = [questions.keys[position] for position in shared]
    beginnings = [None if key.isascii() else (key[:_START], *key_digits(key)) for key in keys]
    count = Counter(beginnings)
    for position, key, beginning in zip(shared, keys, beginnings, strict=True):
        alone = beginning and count[beginning] == 1 and len(key) > LONGEST_END + _START
        if not alone or key[:_START].isascii():
            yield position


def compared_questions(
    rows: list[Keyed], questions: Questions, near: list[Pair]
) -> tuple[list[Pair], list[Pair]]:
    """Pairs that may ask the same: the near ones without those that differ in a digit or a name, and reworded ones."""
    texts = [rows[positions[0]].row.question for positions in questions.at]
    keys, words = questions.keys, QuestionWords(texts, questions.digits)
    known = {pair[:2] for pair in near}
    reworded = [
        Pair(i, j, Indel.normalized_similarity(keys[i], keys[j]))
        for i, j in sorted({(min(pair), max(pair)) for pair in words.pairs()})
        if (i, j) not in known and (j, i) not in known and not named_apart(texts[i], texts[j])
    ]
    return _asking_the_same(texts, words, near), reworded


def _asking_the_same(texts: list[str], words: QuestionWords, near: list[Pair]) -> list[Pair]:
    left, right = (np.fromiter((pair[side] for pair in near), np.int64, len(near)) for side in (0, 1))
    same, apart = words.same_digits(left, right).tolist(), words.names_apart(left, right).tolist()
    return [
        pair
        for pair, alike, named in zip(near, same, apart, strict=True)
        if not named
        and (alike or respaced(texts[pair.left], texts[pair.right]))
        and not named_apart(texts[pair.left], texts[pair.right])
    ]


def clusters(
    rows: list[Keyed], kept: list[int], questions: Questions, links: list[tuple[int, int]]
) -> list[Clustered]:
    """The cluster of each kept row: the smallest id among rows with linked questions, transitively.

    `kept` are the rows' positions, in the order of their ids.
    """
    ends = np.array(links, dtype=np.int64).reshape(-1, 2).T
    size = len(questions.keys)
    graph = coo_array((np.ones(ends.shape[1], dtype=bool), (ends[0], ends[1])), shape=(size, size))
    component = connected_components(graph, directed=False)[1]
    of_rows = np.empty(len(rows), component.dtype)
    of_rows[list(chain.from_iterable(questions.at))] = np.repeat(component, list(map(len, questions.at)))
    smallest: dict[int, str] = {}
    return [
        Clustered(one.row.id, smallest.setdefault(root, one.row.id), one.question, one.answer)
        for one, root in zip((rows[at] for at in kept), of_rows[kept].tolist(), strict=True)
    ]


def jamo_links(keys: list[str], threshold: float, threads: int) -> Iterator[tuple[int, int]]:
    """Pairs of positions of Korean keys that are similar once taken apart into jamo."""
    # A key in ASCII is its own jamo key, and its pairs are known.
    korean = [position for position, key in enumerate(keys) if not key.isascii()]
    apart = [jamo(keys[position]) for position in korean]
    say_cost("near-duplicates by jamo", apart, threshold, threads)
    with bar("near-duplicates by jamo", len(korean), "questions") as advance:
        found = similar_pairs(
            apart,
            threshold,
            threads=threads,
            progress=lambda done, _: advance(done),
        )
    for left, right in zip(found.left.tolist(), found.right.tolist(), strict=True):
        yield korean[left], korean[right]
