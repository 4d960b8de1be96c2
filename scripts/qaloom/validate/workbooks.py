"""Sheets of an Excel workbook (.xlsx, .xlsm), row by row, each cell as the text that it shows."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from qaloom.errors import SourceError, first_line
from qaloom.validate.cell_text import cell_text
from qaloom.validate.lines import Line
from qaloom.validate.tables import HEADER_WITHIN, Cells, IsHeader, column_names, header_row, read_table


def read_workbook(path: Path, is_header: IsHeader) -> Iterator[Line]:
    """Rows of the sheets that `chosen_sheets` names, one sheet after the other.

    Raises SourceError when the workbook cannot be read.
    """
    with _opened(path) as book:
        chosen = _chosen(book, is_header)
        for name in chosen:
            yield from read_table(_rows(book[name]), is_header, name if len(chosen) > 1 else "")


def chosen_sheets(path: Path, is_header: IsHeader) -> tuple[list[str], list[str]]:
    """Names of the sheets that are read, and of others with rows.

    Read are all sheets whose header holds a question and an answer, else the first that has rows.
    """
    with _opened(path) as book:
        chosen = _chosen(book, is_header)
        return chosen, [name for name in _filled(book) if name not in chosen]


def _chosen(book: Any, is_header: IsHeader) -> list[str]:
    filled = _filled(book)
    named = [
        name
        for name, rows in filled.items()
        if (at := header_row(rows, is_header)) is not None and is_header(column_names(rows[: at + 1]))
    ]
    return named or list(filled)[:1]


def _filled(book: Any) -> dict[str, list[Cells]]:
    """First rows of the sheets that have any."""
    heads = {
        sheet.title: [cells for _, cells in islice(_rows(sheet), HEADER_WITHIN)] for sheet in book.worksheets
    }
    return {name: rows for name, rows in heads.items() if any(any(cells) for cells in rows)}


def _rows(sheet: Any) -> Iterator[tuple[int, Cells]]:
    sheet.reset_dimensions()  # some programs write a wrong size, which would cut the sheet
    for number, cells in enumerate(sheet.iter_rows(), 1):
        yield number, [_text(cell) for cell in cells]


def _text(cell: Any) -> str:
    value = cell.value
    if value is None or cell.data_type == "e":  # an error such as #N/A is no text that anybody wrote
        return ""
    return value if type(value) is str else cell_text(value, cell.number_format)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that play no part here
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except OSError:
        raise
    except Exception as error:  # openpyxl fails in many ways on what other programs write
        raise _unreadable(path, error) from None
    try:
        yield book
    except (KeyError, ValueError, TypeError, SyntaxError) as error:
        raise _unreadable(path, error) from None
    finally:
        book.close()


def _unreadable(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"{path}: cannot be read as an Excel workbook ({first_line(error)}); if it opens with a password, take "
        "that off, else save it once more as .xlsx, or as CSV UTF-8"
    )
