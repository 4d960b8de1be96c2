"""A source of any kind as lines: what kind it is by its content, and the reader of that kind."""

import codecs
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from qaloom.errors import SourceError
from qaloom.files import is_saved_dataset
from qaloom.validate.blocks import (
    BLOCK,
    CompressionDamageError,
    Progress,
    head_of,
    intact_blocks,
    read_blocks,
    readable,
)
from qaloom.validate.brackets import LIST, wrapping_of
from qaloom.validate.columnar import read_parquet, read_saved_dataset
from qaloom.validate.columns import ROW_KEYS, Columns, folded, has_pair
from qaloom.validate.encodings import UnknownEncodingError, as_utf8, find_encoding, from_cp949
from qaloom.validate.foreign_files import is_workbook, refuse_foreign
from qaloom.validate.lines import Fault, Line, read_json_document, read_json_lines, split_lines
from qaloom.validate.tables import IsHeader, read_separated, read_table, separator_of
from qaloom.validate.workbooks import read_workbook

Kind = Literal["json lines", "json document", "table", "workbook", "parquet", "saved dataset"]
_BLANK = codecs.BOM_UTF8 + b" \t\r\n\f\v"
_TABLE_NAMES = (".csv", ".tsv", ".tab")
_BROKEN = "the text of this row is not in the file's encoding; save the file as UTF-8"


class Source(NamedTuple):
    """A source: its kind, and of a text its encoding, the separator of a table and what wraps records of JSON."""

    path: Path
    kind: Kind
    encoding: str = ""
    separator: str = ""
    wrapping: bytes = LIST
    old_line_ends: bool = False  # carriage returns alone


def source_of(path: Path, columns: Columns = (), blocks: int = 0) -> Source:
    """The kind of a source by its content. The encoding of a text is found in its first `blocks`, in all for 0.

    Raises SourceError when it is missing, cannot be read, or is of a kind or an encoding that is not read.
    """
    with readable(path):
        if is_saved_dataset(path):
            return Source(path, "saved dataset")
        head = head_of(path)
        if head[:4] == b"PAR1":
            return Source(path, "parquet")
        if is_workbook(path, head):
            return Source(path, "workbook")
        refuse_foreign(path, head)
        encoding = _encoding_of(path, blocks)
    return _text_source(path, _decoded(head, encoding), encoding, columns)


def read_source(source: Source, columns: Columns = (), progress: Progress | None = None) -> Iterator[Line]:
    """The lines of a source. `progress` is called with the bytes of the file that were read so far.

    Raises SourceError when it cannot be read.
    """
    is_header = header_test(columns)
    with readable(source.path):
        if source.kind == "workbook":
            yield from read_workbook(source.path, is_header)
        elif source.kind == "parquet":
            yield from read_parquet(source.path)
        elif source.kind == "saved dataset":
            yield from read_saved_dataset(source.path)
        else:
            yield from _read_text(source, is_header, progress)
        if progress:
            progress(source.path.stat().st_size)


def header_test(columns: Columns) -> IsHeader:
    """A test whether cells are the header of a table of questions and answers."""
    return lambda cells: has_pair(tuple(cells), columns)


def _encoding_of(path: Path, limit: int) -> str:
    """The encoding of a text file (see `find_encoding`)."""

    def blocks() -> Iterator[bytes]:
        return _first(intact_blocks(path), limit)

    try:
        return find_encoding(blocks, lambda: (line for line, _ in split_lines(blocks())))
    except UnknownEncodingError as error:
        raise SourceError(
            f"{path}: is neither UTF-8 nor Korean in CP949 ({error}); save it as UTF-8 "
            "(iconv -f ENCODING -t UTF-8 FILE > NEW), and name the new file under data.sources"
        ) from None


