"""The lines of one source file, each as a record or with the reason why it is none.

A file is read as bytes in blocks and split at line feeds alone, so that one bad line costs one line and
memory does not grow with the file. msgspec reads the lines that are as they should be; only a line that
it refuses, or that may name a key twice, is read again by the standard library to say what is wrong.
"""

import codecs
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from qaloom.errors import SourceError
from qaloom.files import exact_number
from qaloom.validate.encodings import UnknownEncodingError, find_encoding, from_cp949

BLOCK = 1 << 20
LINE_LIMIT = 16 << 20  # bytes; twenty rows of this size would fill a training run, and no extractor means it
Progress = Callable[[int], None]
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)
NO_REPAIRS: tuple[str, ...] = ()
_decode = msgspec.json.Decoder(float_hook=exact_number).decode
_DIGITS = 4_000  # Python turns no more than 4,300 into a number


class Fault(msgspec.Struct, frozen=True):
    """Why a line or a record is not a row: a reason code and a sentence for a person."""

    reason: str
    detail: str


class Line(msgspec.Struct):
    """One line: its number from 1, its bytes (UTF-8 wherever they could be decoded), and what it holds.

    `value` is the record, the fault that keeps it from being one, or None on a blank line.
    """

    number: int
    raw: bytes
    value: dict[str, Any] | Fault | None
    repairs: tuple[str, ...] = ()


def read_source(path: Path, encoding: str = "", progress: Progress | None = None) -> Iterator[Line]:
    """Read a .jsonl or .jsonl.gz file, line by line, in `encoding` or else what `encoding_of` finds.

    `progress` is called with the bytes of the file read so far. Raises SourceError when the file cannot be read.
    """
    encoding = encoding or encoding_of(path)
    with _readable(path):
        yield from _read_lines(path, encoding, progress)


def encoding_of(path: Path) -> str:
    """Name the encoding of a whole file: utf-8, utf-16-le, utf-16-be or cp949 (see `find_encoding`).

    Raises SourceError when the file is missing, cannot be read, or is in another encoding.
    """
    with _readable(path):
        try:
            return find_encoding(lambda: _intact(path), lambda: (line for line, _ in _split(_intact(path))))
        except UnknownEncodingError as error:
            raise SourceError(
                f"{path}: is neither UTF-8 nor Korean in CP949 ({error}); save it as UTF-8 "
                "(iconv -f ENCODING -t UTF-8 FILE > NEW), and name the new file under data.sources"
            ) from None


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        raise SourceError(f"{path}: cannot be read ({what}); check the path under data.sources") from None


def _read_lines(path: Path, encoding: str, progress: Progress | None) -> Iterator[Line]:
    blocks = _blocks(path, progress)
    if encoding.startswith("utf-16"):
        blocks = _as_utf8(blocks, encoding)
    number = 0
    try:
        for number, (raw, ended) in enumerate(_split(blocks), 1):
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if encoding == "cp949":
                raw = from_cp949(raw)
            yield _line(number, raw, ended)
    except _DAMAGE as error:
        detail = f"the compressed file breaks off here ({error}); whatever followed is lost, copy it again"
        yield Line(number + 1, b"", Fault("damaged_gzip", detail))


def _blocks(path: Path, progress: Progress | None = None) -> Iterator[bytes]:
    with Path(path).open("rb") as file:
        zipped = file.peek(2)[:2] == b"\x1f\x8b"
        stream = gzip.GzipFile(fileobj=file) if zipped else file
        # read1, since read would lose all that a broken gzip file still gives of its last block
        while block := stream.read1(BLOCK):
            if progress:
                progress(file.tell())
            yield block


def _intact(path: Path) -> Iterator[bytes]:
    try:
        yield from _blocks(path)
    except _DAMAGE:
        return


def _as_utf8(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    # A lone surrogate becomes bytes that are not UTF-8, so that its line, and it alone, is refused.
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        yield b"\xff"


def _split(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
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


def _line(number: int, raw: bytes, ended: bool) -> Line:
    if len(raw) > LINE_LIMIT:
        detail = f"the line is longer than {LINE_LIMIT >> 20} MiB; is the file one JSON document?"
        return Line(number, raw, Fault("too_long_line", detail))
    try:
        value = _decode(raw)
        if type(value) is dict and raw.count(b'"') == _quotes(value):
            return Line(number, raw, value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return _diagnosed(number, raw, ended)


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
