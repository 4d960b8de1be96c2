"""The bytes of a source file in blocks, unpacked where they are compressed (gzip, Zstandard)."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qaloom.errors import SourceError

BLOCK = 1 << 20
LINE_LIMIT = 16 << 20  # bytes of a line or record; no extractor means a longer one
Progress = Callable[[int], None]
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_GZIP_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)


class CompressionDamageError(Exception):
    """A compressed file breaks off or is damaged; what could be unpacked before has been read."""

    def __init__(self, kind: str, problem: object):
        super().__init__(
            f"the compressed file breaks off here ({problem}); whatever followed is lost, copy it again"
        )
        self.reason = f"damaged_{kind}"


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """A block in which a file that cannot be read raises SourceError, one line."""
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        raise SourceError(f"{path}: cannot be read ({what}); check the path under data.sources") from None


def read_blocks(path: Path, progress: Progress | None = None) -> Iterator[bytes]:
    """Blocks of a file, unpacked; `progress` is called with the bytes of the file that were read so far.

    Raises OSError, and CompressionDamageError after all that can be unpacked.
    """
    with Path(path).open("rb") as file:
        magic = file.peek(4)[:4]
        unpacked = _unpacked(file, magic)
        while block := next(unpacked, b""):
            if progress:
                progress(file.tell())
            yield block


def intact_blocks(path: Path) -> Iterator[bytes]:
    """The same without the damage of a compressed file: what comes before it."""
    try:
        yield from read_blocks(path)
    except CompressionDamageError:
        return


def head_of(path: Path, size: int = BLOCK) -> bytes:
    """The first bytes of a file, unpacked: at least `size` of them where there are so many."""
    head = b""
    for block in intact_blocks(path):
        head += block
        if len(head) >= size:
            break
    return head


def _unpacked(file: Any, magic: bytes) -> Iterator[bytes]:
    if magic == _ZSTD:
        yield from _zstandard(file)
        return
    stream = gzip.GzipFile(fileobj=file) if magic[:2] == _GZIP else file
    try:
        # read1, since read would lose all that a broken gzip file still gives of its last block
        while block := stream.read1(BLOCK):
            yield block
    except _GZIP_DAMAGE as error:
        raise CompressionDamageError("gzip", error) from None


def _zstandard(file: Any) -> Iterator[bytes]:
    import pyarrow

    stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(file, "r"), "zstd")
    while True:
        try:
            block = stream.read(BLOCK)
        except OSError as error:
            raise CompressionDamageError("zstd", error) from None
        if not block:
            return
        yield block
