"""Records of JSON text that are not one object a line: a list, objects over several lines, a list in an object.

The text is never parsed as a whole. Brackets and quotes alone are followed, block after block, so that memory holds
one record at a time, each record has the line that it begins on, and a damaged record costs that record.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import NamedTuple

from qaloom.validate.blocks import LINE_LIMIT

LIST = b"["  # the wrapping of a list; also of records that stand by themselves, in which none is opened
# A text (to its quote, or where that is missing to the end of its line) or a bracket.
_TOKEN = re.compile(rb'"(?:[^"\\\n]++|\\[^\n])*+(?:(")|\\?\n|\\?\Z)|[{}\[\]]')
_KEY = re.compile(rb'"((?:[^"\\\n]|\\.){0,80}+)"\s*+:')  # longer texts are no key of a row
_BLANK = b" \t\r\n\f\v,\xef\xbb\xbf"
_OBJECT = 4_000  # bytes at the beginning of an object in which its keys are looked for
_MESSAGE = (b"role", b"from")


class Span(NamedTuple):
    """A record's bytes, cut to just above LINE_LIMIT, and the line it begins on; `ended` unless the text breaks off.

    `between` is what stands before it that is neither white space nor comma; the last span may hold that alone.
    """

    number: int
    raw: bytes
    between: bytes
    ended: bool


def wrapping_of(head: bytes, known: frozenset[str]) -> bytes:
    """Brackets around the records of a text by its beginning: `LIST`, or b"{[" for a list in an object.

    Of several lists of objects the first counts whose first object has a key that is `known` to be of a row. An
    object is a record itself if it has such a key, or if its first list is one of messages.
    """
    places = dict(reversed(list(_lists_of_objects(head))))  # the first place of each nesting
    if not places:
        return LIST
    first = min(places, key=places.__getitem__)
    if _is_row(head, places[first], known):
        return LIST
    good = (path for path, at in places.items() if _keys(_object_at(head, at)) & known)
    return min(good, key=places.__getitem__, default=first)


def _object_at(head: bytes, place: int) -> bytes:
    return next(record_spans([head[place : place + _OBJECT]])).raw


def _lists_of_objects(head: bytes) -> Iterator[tuple[bytes, int]]:
    """Brackets around the objects of lists in the first value of a text, and where each such object begins."""
    path = b""
    for token in _TOKEN.finditer(head):
        char = token[0][:1]
        if char == b"{" and path[-1:] == b"[" and path.count(b"[") == 1:
            yield path, token.start()
        if char in b"{[":
            path += char
        elif char in b"}]":
            path = path[:-1]
            if not path:
                return


def record_spans(blocks: Iterable[bytes], wrapping: bytes = LIST) -> Iterator[Span]:
    """Records of a text given in blocks, where `wrapping` are the brackets around them."""
    scan = _Scan(wrapping)
    for block in chain(blocks, [b""]):
        yield from scan.feed(block, final=not block)


def _is_row(head: bytes, place: int, known: frozenset[str]) -> bool:
    """Whether the first value of a text is a row, and what is in its list of objects (at `place`) part of it."""
    inner = _KEY.search(head, place)
    if inner is not None and inner[1] in _MESSAGE:
        return True
    before = _keys(head[:place])
    with suppress(ValueError, RecursionError):  # of an object that is longer than the beginning of the text
        value = json.loads(next(record_spans([head])).raw)
        before |= {key.strip().casefold() for key in value} if type(value) is dict else set()
    return bool(before & known)


def _keys(text: bytes) -> set[str]:
    return {key.decode("utf-8", "replace").strip().casefold() for key in _KEY.findall(text)}


class _Scan:
    """The place in a text between two blocks: what is not yet read, and how deep it is."""

    def __init__(self, wrapping: bytes):
        self.wrapping = wrapping
        self.rest = b""  # from the end of the last record
        self.position = 0  # in `rest`, of the next token
        self.start = -1  # in `rest`, of the open record
        self.damaged = False  # a text of the open record has no closing quote
        self.inside = 0  # in `rest`, after the last of the brackets around records
        self.outside = self.depth = 0  # open brackets around records, and in the open record
        self.line = 1  # at the start of `rest`
        self.cut = 0  # line feeds that were cut from the open record

    def feed(self, block: bytes, final: bool) -> Iterator[Span]:
        """The records that end in a block."""
        text = self.rest + block
        done = 0
        for token in _TOKEN.finditer(text, self.position):
            char = token[0][:1]
            if char == b'"':
                if token[1] is None and token.end() == len(text) and not final:
                    self.position = token.start()
                    break
                self.damaged |= token[1] is None and self.start >= 0
            elif self._gives_up(text, char, token.start()):
                yield self._span(text, done, token.start(), True)
                done = self.start = token.start()
                self.depth = 1
            elif self._bracket(char, token.start()):
                yield self._span(text, done, token.end(), True)
                done = token.end()
        else:
            self.position = len(text)
        if final and (self.start >= 0 or text[done:].strip(_BLANK + b"[]{}")):
            yield self._span(text, done, len(text), False)
        self._keep(text, done)

    def _gives_up(self, text: bytes, char: bytes, place: int) -> bool:
        """Whether a line begins with an object after a text without its quote: the open record lacks its end."""
        if not self.damaged or char != b"{":
            return False
        return not text[text.rfind(b"\n", 0, place) + 1 : place].strip(_BLANK)

    def _bracket(self, char: bytes, place: int) -> bool:
        """Follow a bracket; whether it ends a record."""
        opens = char in b"{["
        if self.start >= 0:
            self.depth += 1 if opens else -1
            return not self.depth
        if opens and self.wrapping[self.outside : self.outside + 1] == char:
            self.outside += 1
            self.inside = place + 1 if len(self.wrapping) > 1 else 0
        elif opens:
            self.start, self.depth = place, 1
        else:
            self.outside = max(0, self.outside - 1)
        return False

    def _span(self, text: bytes, done: int, end: int, ended: bool) -> Span:
        start = self.start if self.start >= 0 else end
        number = self.line + text.count(b"\n", done, start)
        between = (
            text[max(done, self.inside) : start].strip(_BLANK + b"[]{}") if self._is_innermost() else b""
        )
        self.start, self.damaged = -1, False
        self.line += self.cut + text.count(b"\n", done, end)
        self.cut = 0
        return Span(number, text[start : min(end, start + LINE_LIMIT + 1)], between, ended)

    def _is_innermost(self) -> bool:
        """Whether nothing but records is expected here; in an object around them there may be other values."""
        return self.outside == len(self.wrapping) or len(self.wrapping) == 1

    def _keep(self, text: bytes, done: int) -> None:
        """Keep what follows the last record, of a record above the limit no more than that."""
        rest = text[done:]
        self.start -= done if self.start >= 0 else 0
        self.position -= done
        self.inside = max(0, self.inside - done)
        limit = max(self.start, 0) + LINE_LIMIT + 1
        if len(rest) > limit and (self.start >= 0 or self.position < len(rest)):
            # A text that is still open stays, up to the limit: where it ends, its last quote is found.
            open_text = rest[self.position :][:LINE_LIMIT] if self.position >= limit else b""
            self.cut += rest[limit:].count(b"\n") - open_text.count(b"\n")
            rest, self.position = rest[:limit] + open_text, min(self.position, limit)
        self.rest = rest
