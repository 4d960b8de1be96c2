"""Kept rows that ask the same and do not answer the same: reported, never dropped."""

import re
from collections.abc import Container, Iterator
from itertools import combinations, product
from typing import Any

from rapidfuzz.distance import Indel

from qaloom.dedup.meaning import Meaning
from qaloom.dedup.near_duplicates import Keyed, Pair, Questions
from qaloom.records import Row, place
from qaloom.text.closed_answers import closed_class
from qaloom.text.containment import holds
from qaloom.text.facts import Difference, factual_difference, respaced, without_labels
from qaloom.text.normalize import key_digits
from qaloom.text.quoted_names import named_apart
from qaloom.text.rewordings import reworded
from qaloom.text.spelling import Counts

_SHOWN_ROWS = 50  # of a contradiction; `total` says how many there are
_PROSE = 60  # characters of a key, from which an answer explains rather than states
_UNRELATED = 0.5  # similarity of two explanations, below which they don't speak of the same points
_MANY = 40_000  # pairs of answers to two questions, from which they are no longer compared one by one
_REMARK = re.compile(r"\s?\([^()]*\)")


def contradictions(
    rows: list[Keyed],
    merged: Container[int],
    questions: Questions,
    pairs: list[Pair],
    threshold: float,
    words: Counts,
    meaning: Meaning | None = None,
) -> list[dict[str, Any]]:
    """Kept rows that ask the same and do not answer the same, one record for each pair of questions."""
    found = []
    for pair, by_meaning in _with_meaning(pairs, meaning):
        left, right = ([rows[at] for at in questions.at[key] if at not in merged] for key in pair[:2])
        if by_meaning:
            those = _disagreeing_in_meaning(left, right, threshold, words, by_meaning)
        else:
            those = _disagreeing(left, right, threshold, words, within=pair.left == pair.right)
        if those:
            found.append((those, pair.score))
    return [
        _record(those, score) for those, score in sorted(found, key=lambda item: [row.id for row in item[0]])
    ]


def _with_meaning(pairs: list[Pair], meaning: Meaning | None) -> Iterator[tuple[Pair, Meaning | None]]:
    yield from ((pair, None) for pair in pairs)
    if meaning:
        yield from ((pair, meaning) for pair in meaning.pairs)


def _disagreeing_in_meaning(
    left: list[Keyed], right: list[Keyed], threshold: float, words: Counts, meaning: Meaning
) -> list[Row]:
    """Rows of two questions that are alike in meaning, whose answers are of one kind and do not agree."""
    found: dict[str, Row] = {}
    for one, other in product(left, right) if len(left) * len(right) <= _MANY else ():
        closed = closed_class(one.row.output, one.answer), closed_class(other.row.output, other.answer)
        if all(closed) != any(closed) or _agree(one, other, threshold, words):
            continue
        if not meaning.answers_alike(one.row.output, other.row.output):
            found |= {one.row.id: one.row, other.row.id: other.row}
    return [found[identity] for identity in sorted(found)]


def _disagreeing(
    left: list[Keyed], right: list[Keyed], threshold: float, words: Counts, within: bool
) -> list[Row]:
    if len(left) * len(right) > _MANY:  # hundreds of answers: no question of fact, and all are told
        if not within and not _ask_the_same(left[0], right[0], words):
            return []
        return sorted({keyed.row.id: keyed.row for keyed in left + right}.values(), key=lambda row: row.id)
    found: dict[str, Row] = {}
    for one, other in combinations(left, 2) if within else product(left, right):
        if one.answer == other.answer:
            continue  # most often the cheaper of the two tests
        if _ask_the_same(one, other, words) and not _agree(one, other, threshold, words):
            found |= {one.row.id: one.row, other.row.id: other.row}
    return [found[identity] for identity in sorted(found)]


def _ask_the_same(one: Keyed, other: Keyed, words: Counts) -> bool:
    questions = one.row.question, other.row.question
    if one.question == other.question:
        return not named_apart(*questions)
    digits = key_digits(one.question), key_digits(other.question)
    if digits[0] != digits[1]:
        return respaced(*questions) or (
            sorted(digits[0]) == sorted(digits[1]) and reworded(*questions, words)
        )
    return factual_difference(*questions, words) < Difference.OTHER or reworded(*questions, words)


def _agree(one: Keyed, other: Keyed, threshold: float, words: Counts) -> bool:
    """Whether one answer holds the other ('서울', '서울입니다'), or they are alike but for their wording."""
    if one.answer == other.answer or respaced(one.row.output, other.row.output):
        return True
    digits = key_digits(one.answer), key_digits(other.answer)
    if digits[0] != digits[1] and len(digits[0]) == len(digits[1]):
        return False
    likeness = Indel.normalized_similarity(one.answer, other.answer)
    if likeness < _UNRELATED and min(len(one.answer), len(other.answer)) > _PROSE:
        return True  # two explanations at length, which may both hold
    answers = without_labels(one.row.output), without_labels(other.row.output)
    short, long = sorted(answers, key=lambda text: (len(text), text))
    if holds(long, short) or ("(" not in short and holds(_REMARK.sub("", long), short)):
        return True
    apart = factual_difference(short, long, words) if digits[0] == digits[1] else Difference.OTHER
    return apart == Difference.HARMLESS or (likeness >= threshold and apart < Difference.OTHER)


def _record(rows: list[Row], score: float) -> dict[str, Any]:
    shown = [
        place(row)
        | {"instruction": row.instruction}
        | ({"input": row.context} if row.context else {})
        | {"output": row.output}
        for row in rows[:_SHOWN_ROWS]
    ]
    record = {"rows": shown, "score": round(score, 4)}
    return record | {"total": len(rows)} if len(rows) > _SHOWN_ROWS else record
