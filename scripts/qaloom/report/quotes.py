"""Origins of rows written from documents: the document, the page, and the words quoted from it."""

import unicodedata
from pathlib import Path

import msgspec

from qaloom.files import read_lines


class Quoted(msgspec.Struct):
    """The place in a document that a row was written from; `page` is None in formats without pages."""

    document: str
    page: int | None
    quote: str
    passage_id: str = ""


def quoted_rows(results: Path) -> dict[str, Quoted]:
    """The rows written from documents by where validate read them, FILE:LINE; none without documents."""
    found: dict[str, Quoted] = {}
    for file in sorted(results.glob("documents/*/rows.jsonl")):
        source = unicodedata.normalize("NFC", "/".join(file.parts[-4:]))
        found |= {f"{source}:{line}": row for line, row in enumerate(read_lines(file, Quoted), 1)}
    return found
