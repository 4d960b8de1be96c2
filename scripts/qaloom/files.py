"""Atomic writes, JSON and JSON Lines, content digests, and files compared with the digests kept of them."""

import gc
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, overload

import msgspec

from qaloom.errors import DataError

T = TypeVar("T")
VOUCHER = ".sha256.json"  # digests of the files of a folder
_DIGESTS = ".digests.json"  # beside large files: the digest of each version that was read
_LARGE = 64 << 20  # bytes; what is smaller is read in a tenth of a second
_SETTLED = 2.0  # seconds since a file's last change, within which clocks may not tell a further one


ENCODER = msgspec.json.Encoder(decimal_format="number")


def exact_number(text: str) -> float | Decimal | str:
    """The number of a JSON text with a point or exponent, which writes the same again: 0.1000 and 1e400, too.

    A text that no number is large enough for stays a text.
    """
    number = float(text)
    if repr(number) == text:
        return number
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only once it is complete and on the disk.

    Written beside its place as `.<name>.part`, flushed, then moved, and the folder flushed; a crash leaves the
    old file.
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
        _flush(path.parent)
    finally:
        part.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Flush the files below a folder, and the folders' entries, to the disk: before a manifest vouches for them."""
    for path in (*folder.rglob("*"), folder):
        if not path.is_symlink():
            _flush(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems flush no folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with whole(path) as stream:
        stream.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document, indented for a person, keys in the order given."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read one JSON document of any origin."""
    return json.loads(Path(path).read_bytes())


def read_document(path: Path, kind: type[T]) -> T:
    """Read a JSON document that a stage wrote, as `kind`. Raises DataError, one line, when it is not of that shape."""
    return _values_and_document(path, kind)[1]


def read_values(path: Path, kind: type) -> dict[str, Any]:
    """The same as a dict, in which keys that `kind` does not have stay."""
    return _values_and_document(path, kind)[0]


def _values_and_document(path: Path, kind: type[T]) -> tuple[Any, T]:
    try:
        values = read_json(path)
        return values, msgspec.convert(values, kind)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> DataError:
    problem = " ".join(str(error).split()) if isinstance(error, ValueError) else "nested too deep"
    return DataError(
        f"{path} is damaged or of another version of QA Loom ({problem}); remove it and run the workflow again, which "
        "makes it anew"
    )


def write_lines(path: Path, records: Iterable[Any]) -> int:
    """Write records (dicts or msgspec Structs) as JSON Lines; return how many."""
    encode, remaining, count = ENCODER.encode_lines, iter(records), 0
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
    """Read JSON Lines that a stage wrote, each line as `kind`. Raises DataError when one is of another shape."""
    return list(each_line(path, kind))


def each_line(path: Path, kind: type[T]) -> Iterator[T]:
    """The same one after the other, never all of them in memory; of a Struct, untyped numbers stay as they are."""
    exact = None if kind is dict else exact_number
    decode: Callable[[bytes], list] = msgspec.json.Decoder(kind, float_hook=exact).decode_lines
    with Path(path).open("rb") as stream:
        while block := stream.read(_BLOCK):
            try:
                lines = decode(block + stream.readline())
            except (ValueError, RecursionError) as error:
                raise _damaged(path, error) from None
            yield from lines


def nesting(value: Any) -> int:
    """Nesting depth of the lists and objects of a JSON value, a plain value being 1; without recursion."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = [one for one in level if isinstance(one, dict | list)]
        level = [v for one in inner for v in (one.values() if isinstance(one, dict) else one)]
    return depth


@contextmanager
def uncollected() -> Iterator[None]:
    """No passes of the garbage collector, while rows by the million are made that hold no cycles.

    Every pass would look through all of them, which takes a tenth of a stage's time. Also a decorator.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


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


def file_digests(folder: Path) -> dict[str, str]:
    """The sha256 of each file below a folder, by its path from there; hidden files are left out."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in paths}


def is_saved_dataset(path: Path) -> bool:
    """Whether a path is a folder that the library `datasets` saved (save_to_disk)."""
    return path.is_dir() and any((path / name).is_file() for name in ("dataset_dict.json", "state.json"))


def content_digest(path: Path) -> str:
    """The sha256 of a file's bytes, or of the names and digests of a folder's files."""
    return digest(file_digests(path)) if path.is_dir() else file_digest(path)


def changed_file(folder: Path, digests: Mapping[str, str]) -> str | None:
    """The name of the first file of a folder that is missing or is not of its sha256 in `digests`, or None."""
    found = known_digests(folder, digests)
    return next((name for name, wanted in digests.items() if found[name] != wanted), None)


def vouch_for(folder: Path, leaving_out: str = "") -> None:
    """Flush a folder to the disk and, last, write its files' digests into it; not of names that begin so."""
    (folder / VOUCHER).unlink(missing_ok=True)
    flush_folder(folder)
    digests = file_digests(folder)
    kept = {n: sha for n, sha in digests.items() if not (leaving_out and n.startswith(leaving_out))}
    write_json(folder / VOUCHER, kept)


def damaged_file(folder: Path) -> str | None:
    """The name of the first file that is not as `vouch_for` found it, or of the digests if they cannot be read."""
    try:
        return changed_file(folder, read_json(folder / VOUCHER))
    except (OSError, ValueError, AttributeError):
        return VOUCHER


def known_digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The sha256 of files of a folder by name, empty for one that cannot be read.

    A large file is read once for each of its versions: the size, times and inode of what was read are kept with
    the digest in `.digests.json`, where the folder can be written to.
    """
    before = _kept_digests(folder)
    now: dict[str, Any] = {}
    digests = {name: _known_digest(folder / name, before, now) for name in names}
    if now:
        _keep_digests(folder, before | now)
    return digests


def _known_digest(path: Path, before: Mapping[str, Any], now: dict[str, Any]) -> str:
    """The digest of a file, from `before` if this version of it was read; a large file's is added to `now`."""
    try:
        version = _version(path)
        kept = before.get(path.name)
        if isinstance(kept, list) and kept[:-1] == version:
            return str(kept[-1])
        found = file_digest(path)
    except OSError:
        return ""
    settled = time.time() - max(version[1], version[2]) / 1e9 > _SETTLED
    if version[0] >= _LARGE and settled and version == _version(path):
        now[path.name] = [*version, found]
    return found


def _version(path: Path) -> list[int]:
    """Size, times and inode of a file: another content changes one of them."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _kept_digests(folder: Path) -> dict[str, Any]:
    try:
        kept = read_json(folder / _DIGESTS)
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep_digests(folder: Path, digests: Mapping[str, Any]) -> None:
    part = folder / f"{_DIGESTS}.{os.getpid()}"  # several jobs may check a model at once
    with suppress(OSError):
        part.write_text(json.dumps(digests))
        part.replace(folder / _DIGESTS)
