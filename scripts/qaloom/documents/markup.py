"""HTML (by lxml) and Markdown (by markdown-it, made HTML of): headings, paragraphs, list items and table rows."""

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree, html
from markdown_it import MarkdownIt

from qaloom.documents.blocks import Block, row_block

_LEFT_OUT = frozenset(
    [
        *("script", "style", "noscript", "template", "nav", "footer", "head", "svg", "iframe", "button"),
        *("select", "object", "canvas"),
    ]
)
_INLINE_NAMES = (
    "a abbr acronym b bdi bdo big br cite code data del dfn em font i img input ins kbd label mark math q rp rt ruby "
    "s samp small span strike strong sub sup time tt u var wbr"
)
_INLINE = frozenset(_INLINE_NAMES.split())
_LONGEST_CELL = 600  # characters
_HEADING = re.compile(r"h([1-6])")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def html_blocks(text: str) -> list[Block]:
    """The blocks of a page of HTML, without scripts and navigation."""
    if not text.strip():
        return []
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        root = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:  # nothing but comments
        return []
    main = root.find(".//main")
    return list(_Walk().blocks(root if main is None else main))


def markdown_blocks(text: str) -> list[Block]:
    """The blocks of a Markdown text; a YAML head is left out."""
    plain = _FRONT_MATTER.sub("", text.replace("\r\n", "\n"))
    return html_blocks(MarkdownIt("commonmark").enable("table").render(plain))


class _Walk:
    """Blocks of an element tree, inline texts gathered until a block begins or ends."""

    def __init__(self) -> None:
        self.held: list[str] = []

    def blocks(self, root: Any) -> Iterator[Block]:
        """The blocks of an element, without recursion: pages may be nested a thousand deep."""
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            name = element.tag if isinstance(element.tag, str) else ""
            if name not in _INLINE:
                yield from self._flush()
            if event == "end":
                self.held.append(element.tail or "")
            elif (
                name in _LEFT_OUT or _HEADING.fullmatch(name) or (name == "table" and not _is_layout(element))
            ):
                yield from self._whole(element, name)
                walk.skip_subtree()
            else:
                self.held.append(" " if name == "br" else element.text or "")
        yield from self._flush()

    def _whole(self, element: Any, name: str) -> Iterator[Block]:
        """The blocks of an element that is read as a whole: a heading, or a table."""
        if heading := _HEADING.fullmatch(name):
            text = _text(element).removesuffix("¶").rstrip()  # a link to the heading
            if text:
                yield Block("heading", text, level=int(heading[1]))
        elif name == "table":
            for row in element.iter("tr"):
                block = row_block([_text(cell) for cell in row if cell.tag in ("td", "th")])
                if block:
                    yield block

    def _flush(self) -> Iterator[Block]:
        text = " ".join("".join(self.held).split())
        self.held = []
        if text:
            yield Block("text", text)


def _is_layout(table: Any) -> bool:
    """Whether a table holds parts of a page, not cells: other tables, headings, or long texts."""
    if any(table.find(f".//{name}") is not None for name in ("table", "h1", "h2", "h3", "h4")):
        return True
    return any(len(_text(cell)) > _LONGEST_CELL for cell in table.iter("td", "th"))


def _text(element: Any) -> str:
    """The text of an element in one line, its blocks parted by spaces."""
    parts = []
    for one in element.iter():
        if isinstance(one.tag, str) and one.tag not in ("script", "style"):
            parts.append(one.text or "")
        if one is not element:
            parts.append("" if one.tag in _INLINE else " ")
            parts.append(one.tail or "")
    return " ".join("".join(parts).split())
