"""Pairs of rows that may state one fact: found by equal keys and by similarity joins, never by all pairs."""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain, combinations, pairwise

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from qaloom.split.facts import LONG_ANSWER, Comparison, Relation, Statement
from qaloom.split.word_weights import shortened
from qaloom.text.near_pairs import near_pairs

Pair = tuple[int, int]
_DIGITS = re.compile(r"\d+")
_HANDFUL = 12  # rows of a group that are all compared with one another, whatever they say
_MANY = 1000  # names, from which it pays to compare their hashes first
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
        same_figures = _groups(group, lambda i: statements[i].figures or " ")  # the cheaper to tell apart
        found = chain.from_iterable(_groups(alike, lambda i: statements[i].core) for alike in same_figures)
        for alike in sorted(found):
            yield from _pairs(alike)
    for group in _groups(range(len(statements)), lambda i: _open_unit(statements[i])):
        yield from _pairs(group) if len(group) <= _HANDFUL else _identified(statements, group, comparison)
    for group in _groups(range(len(statements)), lambda i: statements[i].closed and statements[i].core):
        yield from _pairs(group)


def _open_unit(statement: Statement) -> str:
    return "" if statement.closed else statement.unit


def _groups(members: Sequence[int], key: Callable[[int], Hashable]) -> Iterator[list[int]]:
    """Members with equal keys, where there are two or more; an empty key groups nothing."""
    names = list(map(key, members))
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for at in _shared(names):
        if names[at]:
            groups[names[at]].append(members[at])
    return (group for group in groups.values() if len(group) > 1)


def _shared(names: Sequence[Hashable]) -> Iterable[int]:
    """Positions of names that may stand more than once; where there are many, by their hashes, as most stand alone."""
    if len(names) < _MANY:
        return range(len(names))
    hashes = np.fromiter(map(hash, names), np.int64, len(names))
    by_hash = np.argsort(hashes, kind="stable")
    same = np.diff(hashes[by_hash]) == 0
    return np.sort(by_hash[np.append(False, same) | np.append(same, False)]).tolist()


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
    pairs: list[Pair] = []
    for mine, theirs in _with_equal(left, right, lambda s: s.figures):
        found = _near(left, mine, right, theirs, lambda s: s.question, threshold)
        close = process.cpdist(
            [left[i].core for i, _ in found],
            [right[j].core for _, j in found],
            scorer=Levenshtein.distance,
            score_cutoff=_NEAR_CORES,
        )
        units = (left[i].unit == right[j].unit for i, j in found)
        pairs += [
            pair
            for pair, apart, alike in zip(found, close, units, strict=True)
            if apart <= _NEAR_CORES or alike
        ]
    return pairs


def near_answer_pairs(left: Sequence[Statement], right: Sequence[Statement], threshold: float) -> list[Pair]:
    """Pairs (position in left, in right) of long answers that are near, of equal figures, and not equal."""
    pairs: list[Pair] = []
    for mine, theirs in _with_equal(left, right, _long_answer_figures):
        pairs += _near(left, mine, right, theirs, lambda s: s.answer, threshold)
    return [(i, j) for i, j in pairs if left[i].answer != right[j].answer]


def _long_answer_figures(statement: Statement) -> Hashable:
    return " ".join(_DIGITS.findall(statement.answer)) if len(statement.answer) >= LONG_ANSWER else None


def _with_equal(
    left: Sequence[Statement], right: Sequence[Statement], key: Callable[[Statement], Hashable]
) -> Iterator[tuple[list[int], list[int]]]:
    """Positions in left and in right with equal keys; None groups nothing."""
    mine: dict[Hashable, list[int]] = defaultdict(list)
    theirs: dict[Hashable, list[int]] = defaultdict(list)
    for position, statement in enumerate(left):
        mine[key(statement)].append(position)
    for position, statement in enumerate(right) if mine else ():
        if (name := key(statement)) in mine:
            theirs[name].append(position)
    return ((mine[name], members) for name, members in theirs.items() if name is not None)


def _near(
    left: Sequence[Statement],
    mine: Sequence[int],
    right: Sequence[Statement],
    theirs: Sequence[int],
    text: Callable[[Statement], str],
    threshold: float,
) -> list[Pair]:
    """Pairs of the members of a group whose texts are near; of one text no more than a few members each."""
    sides: list[dict[str, list[int]]] = []
    for statements, members in ((left, mine), (right, theirs)):
        positions: dict[str, list[int]] = defaultdict(list)
        for member in members:
            positions[text(statements[member])].append(member)
        sides.append(positions)
    keys = [list(side) for side in sides]
    found = near_pairs(keys[0], keys[1], threshold)
    return [
        (one, other)
        for i, j, _ in zip(*found, strict=True)
        for one in sides[0][keys[0][i]][:_FEW]
        for other in sides[1][keys[1][j]][:_FEW]
    ]
