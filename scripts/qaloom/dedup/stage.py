"""Filter rows for quality, take out exact and near duplicates, report contradictions, cluster questions.

Two graphs are built over the questions. Their clusters follow similarity alone, since the split must not
part two wordings that are nearly the same. Merging asks for more: similar questions, similar answers,
and in both nothing but harmless differences (see `guard`). Questions that ask the same and whose answers
do not agree are a contradiction: reported, both kept.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rapidfuzz.distance import Indel

from qaloom.console import bar, counted, say_outcome
from qaloom.decisions import decision_note
from qaloom.dedup import pii
from qaloom.dedup.contradictions import contradictions
from qaloom.dedup.filters import failed, missing_spaces, quality
from qaloom.dedup.meaning import Meaning
from qaloom.dedup.near_duplicates import (
    Keyed,
    Pair,
    Questions,
    clusters,
    compared_questions,
    further_pairs,
    jamo_links,
    near_duplicate_pairs,
)
from qaloom.dedup.signs import may_hold
from qaloom.errors import DataError
from qaloom.files import uncollected, write_lines
from qaloom.inference.embeddings import Embedder
from qaloom.records import (
    Clustered,
    Rejection,
    Row,
    Survivor,
    check_handed_over,
    read_rows,
    rejected,
    write_stage,
)
from qaloom.text.endings import stem
from qaloom.text.facts import factual_difference, respaced
from qaloom.text.key_columns import comparison_keys
from qaloom.text.normalize import key_digits
from qaloom.text.similarity_join import similar_pairs
from qaloom.text.spelling import Counts, counted_words

_EVERY = 1_000  # rows that are looked through together, between two steps of a bar


@uncollected()
def dedup(
    source: Path, out: Path, settings: dict[str, Any], threads: int = 2, embedder: Embedder | None = None
) -> dict[str, Any]:
    """Filter and deduplicate the rows of one file into the folder `out`; return the stats.

    `settings` is the `dedup` section of a configuration; with an embedder, contradictions are found between
    questions that are reworded beyond spelling, too. Writes rows.jsonl (ordered by id),
    rejected.jsonl, contradictions.jsonl, clusters.jsonl and, last, stats.json. What is kept depends on
    the set of rows, not on their order. Raises DataError when no row is left.
    """
    check_handed_over(source)
    incoming = read_rows(source)
    if not incoming:
        raise DataError(f"{source}: holds no row; see rejected.jsonl beside it")
    good, rejections, personal = _filtered(incoming, settings)
    if not good:
        raise DataError(_nothing_left(rejections))
    found = _found(good, rejections, settings, threads, embedder)
    return _write(out, len(incoming), found, personal)


class _Found(NamedTuple):
    """Results of the stage."""

    kept: list[Row]
    rejections: list[Rejection]
    contradictions: list[dict[str, Any]]
    clusters: list[Clustered]


def _found(
    good: list[Row],
    rejections: list[Rejection],
    settings: dict[str, Any],
    threads: int,
    embedder: Embedder | None,
) -> _Found:
    """Outcome of the rows that pass the filters; everything else made here is freed before anything is written."""
    rows, exact = _exact(good)
    questions = Questions(rows)
    pairs = near_duplicate_pairs(questions, settings["threshold"], threads)
    links = [pair[:2] for pair in pairs]
    if settings["jamo"]:
        links += jamo_links(questions.keys, settings["threshold"], threads)
    near = [*pairs, *further_pairs(questions, links, len(pairs))]
    asking_the_same, reworded = compared_questions(rows, questions, near)
    words = counted_words(keyed.row.instruction for keyed in rows)
    compared = [*asking_the_same, *reworded]
    meaning = None
    if embedder:
        known = {pair[:2] for pair in (*near, *reworded)}
        meaning = Meaning(embedder, rows, questions, known, words)
    merged = _merge(rows, questions, asking_the_same, settings["answer_threshold"], words)
    kept = sorted((at for at in range(len(rows)) if at not in merged), key=lambda at: rows[at].row.id)
    return _Found(
        [rows[at].row for at in kept],
        sorted(
            [*rejections, *_duplicates(rows, exact, merged)],
            key=lambda item: (item.source, item.line, item.id),
        ),
        contradictions(rows, merged, questions, compared, settings["answer_threshold"], words, meaning),
        clusters(rows, kept, questions, links),
    )


def _write(out: Path, incoming: int, found: _Found, personal: dict[str, int]) -> dict[str, Any]:
    write_lines(out / "contradictions.jsonl", found.contradictions)
    write_lines(out / "clusters.jsonl", found.clusters)
    counts = {
        "contradictions": len(found.contradictions),
        "clusters": sum(one.cluster == one.id for one in found.clusters),  # named after one of its rows each
        "missing_spaces": sum(missing_spaces(row.instruction) for row in found.kept),
        "pii": personal,
    }
    also = ("contradictions.jsonl", "clusters.jsonl")
    stats = write_stage(out, found.kept, found.rejections, incoming, also, **counts)
    say_outcome(_summary(stats))
    return stats


# --- filters ------------------------------------------------------------------------------------------


def _filtered(
    incoming: list[Row], settings: dict[str, Any]
) -> tuple[list[Row], list[Rejection], dict[str, int]]:
    filters, choice = quality(settings), settings["pii"]
    undamaged = {reason: judge for reason, judge in filters.items() if reason != "mojibake"}
    good: list[Row] = []
    rejections: list[Rejection] = []
    personal: Counter[str] = Counter()
    with bar("quality filters", len(incoming)) as advance:
        for first in range(0, len(incoming), _EVERY):
            rows = incoming[first : first + _EVERY]
            for row, lost, told in zip(rows, *may_hold(rows), strict=True):
                found = _personal(row) if told else []
                personal.update(found)
                reason = failed(row, filters if lost else undamaged)
                if reason and decision_note(row):
                    reason = None
                if reason is None and found and choice == "drop":
                    reason = "pii", f"the row holds personal data ({', '.join(found)})"
                if reason is None:
                    good.append(_marked(row, found, choice) if found else row)
                else:
                    rejections.append(rejected(row, *reason))
            advance(first + len(rows))
    return good, rejections, dict(sorted(personal.items()))


def _personal(row: Row) -> list[str]:
    context = row.context
    texts = (row.instruction, context, row.output) if context else (row.instruction, row.output)
    found = [piece.kind for text in texts for piece in pii.find_pii(text)]
    return sorted(set(found)) if found else found


def _marked(row: Row, found: list[str], choice: str) -> Row:
    row.note("pii", found)
    if choice == "mask":
        row.instruction, row.input, row.output = map(pii.mask, (row.instruction, row.input, row.output))
        row.system = pii.mask(row.system)
        row.history = [(pii.mask(question), pii.mask(answer)) for question, answer in row.history]
        row.id = row.identity
    return row


# --- who survives -------------------------------------------------------------------------------------


_UNTIDY = re.compile(r" [?!.,]")


def _by_worth(rows: Sequence[Keyed]) -> list[Keyed]:
    """The order in which rows survive: by what they say, and by place only where they say the same."""
    size = len(rows)
    worth = np.fromiter(chain.from_iterable(map(_worth, rows)), np.int64, 5 * size).reshape(size, 5)
    order = np.lexsort(worth.T[::-1])
    ends = np.flatnonzero(np.any(np.diff(worth[order], axis=0), axis=1)) + 1
    alike = ([rows[at] for at in group.tolist()] for group in np.split(order, ends))
    return [keyed for group in alike for keyed in sorted(group, key=_place)]


def _worth(keyed: Keyed) -> tuple[int, ...]:
    row = keyed.row
    repairs = len(row.details.get("repairs", ()))
    untidy = (
        missing_spaces(row.instruction) + missing_spaces(row.output) + len(_UNTIDY.findall(row.instruction))
    )
    return repairs, untidy, -len(keyed.answer), -len(keyed.question), -len(row.output) - len(row.instruction)


def _place(keyed: Keyed) -> tuple[str, str, int]:
    return keyed.row.id, keyed.row.source, keyed.row.line


def _exact(rows: list[Row]) -> tuple[list[Keyed], list[tuple[Row, int]]]:
    """Keep the best of the rows that differ in spaces, case and punctuation alone, in order of worth.

    The others come with the position of the one that was kept.
    """
    kept: dict[tuple[str, str], int] = {}
    best: list[Keyed] = []
    others: list[tuple[Row, int]] = []
    questions, answers = (
        comparison_keys([r.question for r in rows]),
        comparison_keys([r.output for r in rows]),
    )
    for keyed in _by_worth(list(map(Keyed, rows, questions, answers))):
        position = kept.setdefault(keyed[1:], len(best))
        if position == len(best):
            best.append(keyed)
        else:
            others.append((keyed.row, position))
    return best, others


def _duplicates(
    rows: list[Keyed], exact: list[tuple[Row, int]], merged: dict[int, "_Survivor"]
) -> Iterator[Rejection]:
    """The rejections of all duplicates; where the exact survivor was merged, its survivor is named."""
    for at, (best, score) in merged.items():
        yield _duplicate(rows[at].row, rows[best].row, "near_duplicate", score)
    for row, at in exact:
        if at in merged:
            best, score = merged[at]
            yield _duplicate(row, rows[best].row, "near_duplicate", score)
        else:
            yield _duplicate(row, rows[at].row, "exact_duplicate", 1.0)


def _duplicate(row: Row, survivor: Row, reason: str, score: float) -> Rejection:
    where = f"{survivor.source}, line {survivor.line}"
    like = "the same as" if reason == "exact_duplicate" else f"nearly the same ({score:.3f}) as"
    kept = Survivor(survivor.id, survivor.source, survivor.line, round(score, 4))
    return rejected(row, reason, f"{like} {where}", survivor=kept)


def _mergeable(one: Keyed, other: Keyed, threshold: float, words: Counts) -> bool:
    """Whether one may stand for the other; their questions are known to be similar. The cheapest test first."""
    if key_digits(one.question) != key_digits(other.question) and not respaced(
        one.row.question, other.row.question
    ):
        return False
    if one.answer != other.answer and not _similar_answers(one, other, threshold):
        return False
    asked = one.question == other.question or not factual_difference(
        one.row.question, other.row.question, words
    )
    return asked and (
        one.answer == other.answer or not factual_difference(one.row.output, other.row.output, words)
    )


def _similar_answers(one: Keyed, other: Keyed, threshold: float) -> bool:
    if key_digits(one.answer) != key_digits(other.answer):
        return respaced(one.row.output, other.row.output)
    alike = Indel.normalized_similarity(one.answer, other.answer) >= threshold
    return alike or stem(one.answer) == stem(other.answer) or respaced(one.row.output, other.row.output)


class _Survivor(NamedTuple):
    position: int
    score: float


def _merge(
    rows: list[Keyed], questions: Questions, pairs: list[Pair], threshold: float, words: Counts
) -> dict[int, _Survivor]:
    """Positions of the near duplicates, each with its survivor.

    Rows in order of worth each take in those directly like them; a row taken in takes in none. So every
    near duplicate is like its survivor itself, no two survivors could be merged, and the order in which
    rows came plays no part.
    """
    neighbours: dict[int, list[_Survivor]] = defaultdict(list)
    for pair in pairs:
        for one, other in _row_pairs(rows, questions, pair, threshold):
            if _mergeable(rows[one], rows[other], threshold, words):
                better, worse = sorted((one, other))  # rows come in order of worth
                neighbours[better].append(_Survivor(worse, pair.score))
    merged: dict[int, _Survivor] = {}
    for better in sorted(neighbours):
        if better not in merged:
            for worse, score in neighbours[better]:
                merged.setdefault(worse, _Survivor(better, score))
    return merged


_MANY = 200  # rows asking one question, from which their answers are joined instead of compared one by one


def _row_pairs(
    rows: list[Keyed], questions: Questions, pair: Pair, threshold: float
) -> Iterable[tuple[int, int]]:
    """Pairs of rows across a pair of questions, whose answers may be similar enough."""
    left, right = questions.at[pair.left], questions.at[pair.right]
    if len(left) * len(right) > _MANY**2:
        return _joined(rows, left if left is right else left + right, threshold)
    return combinations(left, 2) if left is right else product(left, right)


def _joined(rows: list[Keyed], positions: list[int], threshold: float) -> Iterator[tuple[int, int]]:
    """Pairs of rows with similar answers; equal answers (of different questions) are grouped for the join."""
    giving: dict[str, list[int]] = defaultdict(list)
    for position in positions:
        giving[rows[position].answer].append(position)
    groups = list(giving.values())
    found = similar_pairs(list(giving), threshold, threads=1)
    for group in groups:
        yield from combinations(group, 2)
    for left, right in zip(found.left.tolist(), found.right.tolist(), strict=True):
        yield from product(groups[left], groups[right])


# --- words for a person -------------------------------------------------------------------------------


def _nothing_left(rejections: list[Rejection]) -> str:
    common = Counter(item.reason for item in rejections).most_common(3)
    reasons = ", ".join(f"{reason} {count}" for reason, count in common)
    example = rejections[0]
    return (
        f"dedup: no row passes the quality filters ({reasons}); "
        f"for example {example.source}, line {example.line}: "
        f"{example.detail}; the limits are under dedup: in the configuration"
    )


def _summary(stats: dict[str, Any]) -> str:
    reasons = sorted(stats["reasons"].items(), key=lambda pair: -pair[1])
    listed = f" ({', '.join(f'{reason} {count:,}' for reason, count in reasons)})" if reasons else ""
    found = sum(stats["pii"].values())
    personal = f", {counted(found, 'rows')} with personal data" if found else ""
    return (
        f"dedup: {counted(stats['in'], 'rows')} in, {stats['out']:,} kept, {stats['rejected']:,} set aside{listed}, "
        f"{counted(stats['contradictions'], 'contradictions')} reported{personal}"
    )
