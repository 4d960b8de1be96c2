"""Blocks of a document in reading order, as every reader gives them, and pages that are set aside."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

BlockKind = Literal["heading", "text", "row"]
CELLS = " | "  # between the cells of a table's row


class Block(NamedTuple):
    """A heading, a paragraph, or a row of a table.

    `page` counts from 1 and is None in formats without pages; `level` is a heading's, 1 being the highest.
    """

    kind: BlockKind
    text: str
    page: int | None = None
    level: int = 1


class PageFault(NamedTuple):
    """A page without text that could be used: its number, a reason code, a sentence for a person."""

    page: int
    reason: str
    detail: str


class DocumentText(NamedTuple):
    """The blocks of a document, and its pages that were set aside."""

    blocks: list[Block]
    faults: Sequence[PageFault] = ()


def row_block(cells: list[str], page: int | None = None) -> Block | None:
    """A table's row of its cells; None where all are empty. Merged cells, given once for each column, stand once."""
    plain = [" ".join(cell.split()) for cell in cells]
    return Block("row", CELLS.join(plain), page) if any(plain) else None
