"""Atomic writes, JSON and JSON Lines, and content digests."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, overload

import msgspec

T = TypeVar("T")


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only once it is complete and on the disk.

    Written beside its place as `.<name>.part`, flushed, then moved; a crash leaves the old file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with whole(path) as stream:
        stream.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document, indented for a person, keys in the order given."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read one JSON document."""
    return json.loads(Path(path).read_bytes())


def write_lines(path: Path, records: Iterable[Any]) -> int:
    """Write records (dicts or msgspec Structs) as JSON Lines; return how many."""
    encode, remaining, count = msgspec.json.Encoder().encode_lines, iter(records), 0
    with whole(path) as stream:
        while some := list(islice(remaining, _AT_ONCE)):
            stream.write(encode(some))
            count += len(some)
    return count


_AT_ONCE = 1_000  # records that are encoded together
_BLOCK = 4 << 20  # bytes that are decoded together, to the end of their last line


@overload
def read_lines(path: Path) -> list[dict[str, Any]]: ...
@overload
def read_lines(path: Path, kind: type[T]) -> list[T]: ...
def read_lines(path: Path, kind: type = dict) -> list:
    """Read JSON Lines that a stage wrote, each line as `kind`."""
    return list(each_line(path, kind))


def each_line(path: Path, kind: type[T]) -> Iterator[T]:
    """The same one after the other, never all of them in memory."""
    decode: Callable[[bytes], list] = msgspec.json.Decoder(kind).decode_lines
    with Path(path).open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield from decode(block + stream.readline())


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text, whatever their key order."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(value: Any) -> str:
    """Hexadecimal sha256 of a value's canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
