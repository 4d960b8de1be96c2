"""Filter rows for quality, take out exact and near duplicates, report contradictions, cluster questions.

Two graphs are built over the questions. Their clusters follow similarity alone, since the split must not
part two wordings that are nearly the same. Merging asks for more: similar questions, similar answers,
and in both the same numbers, codes and polarity. Similar questions whose answers do not agree are a
contradiction: reported, both kept.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rapidfuzz.distance import Indel

from qaloom import pii
from qaloom.config import complete, load
from qaloom.cost import say_cost
from qaloom.errors import DataError
from qaloom.files import read_lines, write_lines
from qaloom.filters import failed, missing_spaces, quality
from qaloom.guard import Difference, difference, same_facts
from qaloom.job import bar, job, say
from qaloom.join import similar_pairs
from qaloom.rows import Rejection, Row, place, rejected, row_id, write_stage
from qaloom.text import jamo, squash
from qaloom.wording import stem

_EVERY = 10_000  # rows or pairs between two steps of a bar
_SHOWN_ROWS = 50  # of a contradiction; `total` says how many there are


def dedup(source: Path, out: Path, settings: dict[str, Any], threads: int = 2) -> dict[str, Any]:
    """Filter and deduplicate the rows of one file into the folder `out`; return the stats.

    `settings` is the `dedup` section of a configuration. Writes rows.jsonl (ordered by id),
    rejected.jsonl, contradictions.jsonl, clusters.jsonl and, last, stats.json. What is kept depends on
    the set of rows, not on their order. Raises DataError when no row is left.
    """
    taken = read_lines(source, Row)
    if not taken:
        raise DataError(f"{source}: holds no row; see rejected.jsonl beside it")
    good, rejections, personal = _filtered(taken, settings)
    if not good:
        raise DataError(_nothing_left(rejections))
    rows, exact = _exact(good)
    questions = _Questions(rows)
    pairs = _near_pairs(questions, settings["threshold"], threads)
    merged = _merge(rows, questions, pairs, settings["answer_threshold"])
    links = [pair[:2] for pair in pairs]
    if settings["jamo"]:
        links += _jamo_links(questions.keys, settings["threshold"], threads)
    asking_the_same = [*pairs, *_further_pairs(questions.keys, links, len(pairs))]
    found = _Found(
        sorted((keyed.row for at, keyed in enumerate(rows) if at not in merged), key=lambda row: row.id),
        sorted(
            [*rejections, *_duplicates(rows, exact, merged)],
            key=lambda item: (item.source, item.line, item.id),
        ),
        _contradictions(rows, merged, questions, asking_the_same, settings["answer_threshold"]),
        _clusters(rows, merged, questions, links),
        personal,
    )
    return _write(out, len(taken), found)


class _Found(NamedTuple):
    """What the stage has to say."""

    kept: list[Row]
    rejections: list[Rejection]
    contradictions: list[dict[str, Any]]
    clusters: dict[str, str]
    personal: dict[str, int]


def _write(out: Path, taken: int, found: _Found) -> dict[str, Any]:
    write_lines(out / "contradictions.jsonl", found.contradictions)
    write_lines(
        out / "clusters.jsonl", ({"id": row, "cluster": cluster} for row, cluster in found.clusters.items())
    )
    counts = {
        "contradictions": len(found.contradictions),
        "clusters": len(set(found.clusters.values())),
        "missing_spaces": sum(missing_spaces(row.instruction) for row in found.kept),
        "pii": found.personal,
    }
    stats = write_stage(out, found.kept, found.rejections, taken, **counts)
    say(_summary(stats))
    return stats


# --- filters ------------------------------------------------------------------------------------------


def _filtered(
    taken: list[Row], settings: dict[str, Any]
) -> tuple[list[Row], list[Rejection], dict[str, int]]:
    filters, choice = quality(settings), settings["pii"]
    good, rejections, personal = [], [], Counter()
    with bar("quality filters", len(taken)) as advance:
        for done, row in enumerate(taken, 1):
            found = _personal(row)
            personal.update(found)
            reason = failed(row, filters)
            if reason is None and found and choice == "drop":
                reason = "pii", f"the row holds personal data ({', '.join(found)})"
            if reason is None:
                good.append(_marked(row, found, choice) if found else row)
            else:
                rejections.append(rejected(row, *reason))
            if done % _EVERY == 0 or done == len(taken):
                advance(done)
    return good, rejections, dict(sorted(personal.items()))


def _personal(row: Row) -> list[str]:
    kinds = {piece.kind for text in (row.instruction, row.input, row.output) for piece in pii.find(text)}
    return sorted(kinds)


def _marked(row: Row, found: list[str], choice: str) -> Row:
    row.meta["pii"] = found
    if choice == "mask":
        row.instruction, row.input, row.output = map(pii.mask, (row.instruction, row.input, row.output))
        row.id = row_id(row.instruction, row.input, row.output)
    return row


# --- who survives -------------------------------------------------------------------------------------


class _Keyed(NamedTuple):
    """A row with the keys of its question (with the input) and of its answer."""

    row: Row
    question: str
    answer: str


_UNTIDY = re.compile(r" [?!.,]")


def _worth(keyed: _Keyed) -> tuple:
    """The order in which rows survive: by what they say, and by place only where they say the same."""
    row = keyed.row
    repairs = len(row.meta.get("repairs", ()))
    untidy = (
        missing_spaces(row.instruction) + missing_spaces(row.output) + len(_UNTIDY.findall(row.instruction))
    )
    said = -len(keyed.answer), -len(keyed.question), -len(row.output) - len(row.instruction)
    return repairs, untidy, *said, row.id, row.source, row.line


def _asked(row: Row) -> str:
    return f"{row.instruction}\n{row.input}" if row.input else row.instruction


def _exact(rows: list[Row]) -> tuple[list[_Keyed], list[tuple[Row, int]]]:
    """Keep the best of the rows that differ in spaces, case and punctuation alone, in order of worth.

    The others come with the position of the one that was kept.
    """
    kept: dict[tuple[str, str], int] = {}
    best, others = [], []
    for keyed in sorted((_Keyed(row, squash(_asked(row)), squash(row.output)) for row in rows), key=_worth):
        position = kept.setdefault(keyed[1:], len(best))
        if position == len(best):
            best.append(keyed)
        else:
            others.append((keyed.row, position))
    return best, others


def _duplicates(
    rows: list[_Keyed], exact: list[tuple[Row, int]], merged: dict[int, "_Survivor"]
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
    return rejected(row, reason, f"{like} {where}", survivor=place(survivor) | {"score": round(score, 4)})


# --- near pairs ---------------------------------------------------------------------------------------


class _Questions:
    """The distinct question keys of some rows, and the positions of the rows that ask each."""

    def __init__(self, rows: list[_Keyed]):
        asking: dict[str, list[int]] = defaultdict(list)
        for position, keyed in enumerate(rows):
            asking[keyed.question].append(position)
        self.keys = list(asking)
        self.at = list(asking.values())


class _Pair(NamedTuple):
    """Two question keys (or one with itself) at or above the threshold."""

    left: int
    right: int
    score: float


def _near_pairs(questions: _Questions, threshold: float, threads: int) -> list[_Pair]:
    same = [_Pair(key, key, 1.0) for key, rows in enumerate(questions.at) if len(rows) > 1]
    say_cost("near-duplicates", questions.keys, threshold, threads)
    with bar("near-duplicates", len(questions.keys), "questions") as advance:
        found = similar_pairs(
            questions.keys, threshold, threads=threads, progress=lambda done, _: advance(done)
        )
    return same + list(map(_Pair, found.left.tolist(), found.right.tolist(), found.score.tolist()))


def _further_pairs(keys: list[str], links: list[tuple[int, int]], near: int) -> Iterator[_Pair]:
    """Pairs below the threshold that may ask the same: linked by jamo, or alike but for their endings."""
    alike: dict[str, list[int]] = defaultdict(list)
    for position, key in enumerate(keys):
        alike[stem(key)].append(position)
    endings = (pair for group in alike.values() for pair in combinations(group, 2))
    known = set(links[:near])
    for left, right in dict.fromkeys([*links[near:], *endings]):
        if (left, right) not in known:
            yield _Pair(left, right, Indel.normalized_similarity(keys[left], keys[right]))


def _question_difference(one: _Keyed, other: _Keyed) -> Difference:
    return difference(_asked(one.row), _asked(other.row))


def _mergeable(one: _Keyed, other: _Keyed, threshold: float) -> bool:
    """Whether one may stand for the other; their questions are known to be similar."""
    alike = Indel.normalized_similarity(one.answer, other.answer) >= threshold
    return (
        (alike or stem(one.answer) == stem(other.answer))
        and not difference(one.row.output, other.row.output)
        and not _question_difference(one, other)
    )


class _Survivor(NamedTuple):
    position: int
    score: float


def _merge(
    rows: list[_Keyed], questions: _Questions, pairs: list[_Pair], threshold: float
) -> dict[int, _Survivor]:
    """Positions of the near duplicates, each with its survivor.

    Rows in order of worth each take in those directly like them; a row taken in takes in none. So every
    near duplicate is like its survivor itself, no two survivors could be merged, and the order in which
    rows came plays no part.
    """
    neighbours: dict[int, list[_Survivor]] = defaultdict(list)
    for pair in pairs:
        for one, other in _row_pairs(rows, questions, pair, threshold):
            if _mergeable(rows[one], rows[other], threshold):
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
    rows: list[_Keyed], questions: _Questions, pair: _Pair, threshold: float
) -> Iterable[tuple[int, int]]:
    """Pairs of rows across a pair of questions, whose answers may be similar enough."""
    left, right = questions.at[pair.left], questions.at[pair.right]
    if len(left) * len(right) > _MANY**2:
        return _joined(rows, left if left is right else left + right, threshold)
    return combinations(left, 2) if left is right else product(left, right)


def _joined(rows: list[_Keyed], positions: list[int], threshold: float) -> Iterator[tuple[int, int]]:
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


# --- contradictions and clusters ----------------------------------------------------------------------


def _contradictions(
    rows: list[_Keyed],
    merged: dict[int, _Survivor],
    questions: _Questions,
    pairs: list[_Pair],
    threshold: float,
) -> list[dict[str, Any]]:
    """Kept rows that ask the same and do not answer the same, one record for each pair of questions."""
    found = []
    for pair in pairs:
        left, right = ([rows[at] for at in questions.at[key] if at not in merged] for key in pair[:2])
        those = _disagreeing(left, right, threshold, within=pair.left == pair.right)
        if those:
            found.append((those, pair.score))
    return [
        _record(those, score) for those, score in sorted(found, key=lambda item: [row.id for row in item[0]])
    ]


def _disagreeing(left: list[_Keyed], right: list[_Keyed], threshold: float, within: bool) -> list[Row]:
    if len(left) * len(right) > _MANY**2:  # hundreds of answers: no question of fact, and all are told
        return sorted({keyed.row.id: keyed.row for keyed in left + right}.values(), key=lambda row: row.id)
    found: dict[str, Row] = {}
    for one, other in combinations(left, 2) if within else product(left, right):
        if not _agree(one, other, threshold) and _question_difference(one, other) < Difference.OTHER:
            found |= {one.row.id: one.row, other.row.id: other.row}
    return [found[identity] for identity in sorted(found)]


def _agree(one: _Keyed, other: _Keyed, threshold: float) -> bool:
    """Whether one answer holds the other ('서울', '서울입니다'), or they are alike but for their wording."""
    short, long = sorted((stem(one.answer), stem(other.answer)), key=len)
    if long.startswith(short) or (len(short) > 1 and short in long):
        return same_facts(one.row.output, other.row.output)
    apart = difference(one.row.output, other.row.output)
    similar = Indel.normalized_similarity(one.answer, other.answer) >= threshold
    return apart == Difference.HARMLESS or (similar and apart < Difference.OTHER)


def _record(rows: list[Row], score: float) -> dict[str, Any]:
    shown = [
        place(row)
        | {"instruction": row.instruction}
        | ({"input": row.input} if row.input else {})
        | {"output": row.output}
        for row in rows[:_SHOWN_ROWS]
    ]
    record = {"rows": shown, "score": round(score, 4)}
    return record | {"total": len(rows)} if len(rows) > _SHOWN_ROWS else record


def _clusters(
    rows: list[_Keyed], merged: dict[int, _Survivor], questions: _Questions, links: Iterable[tuple[int, int]]
) -> dict[str, str]:
    """The cluster of each kept row: the smallest id among rows with linked questions, transitively."""
    sets = _Sets(len(questions.keys), links)
    smallest: dict[int, str] = {}
    group: dict[str, int] = {}
    for key, positions in enumerate(questions.at):
        for identity in (rows[position].row.id for position in positions if position not in merged):
            group[identity] = sets.of(key)
            smallest[group[identity]] = min(identity, smallest.get(group[identity], identity))
    return {identity: smallest[root] for identity, root in sorted(group.items())}


def _jamo_links(keys: list[str], threshold: float, threads: int) -> Iterator[tuple[int, int]]:
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


class _Sets:
    """Disjoint sets of positions, joined by links."""

    def __init__(self, size: int, links: Iterable[tuple[int, int]]):
        self.parent = list(range(size))
        for one, other in links:
            self.parent[self.of(one)] = self.of(other)

    def of(self, item: int) -> int:
        while self.parent[item] != item:
            self.parent[item] = item = self.parent[self.parent[item]]
        return item


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
    personal = f", {found:,} rows with personal data" if found else ""
    return (
        f"dedup: {stats['in']:,} rows in, {stats['out']:,} kept, {stats['rejected']:,} set aside{listed}, "
        f"{stats['contradictions']:,} contradictions reported{personal}"
    )


def _command(
    rows: Annotated[Path, typer.Argument(help="rows.jsonl of the validate stage")],
    out: Annotated[Path, typer.Option(help="folder to write to")],
    config: Annotated[
        Path | None, typer.Option(help="a project's configuration; its dedup section counts")
    ] = None,
) -> None:
    """Filter and deduplicate rows; contradictions and clusters of questions are written beside them."""
    with job():
        whole = load(config) if config else complete({"data": {"sources": ["-"]}, "runs": {"demo": {}}})
        dedup(rows, out, whole["dedup"])


if __name__ == "__main__":
    typer.run(_command)
