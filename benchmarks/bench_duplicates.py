"""Duplicates taken out of the same rows by the stage dedup, rensa, datasketch and polars, side by side.

    python benchmarks/bench_duplicates.py [--rows 10000 100000]

The rows are those of records.py, whose planted variants are labelled. *found* is the share of the planted variants
(exact, spacing, typo, paraphrase) that end in one group with the row they were made of; *wrong* counts the rows that
were dropped for a row of another fact or another answer. `times` is CPU against ours. The MinHash methods take the
trigrams of question and answer together and keep the first of rows at or above a Jaccard similarity of .8; polars
drops rows that are equal to the letter. Each method is a process of its own; writes duplicates.json.
"""

import argparse
import contextlib
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import _circumstances, _measured, _timed
from bench_join import SEED, _updated
from records import SAME, make_records

JACCARD = 0.8
HERE = Path(__file__).parent
Dropped = dict[int, int]  # the position of each dropped row, and of the row that is kept for it


def main() -> None:
    """Print the table line by line and write what was measured."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    results: list[dict[str, Any]] = []
    for rows in parser.parse_args().rows:
        print(
            f"\n{rows:,} rows\n{'':<16}{'dropped':>9}{'found':>8}{'wrong':>7}{'CPU s':>9}{'times':>7}{'peak MB':>9}"
        )
        ours = 0.0
        for method in METHODS:
            line = {"method": method, "rows": rows, **_measured(_one, method, rows)}
            ours = ours or line["cpu_seconds"]
            line["times"] = round(line["cpu_seconds"] / ours, 2)
            print(
                f"{method:<16}{line['dropped']:>9,}{line['found']:>8.3f}{line['wrong']:>7,}"
                f"{line['cpu_seconds']:>9.2f}{line['times']:>7.2f}{line['peak_mb']:>9,}",
                flush=True,
            )
            results.append(line)
    text = json.dumps({**_circumstances(), "results": results}, indent=1)
    (HERE / "duplicates.json").write_text(text + "\n", encoding="utf-8")


def _one(method: str, rows: int) -> dict[str, Any]:
    records = make_records(rows, SEED)
    METHODS[method](records[:20])  # what is compiled or loaded on first use
    measured = _timed(METHODS[method], records)
    return {**_judged(records, measured.pop("value")), **measured}


def _judged(records: list[dict], dropped: Dropped) -> dict[str, Any]:
    """How many planted variants were found, and rows dropped for one of another fact."""
    fact = [of if (of := r["of"]) is not None and r["kind"] in SAME else at for at, r in enumerate(records)]

    def kept(at: int) -> int:
        while at in dropped:
            at = dropped[at]
        return at

    planted = [at for at, record in enumerate(records) if record["kind"] in SAME]
    found = sum(kept(at) == kept(records[at]["of"]) for at in planted)
    wrong = sum(fact[at] != fact[other] for at, other in dropped.items())
    return {"dropped": len(dropped), "found": round(found / max(1, len(planted)), 4), "wrong": wrong}


def _ours(records: list[dict]) -> Dropped:
    """The stage as the workflow runs it, from rows to files: quality filters and contradictions are in the time."""
    from qaloom.config.load import complete
    from qaloom.dedup.stage import dedup
    from qaloom.files import each_line, write_lines
    from qaloom.records import Rejection, Row, row_id

    settings = complete({"data": {"sources": ["-"]}, "runs": {"demo": {}}})["dedup"]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        rows = (
            Row(row_id(r["question"], "", r["answer"]), r["question"], "", r["answer"], "a", at, "a", "{}")
            for at, r in enumerate(records)
        )
        write_lines(Path(folder) / "rows.jsonl", rows)
        dedup(Path(folder) / "rows.jsonl", Path(folder), settings)
        return {
            r.line: r.survivor.line
            for r in each_line(Path(folder) / "rejected.jsonl", Rejection)
            if r.survivor
        }


def _polars(records: list[dict]) -> Dropped:
    import polars

    frame = polars.DataFrame(
        {key: [r[key] for r in records] for key in ("question", "answer")}
    ).with_row_index("at")
    first = polars.col("at").first().over("question", "answer").alias("first")
    return dict(
        frame.with_columns(first)
        .filter(polars.col("at") != polars.col("first"))
        .select("at", "first")
        .iter_rows()
    )


def _rensa(records: list[dict]) -> Dropped:
    from rensa import RMinHash, RMinHashLSH

    lsh = RMinHashLSH(threshold=JACCARD, num_perm=128, num_bands=16)
    return _first_kept(records, lsh, lambda grams: _updated(RMinHash(num_perm=128, seed=SEED), grams))


def _datasketch(records: list[dict]) -> Dropped:
    from datasketch import MinHash, MinHashLSH

    def hashed(grams: list[str]) -> MinHash:
        return _updated(MinHash(num_perm=128, seed=SEED), [gram.encode() for gram in grams], "update_batch")

    return _first_kept(records, MinHashLSH(threshold=JACCARD, num_perm=128), hashed)


def _first_kept(records: list[dict], lsh: Any, hashed: Callable[[list[str]], Any]) -> Dropped:
    hashes: dict[int, Any] = {}
    dropped: Dropped = {}
    for at, record in enumerate(records):
        text = f"{record['question']} {record['answer']}"
        hashes[at] = minhash = hashed([text[i : i + 3] for i in range(len(text) - 2)])
        alike = [other for other in sorted(lsh.query(minhash)) if hashes[other].jaccard(minhash) >= JACCARD]
        if alike:
            dropped[at] = alike[0]
            del hashes[at]
        else:
            lsh.insert(at, minhash)
    return dropped


METHODS: dict[str, Callable[[list[dict]], Dropped]] = {
    "qaloom dedup": _ours,
    "polars unique": _polars,
    "rensa .8": _rensa,
    "datasketch .8": _datasketch,
}


if __name__ == "__main__":
    main()
