"""What dedup does with labelled pairs: merged, reported as a contradiction, both kept, or filtered.

    python benchmarks/bench_guard.py [--rows 20000 100000] [--seeds 1 77]

Runs validate and dedup with the default settings over two sets of hand-written rows (tests/data) and over two
sets of planted records (records.py, records_of_facts.py), prints a confusion table for each and writes guard.json.
A pair counts as merged when both rows end in the same kept row, so also by way of a third. Of planted records
the truth is known: rows dropped wrongly, and precision and recall of the reported contradictions.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations, product
from pathlib import Path
from typing import Any, NamedTuple

import records as product_manual
import records_of_facts

from qaloom.config.load import defaults
from qaloom.dedup.stage import dedup
from qaloom.files import read_lines, write_json, write_lines
from qaloom.records import Rejection, Row
from qaloom.validate.stage import validate_file

HERE = Path(__file__).parent
HAND_WRITTEN = HERE.parent / "tests/data/hand_written.jsonl"
UNSEEN = HERE.parent / "tests/data/hand_written_unseen.jsonl"
SEEDS = (1, 77)
OUTCOMES = ("merged", "contradiction", "both kept", "filtered")


class Pair(NamedTuple):
    """Two rows by their lines in the source, and how they are related."""

    kind: str
    left: int
    right: int


class Truth(NamedTuple):
    """What a planted record asks and answers: equal where two records ask or answer the same."""

    kind: str
    of: int | None
    asked: Any
    answered: Any


def main() -> None:
    """Print the tables, as Markdown, and write the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 100_000], help="planted records")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of the planted records")
    arguments = parser.parse_args()
    tables = {"hand-written": hand_written(HAND_WRITTEN), "unseen": hand_written(UNSEEN)}
    for name, table in tables.items():
        print(f"\n{name}\n\n{markdown(table)}")
    measured: dict[str, Any] = {}
    for seed, rows, (name, make) in product(arguments.seeds, arguments.rows, PLANTED.items()):
        title = f"{name}, {rows:,} records, seed {seed}"
        measured[title] = found = planted(*make(rows, seed))
        print(f"\n{title}\n\n{markdown(found['pairs'])}\n\n{_sentence(found)}", flush=True)
    write_json(HERE / "guard.json", {"command": "python benchmarks/bench_guard.py", **tables, **measured})


def hand_written(path: Path) -> dict[str, dict[str, int]]:
    """Outcomes by kind of the pairs in a file whose rows name their `pair`, `label` and perhaps `kind`."""
    records = read_lines(path)
    return confusion(records, labelled_pairs(records))


def labelled_pairs(records: list[dict[str, Any]]) -> list[Pair]:
    """The pairs of a hand-written file; a row whose `pair` no other has is there to be mistaken for one."""
    ends: dict[Any, list[int]] = {}
    for line, record in enumerate(records, 1):
        ends.setdefault(record["pair"], []).append(line)
    return [Pair(_kind(records[both[0] - 1]), *both) for both in ends.values() if len(both) == 2]


def _kind(record: dict[str, Any]) -> str:
    return ": ".join(record[key] for key in ("label", "kind") if key in record)


def _product_manual(rows: int, seed: int) -> tuple[list[dict[str, Any]], list[Truth]]:
    records, truths = product_manual.make_records(rows, seed), []
    for record in records:
        kind, of = record["kind"], record["of"]
        like = record if of is None or kind in product_manual.DIFFERENT else records[of]
        answered = record if kind in product_manual.CONFLICT else like
        truths.append(Truth(kind, of, like["question"], answered["answer"]))
    return records, truths


def _facts(rows: int, seed: int) -> tuple[list[dict[str, Any]], list[Truth]]:
    records = records_of_facts.make_records(rows, seed)
    truths = [Truth(_kind_and_form(r), r.of, r.asked, r.answered) for r in records]
    return [{"question": r.question, "answer": r.answer} for r in records], truths


PLANTED = {"product manual": _product_manual, "facts": _facts}


def _kind_and_form(record: records_of_facts.Record) -> str:
    return f"{record.kind}: {record.form}" if record.kind.endswith("reworded") else record.kind


