"""DOCX documents by python-docx: headings by their styles, paragraphs, and the rows of tables."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qaloom.documents.blocks import Block, row_block
from qaloom.documents.headings import heading_of
from qaloom.errors import SourceError

_STYLE = re.compile(r"(?:heading|제목|개요)\s?(\d)", re.I)


def docx_blocks(path: Path) -> list[Block]:
    """The blocks of a Word document. Raises SourceError, one line, when it is damaged."""
    import docx

    try:
        document = docx.Document(str(path))
        return list(_of(document))
    except Exception as error:  # python-docx raises what its XML and ZIP readers raise, of many types
        raise SourceError(
            f"is damaged, or no Word document ({type(error).__name__}); save it again"
        ) from None


def _of(document: Any) -> Iterator[Block]:
    from docx.table import Table

    for one in document.iter_inner_content():
        if isinstance(one, Table):
            yield from _rows(one)
        elif text := " ".join(one.text.split()):
            yield from _paragraph(text, one.style.name or "" if one.style is not None else "")


def _paragraph(text: str, style: str) -> Iterator[Block]:
    if style.lower() == "title" or style == "제목":
        yield Block("heading", text)
    elif found := _STYLE.match(style):
        yield Block("heading", text, level=1 + int(found[1]))
    elif heading := heading_of(text):
        yield Block("heading", heading.text, level=10 + heading.level)
        if not heading.alone:
            yield Block("text", text)
    else:
        yield Block("text", text)


def _rows(table: Any) -> Iterator[Block]:
    for row in table.rows:
        cells: dict[int, str] = {}  # a merged cell is given for each of its columns
        for cell in row.cells:
            cells.setdefault(id(cell._tc), cell.text)
        block = row_block(list(cells.values()))
        if block:
            yield block
