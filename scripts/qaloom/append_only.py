"""Append-only files of lines: each line is on the disk before its writer goes on, and two writers never mix theirs."""

import fcntl
import os
from pathlib import Path

from qaloom.errors import StorageError


def append_line(path: Path, line: bytes, most: int | None = None) -> None:
    """Append a line, given without its end, and flush it to the disk.

    A last line that a kill or a person left open is ended first. Raises StorageError where the file cannot be written
    or would have more than `most` bytes.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)  # against threads and other processes; closing ends it
            _append(stream.fileno(), line, most, path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror})") from None


def _append(file: int, line: bytes, most: int | None, path: Path) -> None:
    size = os.lseek(file, 0, os.SEEK_END)
    if most is not None and size + len(line) + 1 > most:
        raise StorageError(f"{path} is full; review its rows and move it away")
    ends = not size or os.pread(file, 1, size - 1) == b"\n"
    whole = line + b"\n" if ends else b"\n" + line + b"\n"
    written = os.write(file, whole)
    if written < len(whole):  # a full disk: what was begun is taken back
        os.ftruncate(file, size)
        raise StorageError(f"{path} cannot be written (the disk is full)")
    os.fsync(file)
