"""Lines of JSON, each as a record or with the reason why it is none; records of a JSON document in the same way.

Bytes are split at line feeds alone, so that one bad line costs one line and memory does not grow with the file.
msgspec reads the lines that are as they should be; only a line that it refuses, or that may name a key twice, is
read again by the standard library to say what is wrong.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from qaloom.files import exact_number, nesting
from qaloom.validate.blocks import LINE_LIMIT
from qaloom.validate.brackets import Span, record_spans
from qaloom.validate.encodings import from_cp949

NO_REPAIRS: tuple[str, ...] = ()
_decode = msgspec.json.Decoder(float_hook=exact_number).decode
_DIGITS = 4_000  # Python turns no more than 4,300 into a number
_DEEPEST = 200  # levels of lists and objects; json's own limit differs between versions of Python
_BRACKETS = (b"[", b"]", b"],", b",", b"][")  # lines of a list with an object a line
_PYTHON = re.compile(r"\{\s*+'[^']*'\s*+:")


class Fault(msgspec.Struct, frozen=True):
    """Why a line or a record is not a row: a reason code and a sentence for a person."""

    reason: str
    detail: str


class Line(msgspec.Struct):
    """One line or row: its number from 1, its bytes (UTF-8 wherever they could be decoded), and what it holds.

    `value` is the record, the fault that keeps it from being one, or None on a blank line. What is no text has no
    bytes; `place` is then the sheet or the part of a data set that it is in, where there are several.
    """

    number: int
    raw: bytes
    value: dict[str, Any] | Fault | None
    repairs: tuple[str, ...] = ()
    place: str = ""


def read_json_lines(blocks: Iterable[bytes], encoding: str) -> Iterator[Line]:
    """The lines of text that is given in blocks, of UTF-8 or CP949. A line with several objects comes as several."""
    for number, (raw, ended) in enumerate(split_lines(blocks), 1):
        raw = raw.removeprefix(codecs.BOM_UTF8)
        if encoding == "cp949":
            raw = from_cp949(raw)
        line = line_of(number, raw, ended)
        if type(line.value) is Fault and len(raw) <= LINE_LIMIT:
            yield from _objects_of(line, ended)
        else:
            yield line


def read_json_document(blocks: Iterable[bytes], encoding: str, wrapping: bytes) -> Iterator[Line]:
    """Records of a JSON document that is given in blocks: a line for each, and one for what stands between them.

    `wrapping` are the brackets around the records (see `wrapping_of`).
    """
    for span in record_spans(blocks, wrapping):
        if span.between:
            yield _between(span)
        if span.raw:
            raw = from_cp949(span.raw) if encoding == "cp949" else span.raw
            yield line_of(span.number, raw, span.ended)


def _objects_of(line: Line, ended: bool) -> list[Line]:
    """The objects of a line that holds several, or one with comma or bracket of a list; else the line itself."""
    raw = line.raw.strip()
    if raw in _BRACKETS:
        return [Line(line.number, line.raw, None)]
    found = list(record_spans([raw]))
    if any(span.between for span in found) or [span.raw for span in found] == [raw]:
        return [line]
    return [line_of(line.number, span.raw, span.ended or ended) for span in found] or [line]


def _between(span: Span) -> Line:
    fault = Fault(
        "not_an_object", "a list holds something here that is no object with a question and an answer"
    )
    try:
        json.loads(b"[" + span.between + b"]")
    except (ValueError, RecursionError):
        fault = Fault("not_json", "what stands here between two objects is not JSON")
    return Line(span.number, span.between, fault)


def split_lines(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Lines and whether a line feed ended them; a line over LINE_LIMIT is cut to just above it."""
    pieces: list[bytes] = []
    size = 0
    for block in blocks:
        first, *lines = block.split(b"\n")
        if size <= LINE_LIMIT:
            pieces.append(first)
        size += len(first)
        if lines:
            yield b"".join(pieces), True
            *whole, last = lines
            for line in whole:
                yield line, True
            pieces, size = [last], len(last)
    if size:
        yield b"".join(pieces), False


