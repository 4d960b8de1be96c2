"""Origin of a traced row that was written from a document: the page, and the words quoted from it."""

from collections.abc import Mapping
from typing import Any


def document_lines(name: str, details: Mapping[str, Any]) -> list[str]:
    """The document with page and quote, as far as the row's `meta` has them."""
    page, quote = (str(details.get(key) or "").strip() for key in ("page", "quote"))
    quoted = [f"quote     {quote}"] if quote else []
    return [f"document  {name}, page {page}" if page else f"document  {name}", *quoted]