def _first(blocks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """The first blocks, of the last one whole lines; all of them where `limit` is 0."""
    for at, block in enumerate(blocks, 1):
        yield block if at != limit else block[: block.rfind(b"\n") + 1] or block
        if at == limit:
            return


def _decoded(head: bytes, encoding: str) -> bytes:
    """The beginning of a text as UTF-8, its last line left out where it is not the only one."""
    head = b"".join(as_utf8([head], encoding))
    if len(head) >= BLOCK:
        head = head[: head.rfind(b"\n") + 1] or head
    return from_cp949(head) if encoding == "cp949" else head


def _text_source(path: Path, head: bytes, encoding: str, columns: Columns) -> Source:
    """The kind of a text by its beginning: JSON by its first character, else a table if it looks like one."""
    old_line_ends = b"\r" in head and b"\n" not in head
    head = (head.replace(b"\r", b"\n") if old_line_ends else head).lstrip(_BLANK)
    named = path.suffix.lower() in _TABLE_NAMES or path.with_suffix("").suffix.lower() in _TABLE_NAMES
    separator = _separator(head, named, header_test(columns))
    if separator:
        return Source(path, "table", encoding, separator, old_line_ends=old_line_ends)
    known = ROW_KEYS | {folded(key) for _, key in columns}
    wrapping = wrapping_of(head, frozenset(known))
    kind: Kind = "json document" if _is_document(head, wrapping) else "json lines"
    return Source(path, kind, encoding, wrapping=wrapping, old_line_ends=old_line_ends)


def _separator(head: bytes, named: bool, is_header: IsHeader) -> str:
    """The separator of a table; "" for a text that is neither named one nor begins with a header of known names."""
    if named:
        return separator_of(head.decode("utf-8", "replace"), is_header) or ","
    first = head.partition(b"\n")[0]
    return "" if first[:1] in (b"{", b"[") else separator_of(first.decode("utf-8", "replace"), is_header)


def _is_document(head: bytes, wrapping: bytes) -> bool:
    """Whether JSON is not one object a line: a list, an object that wraps a list, or one over several lines."""
    if wrapping != LIST:
        return True
    first, _, rest = head.partition(b"\n")
    first = first.strip()
    if first == b"[":  # a list with an object a line is read line by line, which a damaged one leaves whole
        first = rest.lstrip(_BLANK).partition(b"\n")[0].strip()
        return not _is_object(first)
    if first[:1] == b"[":
        return first[1:].lstrip()[:1] in (b"{", b"[")
    return first[:1] == b"{" and first[-1:] in (b"{", b"[", b",") and not _is_object(first)


def _is_object(line: bytes) -> bool:
    try:
        return type(json.loads(line.rstrip(b", "))) is dict
    except (ValueError, RecursionError):
        return line.rstrip(b", ")[-1:] == b"}" and line[:1] == b"{"


def _read_text(source: Source, is_header: IsHeader, progress: Progress | None) -> Iterator[Line]:
    blocks = as_utf8(read_blocks(source.path, progress), source.encoding)
    if source.old_line_ends:
        blocks = (block.replace(b"\r", b"\n") for block in blocks)
    number = 0
    try:
        for line in _text_lines(source, blocks, is_header):
            number = line.number
            yield line
    except CompressionDamageError as error:
        yield Line(number + 1, b"", Fault(error.reason, str(error)))


def _text_lines(source: Source, blocks: Iterator[bytes], is_header: IsHeader) -> Iterator[Line]:
    if source.kind == "table":
        encoding = "cp949" if source.encoding == "cp949" else "utf-8-sig"
        stream = io.BufferedReader(_BlockStream(blocks), BLOCK)
        text = io.TextIOWrapper(stream, encoding, errors="surrogateescape", newline="")
        rows = read_separated(text, source.separator)
        yield from map(_encodable, read_table(rows, is_header))
    elif source.kind == "json document":
        yield from read_json_document(blocks, source.encoding, source.wrapping)
    else:
        yield from read_json_lines(blocks, source.encoding)


class _BlockStream(io.RawIOBase):
    """Blocks of bytes as a stream."""

    def __init__(self, blocks: Iterator[bytes]):
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; 0 at the end."""
        self._rest = self._rest or next(self._blocks, b"")
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def _encodable(line: Line) -> Line:
    """The line, or a fault where a cell is not in the file's encoding."""
    if type(line.value) is dict and any(not _is_text(cell) for cell in line.value.values()):
        return Line(line.number, b"", Fault("bad_encoding", _BROKEN), place=line.place)
    return line


def _is_text(cell: str) -> bool:
    return cell.isascii() or not any("\udc80" <= char <= "\udcff" for char in cell)
