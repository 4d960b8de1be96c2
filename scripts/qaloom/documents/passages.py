"""Passages: blocks of a document cut along headings, pages and paragraphs to a limit of characters.

A passage lies on one page and below one heading. What comes before it on its page moves its cuts, other pages and
sections do not, so that a changed page changes its own passages.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from msgspec import Struct

from qaloom.documents.blocks import Block
from qaloom.files import digest

_HEADINGS = " > "  # between a heading and those above it
_SENTENCE = re.compile(r"(?<=[.!?。다요])\s++(?=\S)|\n")
_LETTER = re.compile(r"[^\W_]")
_SYLLABLE = re.compile("[가-힣]")
_LEAST = (
    16  # letters and digits, a Hangul syllable counting twice; what is shorter is a label, a link or a rest
)


class Passage(Struct):
    """A passage: `id` is a digest of its heading and text; `page` counts from 1, None in formats without pages."""

    id: str
    document: str
    page: int | None
    heading: str
    text: str


class _Section(NamedTuple):
    page: int | None
    heading: str
    blocks: list[Block]


def passages(blocks: Iterable[Block], document: str, limit: int) -> list[Passage]:
    """The passages of a document, each of at most `limit` characters, but for a table's row or a word that is longer.

    The rows of a table stay together up to the limit; a longer table is cut between rows, each part below its first
    row. A section too short to state a fact is left out. Passages that say the same in the same words are given once,
    for the first page.
    """
    found: dict[str, Passage] = {}
    for section in _sections(blocks):
        if sum(_letters(block.text) for block in section.blocks) < _LEAST:
            continue
        for text in _packed(list(_pieces(section.blocks, limit)), limit):
            name = digest([section.heading, text])[:16]
            found.setdefault(name, Passage(name, document, section.page, section.heading, text))
    return list(found.values())


def _letters(text: str) -> int:
    return len(_LETTER.findall(text)) + len(_SYLLABLE.findall(text))


def _sections(blocks: Iterable[Block]) -> Iterator[_Section]:
    """Runs of blocks on one page below one heading, which is named with those above it."""
    above: list[tuple[int, str]] = []
    for (page, heading), run in groupby(_placed(blocks, above), key=lambda pair: pair[0]):
        yield _Section(page, heading, [block for _, block in run])


def _placed(
    blocks: Iterable[Block], above: list[tuple[int, str]]
) -> Iterator[tuple[tuple[int | None, str], Block]]:
    for block in blocks:
        if block.kind == "heading":
            above[:] = [one for one in above if one[0] < block.level] + [(block.level, block.text)]
        else:
            yield (block.page, _HEADINGS.join(text for _, text in above)), block


def _pieces(blocks: Sequence[Block], limit: int) -> Iterator[str]:
    """Texts that stay whole: paragraphs and tables, and the parts of those that are longer than the limit."""
    for is_table, run in groupby(blocks, key=lambda block: block.kind == "row"):
        texts = [block.text for block in run]
        if is_table:
            yield from _table_parts(texts, limit)
        else:
            for text in texts:
                yield from _packed(_SENTENCE.split(text), limit, " ") if len(text) > limit else [text]


def _table_parts(rows: list[str], limit: int) -> Iterator[str]:
    head, *body = rows
    if not body:
        yield head
        return
    room = max(1, limit - len(head) - 1)
    for part in _packed(body, room, "\n"):
        yield f"{head}\n{part}"


def _packed(texts: Sequence[str], limit: int, joint: str = "\n\n") -> Iterator[str]:
    """Texts joined as long as they stay within the limit; one that is longer is cut between words."""
    held = ""
    for text in (part for whole in texts for part in _cut(whole, limit, joint)):
        if held and len(held) + len(joint) + len(text) > limit:
            yield held
            held = text
        else:
            held = f"{held}{joint}{text}" if held else text
    if held:
        yield held


def _cut(text: str, limit: int, joint: str) -> Iterator[str]:
    """A sentence longer than the limit in parts that end between words; anything else as it is."""
    while joint == " " and len(text) > limit:
        at = text.rfind(" ", 0, limit + 1)
        at = at if at > 0 else limit
        yield text[:at]
        text = text[at:].strip()
    if text:
        yield text