def planted(records: Sequence[dict[str, Any]], truths: Sequence[Truth]) -> dict[str, Any]:
    """Outcomes of each planted record with the one it was made from, and what the truth says of them all."""
    before = time.process_time()
    with deduplicated(records) as folder:
        seconds = time.process_time() - before
        ends, reported = _ends(folder), _reported(folder)
    pairs = [Pair(t.kind, t.of + 1, at) for at, t in enumerate(truths, 1) if t.of is not None]
    table = _table(pairs, ends, reported)
    wrong = [line for line, end in ends.items() if _differ(truths, line, end)]
    right = sum(_conflict(truths, lines) for lines in reported)
    found = _share(table, "contradiction", "contradiction")
    return {
        "pairs": table,
        "wrongly_dropped": len(wrong),
        "mechanical_merged": round(_share(table, MECHANICAL, "merged"), 4),
        "contradictions": len(reported),
        "precision": round(right / max(1, len(reported)), 4),
        "recall": round(found, 4),
        "recall_reworded": round(_share(table, REWORDED, "contradiction"), 4),
        "cpu_seconds": round(seconds, 1),
    }


MECHANICAL = (*records_of_facts.MECHANICAL, *product_manual.SAME)
REWORDED = ("contradiction-reworded", "contradiction-typo")


def _differ(truths: Sequence[Truth], line: int, end: int) -> bool:
    one, other = truths[line - 1], truths[end - 1]
    return (one.asked, one.answered) != (other.asked, other.answered)


def _conflict(truths: Sequence[Truth], lines: Iterable[int]) -> bool:
    """Whether a reported record names two rows that ask the same and answer otherwise."""
    rows = [truths[line - 1] for line in lines]
    return any(a.asked == b.asked and a.answered != b.answered for a, b in combinations(rows, 2))


def _share(table: dict[str, dict[str, int]], kinds: str | Sequence[str], outcome: str) -> float:
    """The share of the pairs of some kinds with an outcome, those that a filter took left out."""
    chosen = [
        counts
        for kind, counts in table.items()
        if kind.startswith(tuple([kinds] if isinstance(kinds, str) else kinds))
    ]
    total = sum(count for counts in chosen for name, count in counts.items() if name != "filtered")
    return sum(counts[outcome] for counts in chosen) / max(1, total)


def _sentence(found: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items() if name != "pairs")


@contextmanager
def deduplicated(records: Iterable[dict[str, Any]]) -> Iterator[Path]:
    """The folder that dedup wrote, with its default settings, from some records."""
    with tempfile.TemporaryDirectory(prefix="qaloom-guard-") as temporary:
        folder = Path(temporary)
        keys = ("question", "answer", "instruction", "output")
        write_lines(folder / "source.jsonl", ({key: r[key] for key in keys if key in r} for r in records))
        validate_file(folder / "source.jsonl", "source.jsonl", folder / "validate")
        dedup(folder / "validate/rows.jsonl", folder / "dedup", defaults()["dedup"])
        yield folder / "dedup"


def confusion(records: Iterable[dict[str, Any]], pairs: Iterable[Pair]) -> dict[str, dict[str, int]]:
    """Run validate and dedup in a temporary folder; counts of outcomes by kind, in order of their names."""
    with deduplicated(records) as folder:
        return _table(pairs, _ends(folder), _reported(folder))


def _table(
    pairs: Iterable[Pair], ends: dict[int, int], reported: Iterable[frozenset[int]]
) -> dict[str, dict[str, int]]:
    told = {frozenset(pair) for lines in reported for pair in combinations(sorted(lines), 2)}
    table: dict[str, Counter[str]] = {}
    for kind, left, right in sorted(pairs):
        table.setdefault(kind, Counter())[_outcome(ends.get(left), ends.get(right), told)] += 1
    return {kind: {outcome: counts[outcome] for outcome in OUTCOMES} for kind, counts in table.items()}


def _ends(folder: Path) -> dict[int, int]:
    """The line of the kept row that each line ended in; filtered lines are absent."""
    kept = {row.line: row.line for row in read_lines(folder / "rows.jsonl", Row)}
    gone = read_lines(folder / "rejected.jsonl", Rejection)
    return kept | {item.line: item.survivor.line for item in gone if item.survivor}


def _reported(folder: Path) -> list[frozenset[int]]:
    """The lines of the rows of each contradiction."""
    found = read_lines(folder / "contradictions.jsonl")
    return [frozenset(row["line"] for row in record["rows"]) for record in found]


def _outcome(left: int | None, right: int | None, reported: set[frozenset[int]]) -> str:
    if left is None or right is None:
        return "filtered"
    if left == right:
        return "merged"
    return "contradiction" if frozenset((left, right)) in reported else "both kept"


def markdown(table: dict[str, dict[str, int]]) -> str:
    """The table as Markdown."""
    lines = [f"| pair | {' | '.join(OUTCOMES)} |", "| --- |" + " ---: |" * len(OUTCOMES)]
    lines += [f"| {kind} | {' | '.join(str(n) for n in counts.values())} |" for kind, counts in table.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
