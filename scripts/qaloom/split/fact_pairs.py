"""Pairs of rows that may state one fact: found by equal keys and by similarity joins, never by all pairs."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from qaloom.split.facts import LONG_ANSWER, Comparison, Relation, Statement, shortened
from qaloom.text.near_pairs import near_pairs

Pair = tuple[int, int]
_HANDFUL = 6  # rows of a group that are all compared with one another, whatever they say
_FEW = 40  # rows of a group that are all compared with one another
_NEAR_CORES = 2  # characters in which the cores of two spellings of a question may differ


def related(
    statements: Sequence[Statement], pairs: Iterator[Pair], comparison: Comparison
) -> dict[Pair, Relation]:
    """The pairs that are related, each once, the smaller position first."""
    found: dict[Pair, Relation] = {}
    seen: set[Pair] = set()
    for i, j in pairs:
        pair = (i, j) if i < j else (j, i)
        if pair not in seen:
            seen.add(pair)
            if relation := comparison.relation(statements[pair[0]], statements[pair[1]]):
                found[pair] = relation
    return found


def grouped_pairs(
    statements: Sequence[Statement], clusters: Sequence[str], comparison: Comparison
) -> Iterator[Pair]:
    """Pairs within groups: equal question cores in one cluster, equal answer units with a word in common."""
    for group in _groups(range(len(statements)), lambda i: clusters[i]):
        for alike in _groups(group, lambda i: (statements[i].core, statements[i].figures)):
            yield from _pairs(alike)
    for group in _groups(range(len(statements)), lambda i: _open_unit(statements[i])):
        yield from _pairs(group) if len(group) <= _HANDFUL else _identified(statements, group, comparison)
    for group in _groups(range(len(statements)), lambda i: statements[i].closed and statements[i].core):
        yield from _pairs(group)


def _open_unit(statement: Statement) -> str:
    return "" if statement.closed else statement.unit


def _groups(members: Sequence[int], key: Callable[[int], Hashable]) -> Iterator[list[int]]:
    """Members with equal keys, where there are two or more; an empty key groups nothing."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for member in members:
        if name := key(member):
            groups[name].append(member)
    return (group for group in groups.values() if len(group) > 1)


def _pairs(group: Sequence[int]) -> Iterator[Pair]:
    """All pairs of a small group; of a large one each member with the first, and neighbours."""
    if len(group) <= _FEW:
        return combinations(group, 2)
    return iter([(group[0], member) for member in group[1:]] + list(pairwise(group)))


def _identified(
    statements: Sequence[Statement], group: Sequence[int], comparison: Comparison
) -> Iterator[Pair]:
    """Pairs of a group where the weightiest word of one question stands in the other."""
    holding: dict[str, list[int]] = defaultdict(list)
    for member in group:
        for word in set(map(shortened, statements[member].stems)):
            holding[word].append(member)
    for member in group:
        for word in set(comparison.identifying(statements[member])):
            if len(holding[word]) <= _FEW:
                yield from ((member, other) for other in holding[word] if other != member)


def near_question_pairs(
    left: Sequence[Statement], right: Sequence[Statement], threshold: float
) -> list[Pair]:
    """Pairs (position in left, in right) of near questions with the same figures that may ask the same.

    Near questions whose cores differ in more than a misspelling count only where the answers are alike.
    """
    first, second = _positions(left), _positions(right)
    i, j, _ = near_pairs(list(first), list(second), threshold)
    if not len(i):
        return []
    rows, columns = list(first.values()), list(second.values())
    figures = _numbered([left[r[0]].figures for r in rows], [right[c[0]].figures for c in columns])
    kept = figures[0][i] == figures[1][j]
    i, j = i[kept], j[kept]
    cores = [left[rows[a][0]].core for a in i], [right[columns[b][0]].core for b in j]
    near = process.cpdist(*cores, scorer=Levenshtein.distance, score_cutoff=_NEAR_CORES) <= _NEAR_CORES
    pairs = []
    for a, b, close in zip(i, j, near, strict=True):
        for one in rows[a]:
            pairs += [(one, other) for other in columns[b] if close or left[one].unit == right[other].unit]
    return pairs


def _positions(statements: Sequence[Statement]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for position, statement in enumerate(statements):
        found[statement.question].append(position)
    return found


def _numbered(left: list[tuple[str, ...]], right: list[tuple[str, ...]]) -> tuple[np.ndarray, np.ndarray]:
    number: dict[tuple[str, ...], int] = {}
    one, other = ([number.setdefault(item, len(number)) for item in side] for side in (left, right))
    return np.array(one, np.int64), np.array(other, np.int64)


def near_answer_pairs(left: Sequence[Statement], right: Sequence[Statement], threshold: float) -> list[Pair]:
    """Pairs (position in left, in right) of long answers that are near and not equal."""
    sides: list[dict[str, list[int]]] = [defaultdict(list), defaultdict(list)]
    for side, statements in zip(sides, (left, right), strict=True):
        for position, statement in enumerate(statements):
            if len(statement.answer) >= LONG_ANSWER:
                side[statement.answer].append(position)
    keys = [list(side) for side in sides]
    found = near_pairs(keys[0], keys[1], threshold)
    return [
        (one, other)
        for i, j, score in zip(*found, strict=True)
        for one in sides[0][keys[0][i]][:_FEW]
        for other in sides[1][keys[1][j]][:_FEW]
        if score < 1
    ]
