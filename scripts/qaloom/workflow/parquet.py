"""Command `qaloom parquet`: rows that a stage wrote as a Parquet file, whose columns have one type at any size."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any

import typer

from qaloom.console import counted, job, say
from qaloom.errors import DataError
from qaloom.files import each_line, whole
from qaloom.records import NO_META, Row

_BATCH = 10_000  # rows in memory
_TEXTS = ("id", "instruction", "input", "output", "system", "history")  # of the split's files
_EMPTY = {
    "line": 0,
    "history": [],
    "meta": NO_META,
}  # of a row that lacks the key; of all others an empty text


def write_parquet(rows: Path, out: Path) -> int:
    """Write a rows.jsonl, or a file of the split, as Parquet; return the number of rows.

    Columns are those of rows.jsonl, or id, instruction, input, output, system and history; none holds a null.
    Raises DataError for a file of anything else.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    lines = each_line(rows, dict)
    first = next(lines, None)
    if first is None:
        raise DataError(f"{rows} holds no row")
    names = Row.__struct_fields__ if "source" in first else _TEXTS
    other = {"line": pa.int64(), "history": pa.list_(pa.list_(pa.string()))}
    schema = pa.schema([(name, other.get(name, pa.string())) for name in names])
    number = 0
    complete = _complete(chain([first], lines), names, rows)
    with whole(out) as stream, ParquetWriter(stream, schema) as writer:
        while batch := list(islice(complete, _BATCH)):
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema))
            number += len(batch)
    return number


def _complete(
    lines: Iterable[dict[str, Any]], names: tuple[str, ...], rows: Path
) -> Iterator[dict[str, Any]]:
    """Rows with every key of `names`."""
    empty = {name: _EMPTY.get(name, "") for name in names}
    for number, line in enumerate(lines, 1):
        if not {"id", "instruction", "output"} <= line.keys() <= set(names):
            raise DataError(
                f"{rows}: line {number} is no row; name a stage's rows.jsonl, or train, recall, unseen or "
                "final.jsonl of the split"
            )
        yield empty | line


def command(
    rows: Annotated[Path, typer.Argument(help="a stage's rows.jsonl, or a file of results/split")],
    out: Annotated[Path, typer.Argument(help="the Parquet file")],
) -> None:
    """Write rows as a Parquet file."""
    say(f"{out}: {counted(write_parquet(rows, out), 'rows')}")


if __name__ == "__main__":
    with job():
        typer.run(command)
