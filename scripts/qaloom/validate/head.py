"""Check of a source by its beginning, before a run: a mistake is told at once."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from qaloom.console import say
from qaloom.errors import SourceError
from qaloom.records import Rejection, Row
from qaloom.validate.columns import Columns
from qaloom.validate.source import Source, header_test, read_source, source_of
from qaloom.validate.stage import ReadOptions, judge, none_good
from qaloom.validate.workbooks import chosen_sheets

_LINES = 50  # that are looked at
_ALIKE = 20  # lines that fail for one reason, from which all others are taken to fail, too
_LARGE_WORKBOOK = 10_000_000  # bytes; opening one takes seconds


class SourceHead(NamedTuple):
    """The beginning of a source: its first keys or columns, its first rows, and why other lines are none.

    `whole` is true where that is all of it; `left_out` are the sheets of a workbook that are not read. Of a large
    workbook there are no rows.
    """

    source: Source
    keys: list[str]
    rows: list[Row]
    rejections: list[Rejection]
    whole: bool
    left_out: list[str]


def look_at(path: Path, name: str = "", columns: Mapping[str, str] | None = None) -> SourceHead:
    """The beginning of a source, of at most 50 lines; `name` is what its rows call it.

    Raises SourceError, one line with the remedy, for a kind of file that is not read.
    """
    own: Columns = tuple((columns or {}).items())
    source = source_of(path, own, blocks=1)
    if source.kind == "workbook" and path.stat().st_size > _LARGE_WORKBOOK:
        return SourceHead(source, [], [], [], False, [])
    lines = list(islice(read_source(source, own), _LINES))
    found = [
        item
        for line in lines
        if line.value is not None
        for item in judge(line, name or str(path), "", ReadOptions(columns=own))
    ]
    left_out = chosen_sheets(path, header_test(own))[1] if source.kind == "workbook" else []
    return SourceHead(
        source,
        next((list(line.value) for line in lines if type(line.value) is dict), []),
        [item for item in found if isinstance(item, Row)],
        [item for item in found if isinstance(item, Rejection)],
        len(lines) < _LINES,
        left_out,
    )


def check_sources(
    names: Iterable[str], directory: Path, columns: Mapping[str, str], quiet: bool = False
) -> None:
    """Look at the beginning of each source, and say what is left out, unless `quiet`.

    Raises SourceError where none of a source's lines is a row: all of a short one, or so many of the first ones for
    the same reason that the others will hardly differ; and where all sources are empty.
    """
    names = list(names)
    empty = []
    for name in names:
        head = look_at(directory / name, name, columns)
        if head.left_out and not quiet:
            say(
                f"{name}: the sheets {', '.join(head.left_out)} have no columns for question and answer; left out"
            )
        if head.whole and not head.rows and not head.rejections:
            empty.append(name)
        elif not head.rows:
            _check_rejections(head, name)
    if empty and len(empty) == len(names):
        raise SourceError(f"{empty[0]}: is empty; name files with rows under data.sources")


def _check_rejections(head: SourceHead, name: str) -> None:
    reasons = Counter(one.reason for one in head.rejections)
    if head.whole or (len(reasons) == 1 and len(head.rejections) >= _ALIKE):
        raise SourceError(none_good(name, len(head.rejections), reasons, head.rejections[0]))
