"""DOCX documents by python-docx: headings by their styles, paragraphs, and the rows of tables.

Its own texts leave out what is tracked as inserted, and what content controls hold; both are read here.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph

from qaloom.documents.blocks import Block, row_block
from qaloom.documents.headings import heading_of
from qaloom.errors import SourceError

_STYLE = re.compile(r"(?:heading|제목|개요)\s?(\d)", re.I)
_WRAPPERS = frozenset(
    map(qn, ("w:sdt", "w:sdtContent", "w:ins", "w:customXml", "w:smartTag", "w:hyperlink", "w:r"))
)
_BREAKS = frozenset(map(qn, ("w:tab", "w:br", "w:cr")))


def docx_blocks(path: Path) -> list[Block]:
    """The blocks of a Word document. Raises SourceError, one line, when it is damaged."""
    try:
        document = docx.Document(str(path))
        return list(_blocks(document.element.body, document))
    except Exception as error:  # python-docx raises what its XML and ZIP readers raise, of many types
        kind = type(error).__name__
        raise SourceError(f"is damaged, or no Word document ({kind}); save it again") from None


def _blocks(parent: Any, document: Any) -> Iterator[Block]:
    for element in parent:
        if element.tag == qn("w:tbl"):
            yield from _rows(Table(element, document))
        elif element.tag == qn("w:p"):
            if text := _text(element):
                style = Paragraph(element, document).style
                yield from _paragraph(text, (style.name or "") if style is not None else "")
        elif element.tag in _WRAPPERS:
            yield from _blocks(element, document)


def _text(element: Any) -> str:
    return " ".join("".join(_pieces(element)).split())


def _pieces(element: Any) -> Iterator[str]:
    """The texts of a paragraph's runs; what is tracked as deleted, and text boxes, are other elements."""
    for child in element:
        if child.tag == qn("w:t"):
            yield child.text or ""
        elif child.tag in _BREAKS:
            yield " "
        elif child.tag in _WRAPPERS:
            yield from _pieces(child)


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


def _rows(table: Table) -> Iterator[Block]:
    for row in table.rows:
        cells: dict[Any, str] = {}  # a merged cell is given for each of its columns
        for cell in row.cells:
            paragraphs = (_text(one) for one in cell._tc.iter(qn("w:p")))
            cells.setdefault(cell._tc, " ".join(filter(None, paragraphs)))
        if block := row_block(list(cells.values())):
            yield block
