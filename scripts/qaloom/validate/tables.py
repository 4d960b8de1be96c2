"""Rows of a table (CSV, TSV, a sheet) as records: the header row names the columns, every cell is a text."""

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from qaloom.validate.blocks import BLOCK
from qaloom.validate.lines import Fault, Line

SEPARATORS = ("\t", ",", ";", "|")
HEADER_WITHIN = 20  # first rows of a table in which its header is looked for
Cells = Sequence[str]
IsHeader = Callable[[Cells], bool]


def read_table(
    rows: Iterable[tuple[int, Cells | Fault]], is_header: IsHeader, place: str = ""
) -> Iterator[Line]:
    """Rows (number, cells) as records of the header's names; what stands above the header, and empty rows, are blank.

    The header is the first row that `is_header`, else the first with two texts. `place` is the sheet's name.
    """
    remaining = iter(rows)
    first = list(islice(remaining, HEADER_WITHIN))
    at = header_row([cells for _, cells in first], is_header)
    if at is None:
        return
    for number, _ in first[: at + 1]:
        yield Line(number, b"", None, place=place)
    names = column_names([cells for _, cells in first[: at + 1] if not isinstance(cells, Fault)])
    for number, cells in chain(first[at + 1 :], remaining):
        yield Line(number, b"", _record(names, cells), place=place)


def header_row(rows: Sequence[Cells | Fault], is_header: IsHeader) -> int | None:
    """The place of the header row among the first rows of a table; None where no row has a text."""
    whole = [(at, cells) for at, cells in enumerate(rows) if not isinstance(cells, Fault)]
    named = [at for at, cells in whole if is_header(column_names([cells]))]
    filled = [(at, sum(bool(cell.strip()) for cell in cells)) for at, cells in whole]
    several = [at for at, count in filled if count > 1]
    return next(iter([*named, *several, *(at for at, count in filled if count)]), None)


def column_names(rows: Sequence[Cells]) -> list[str]:
    """Names of columns by a table's rows down to its header; a column without one takes it from the row above.

    A name that stands twice is numbered, so that no cell is lost; an unnamed column is `column N`.
    """
    header = list(rows[-1])
    above = rows[-2] if len(rows) > 1 else ()
    names: list[str] = []
    for at, cell in enumerate(header):
        name = cell.strip() or (above[at].strip() if at < len(above) else "") or f"column {at + 1}"
        names.append(name if name not in names else f"{name} ({at + 1})")
    return names


def read_separated(lines: Iterable[str], separator: str) -> Iterator[tuple[int, Cells | Fault]]:
    """Rows of separated text, numbered from 1 as a spreadsheet numbers them.

    A quote that is never closed costs the line that it opens in: reading goes on at the next one.
    """
    source = _Replayed(lines)
    number = 0
    csv.field_size_limit(BLOCK)
    while True:
        number += 1
        source.begin()
        try:
            cells = next(csv.reader(source, delimiter=separator, strict=True), None)
        except csv.Error as error:
            source.go_back()
            yield number, Fault("not_csv", f"the quotes of this row do not fit ({error})")
            continue
        if cells is None:
            return
        yield number, cells


def separator_of(head: str, is_header: IsHeader) -> str:
    """The separator of a text's columns by its first lines; "" where it has none.

    The one by which the header holds a question and an answer, else the one that splits all lines alike.
    """
    lines = head.splitlines(keepends=True)
    counts: dict[str, int] = {}
    for separator in SEPARATORS:
        rows = [cells for _, cells in islice(read_separated(lines, separator), HEADER_WITHIN)]
        good = [cells for cells in rows if not isinstance(cells, Fault) and any(cells)]
        if any(is_header(column_names([cells])) for cells in good):
            return separator
        widths = {len(cells) for cells in good}
        if len(widths) == 1 and len(good) > 1:
            counts[separator] = widths.pop()
    best = max(counts, key=counts.__getitem__, default="")
    return best if counts.get(best, 0) > 1 else ""


class _Replayed:
    """Lines that can be given again from the second line of the current row on."""

    def __init__(self, lines: Iterable[str]):
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._row: list[str] = []

    def begin(self) -> None:
        """A row begins."""
        self._row = []

    def go_back(self) -> None:
        """Give all lines of the row but its first again."""
        self._again.extendleft(reversed(self._row[1:]))

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._row.append(line)
        return line


def _record(names: list[str], cells: Cells | Fault) -> dict[str, str] | Fault | None:
    if isinstance(cells, Fault):
        return cells
    if not any(cell.strip() for cell in cells):
        return None
    if any(cell.strip() for cell in cells[len(names) :]):
        return Fault(
            "extra_cells",
            f"the row has {len(cells)} cells, the header {len(names)}: are texts with separators quoted?",
        )
    return dict(zip(names, [*cells, *[""] * (len(names) - len(cells))], strict=False))