def line_of(number: int, raw: bytes, ended: bool) -> Line:
    """The record that bytes of JSON hold, or why they hold none; `ended` is false where the file ends with them."""
    if len(raw) > LINE_LIMIT:
        detail = f"the line is longer than {LINE_LIMIT >> 20} MiB; is the file one JSON document?"
        return Line(number, raw, Fault("too_long_line", detail))
    try:
        value = _shallow(raw, _decode(raw))
        if type(value) is dict and raw.count(b'"') == _quotes(value):
            return Line(number, raw, value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return _diagnosed(number, raw, ended)


def _shallow(raw: bytes, value: Any) -> Any:
    """The value. Raises RecursionError where it is nested deeper than _DEEPEST."""
    if raw.count(b"{") + raw.count(b"[") > _DEEPEST and nesting(value) > _DEEPEST:
        raise RecursionError
    return value


def _quotes(record: dict[str, Any]) -> int:
    # A key named twice leaves more quotes in the line than in the record; so do escaped quotes and
    # nested values, which the slow path then finds harmless.
    return 2 * len(record) + 2 * sum(type(value) is str for value in record.values())


class _Refused(Exception):
    def __init__(self, reason: str, detail: str):
        self.fault = Fault(reason, detail)


def _diagnosed(number: int, raw: bytes, ended: bool) -> Line:
    """The slow path: the record after all, or the exact reason why there is none."""
    if not raw.strip(b" \t\r\n\f\v"):
        return Line(number, raw, None)
    try:
        value, repairs = _loads(raw, ended)
        _shallow(raw, value)
    except _Refused as refused:
        return Line(number, raw, refused.fault)
    except RecursionError:
        return Line(number, raw, Fault("too_deep", "objects or lists are nested too deep to be read"))
    if not isinstance(value, dict):
        kind = {list: "a list", str: "a text", type(None): "null"}.get(type(value), "a number or truth value")
        detail = f"the line holds {kind}, not an object with a question and an answer"
        return Line(number, raw, Fault("not_an_object", detail))
    return Line(number, raw, value, repairs)


def _loads(raw: bytes, ended: bool) -> tuple[Any, tuple[str, ...]]:
    text = _text(raw, ended)
    try:
        value, repairs = _parse(text), NO_REPAIRS
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Invalid control character"):
            raise _not_json(text, error, ended) from None
        value, repairs = _parse_loosely(text, ended), ("control_characters",)
    _check_encodable(value)
    return value, repairs


def _text(raw: bytes, ended: bool) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if not ended and error.end >= len(raw) and error.reason == "unexpected end of data":
            raise _Refused("truncated_line", "the last line breaks off inside a character") from None
        detail = f"byte {error.start + 1} is not in the file's encoding; save the file as UTF-8"
        raise _Refused("bad_encoding", detail) from None


def _parse(text: str, strict: bool = True) -> Any:
    try:
        return json.loads(
            text,
            strict=strict,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=exact_number,
        )
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # more digits than Python turns into a number
        raise _Refused("not_json", f"is no number that can be read: {error}") from None


def _parse_loosely(text: str, ended: bool) -> Any:
    # Raw tabs and line feeds inside a text are not JSON, but it is certain what they mean.
    try:
        return _parse(text, strict=False)
    except json.JSONDecodeError as error:
        raise _not_json(text, error, ended) from None


def _not_json(text: str, error: json.JSONDecodeError, ended: bool) -> _Refused:
    rest = text[error.pos :].strip()
    unfinished = not rest or error.msg.startswith("Unterminated string")
    if unfinished and not ended and text.lstrip()[:1] in ("{", "["):
        return _Refused("truncated_line", "the last line breaks off before its JSON is complete")
    if _PYTHON.match(text.lstrip()):
        return _Refused(
            "not_json", "the line has single quotes as Python prints them, not JSON's; use json.dumps"
        )
    where = "at the end of the line" if not rest else f"at character {error.pos + 1}"
    return _Refused("not_json", f"the line is not JSON: {error.msg} {where}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        for key, value in pairs:
            if record[key] != value:
                raise _Refused("duplicate_key", f"the key {_shown(key)} stands twice, with different values")
    return record


def _refuse_constant(name: str) -> None:
    raise _Refused("nan", f"{name} is not JSON; it often stands for a missing value written by pandas")


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < _DIGITS else digits


_SURROGATE = re.compile("[\ud800-\udfff]")


def _check_encodable(value: Any) -> None:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack += item.keys()
            stack += item.values()
        elif isinstance(item, list):
            stack += item
        elif isinstance(item, str) and _SURROGATE.search(item):
            raise _Refused(
                "lone_surrogate", "a text holds half a character (a lone surrogate), so it lost some"
            )


def _shown(key: str) -> str:
    return json.dumps(key[:40])
