"""Rows of Parquet files and of data sets that `datasets` saved, as records."""

import datetime
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from qaloom.errors import SourceError, first_line
from qaloom.validate.lines import Line

_AT_ONCE = 1_000  # rows


def read_parquet(path: Path) -> Iterator[Line]:
    """Rows of a Parquet file. Raises SourceError when it cannot be read."""
    import pyarrow.parquet

    with _readable_as(path, "Parquet"), pyarrow.parquet.ParquetFile(path) as file:
        yield from _lines(file.iter_batches(batch_size=_AT_ONCE), "")


def read_saved_dataset(folder: Path) -> Iterator[Line]:
    """Rows of a folder that `datasets` saved; of several splits one after the other, each numbered from 1."""
    import datasets

    with _readable_as(folder, "a data set"):
        saved = datasets.load_from_disk(str(folder))
        splits = saved if isinstance(saved, datasets.DatasetDict) else {"": saved}
        for name, split in splits.items():
            yield from _lines(split.with_format("arrow").iter(batch_size=_AT_ONCE), str(name))


def _lines(batches: Iterable[Any], place: str) -> Iterator[Line]:
    number = 0
    for batch in batches:
        for record in batch.to_pylist():
            number += 1
            yield Line(number, b"", {key: _plain(value) for key, value in record.items()}, place=place)


def _plain(value: Any) -> Any:
    """A value as JSON has it: dates as ISO 8601, missing numbers as null, bytes by their length."""
    if value is None or isinstance(value, str | bool | int | Decimal):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return f"({len(value):,} bytes)" if isinstance(value, bytes) else str(value)


@contextmanager
def _readable_as(path: Path, kind: str) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, ValueError, KeyError) as error:
        raise SourceError(
            f"{path}: cannot be read as {kind} ({first_line(error)}); write it again from its origin"
        ) from None
