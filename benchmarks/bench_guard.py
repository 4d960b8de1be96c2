"""What dedup does with labelled pairs: merged, reported as a contradiction, both kept, or filtered.

    python benchmarks/bench_guard.py [--rows 10000]

Runs validate and dedup with the default settings over two sets of hand-written rows (tests/data) and
over planted records (records.py), prints a confusion table for each and writes guard.json. A pair counts
as merged when both rows end in the same kept row, so also by way of a third.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from records import make_records

from qaloom.config.load import defaults
from qaloom.dedup.stage import dedup
from qaloom.files import read_lines, write_json, write_lines
from qaloom.records import Rejection, Row
from qaloom.validate.stage import validate_file

HERE = Path(__file__).parent
HAND_WRITTEN = HERE.parent / "tests/data/hand_written.jsonl"
UNSEEN = HERE.parent / "tests/data/hand_written_unseen.jsonl"
OUTCOMES = ("merged", "contradiction", "both kept", "filtered")


class Pair(NamedTuple):
    """Two rows by their lines in the source, and how they are related."""

    kind: str
    left: int
    right: int


def main() -> None:
    """Print both tables, as Markdown, and write the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000, help="planted records")
    rows = parser.parse_args().rows
    tables = {"hand-written": hand_written(HAND_WRITTEN), "unseen": hand_written(UNSEEN)}
    tables["planted"] = planted(rows)
    for name, table in tables.items():
        print(f"\n{name}\n\n{markdown(table)}")
    write_json(HERE / "guard.json", {"command": "python benchmarks/bench_guard.py", "rows": rows, **tables})


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


def planted(rows: int, seed: int = 1) -> dict[str, dict[str, int]]:
    """Outcomes by kind of each planted record with the one that it was made from."""
    records = make_records(rows, seed)
    pairs = [Pair(r["kind"], r["of"] + 1, n) for n, r in enumerate(records, 1) if r["of"] is not None]
    return confusion(records, pairs)


def confusion(records: Iterable[dict[str, Any]], pairs: Iterable[Pair]) -> dict[str, dict[str, int]]:
    """Run validate and dedup in a temporary folder; counts of outcomes by kind, in order of first sight."""
    with tempfile.TemporaryDirectory(prefix="qaloom-guard-") as temporary:
        folder = Path(temporary)
        keys = ("question", "answer", "instruction", "output")
        write_lines(folder / "source.jsonl", ({key: r[key] for key in keys if key in r} for r in records))
        validate_file(folder / "source.jsonl", "source.jsonl", folder / "validate")
        settings = defaults()["dedup"]
        dedup(folder / "validate/rows.jsonl", folder / "dedup", settings)
        ends, reported = _ends(folder / "dedup"), _reported(folder / "dedup")
    table: dict[str, Counter[str]] = {}
    for kind, left, right in pairs:
        outcome = _outcome(ends.get(left), ends.get(right), reported)
        table.setdefault(kind, Counter())[outcome] += 1
    return {kind: {outcome: counts[outcome] for outcome in OUTCOMES} for kind, counts in table.items()}


def _ends(folder: Path) -> dict[int, int]:
    """The line of the kept row that each line ended in; filtered lines are absent."""
    kept = {row.line: row.line for row in read_lines(folder / "rows.jsonl", Row)}
    gone = read_lines(folder / "rejected.jsonl", Rejection)
    return kept | {item.line: item.survivor.line for item in gone if item.survivor}


def _reported(folder: Path) -> set[frozenset[int]]:
    found = (
        [row["line"] for row in record["rows"]] for record in read_lines(folder / "contradictions.jsonl")
    )
    return {frozenset((one, other)) for lines in found for one in lines for other in lines}


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
