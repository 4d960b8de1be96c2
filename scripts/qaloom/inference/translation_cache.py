"""Translation memory: texts made by a model, kept under its cache key, so that none is made twice.

One SQLite file for each cache key (a model's weights, a direction and its settings): whole after a kill, open to
several jobs at once, and looked up on the disk, so that a million texts need no memory. Texts are only
ever added.
"""

import errno
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from qaloom.console import say
from qaloom.errors import StorageError
from qaloom.files import canonical, digest

_AT_ONCE = 500  # texts looked up in one query; SQLite allows 999 variables in its oldest builds
_PATIENCE = 120  # seconds to wait for another job's write


class TranslationMemory:
    """Variants of each source text, often one, made under one cache key."""

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._connection, self._path = connection, path
        self.found = self.made = 0  # texts

    def get(self, sources: Iterable[str]) -> dict[str, list[str]]:
        """The texts among `sources` that were made before, each with its variants."""
        wanted = list(dict.fromkeys(sources))
        found: dict[str, list[str]] = {}
        damaged: list[str] = []
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            query = (
                f"SELECT source, variants, checksum FROM made WHERE source IN ({','.join('?' * len(part))})"
            )
            with _one_line(self._path):
                rows = self._connection.execute(query, part).fetchall()
            for source, variants, checksum in rows:
                if checksum in (None, _checksum(source, variants)):  # versions before kept none
                    found[source] = msgspec.json.decode(variants)
                else:
                    damaged.append(source)
        self._drop(damaged)
        self.found += len(found)
        return found

    def _drop(self, damaged: list[str]) -> None:
        if damaged:
            say(
                f"{self._path}: {len(damaged):,} of its texts are damaged, as their checksums show; made anew"
            )
            with _one_line(self._path), self._connection:
                self._connection.executemany(
                    "DELETE FROM made WHERE source = ?", [(text,) for text in damaged]
                )

    def put(self, made: Mapping[str, list[str]]) -> None:
        """Keep what was made, all of it or nothing; what another job kept meanwhile stays."""
        texts = {source: msgspec.json.encode(variants).decode() for source, variants in made.items()}
        rows = [(source, text, _checksum(source, text)) for source, text in texts.items()]
        with _one_line(self._path), self._connection:
            self._connection.executemany("INSERT OR IGNORE INTO made VALUES (?, ?, ?)", rows)
        self.made += len(rows)


@contextmanager
def open_memory(folder: Path, key: Mapping[str, Any]) -> Iterator[TranslationMemory]:
    """Open the translation memory for `key`, everything that decides a translation, in `folder`.

    A damaged file is moved aside, as `<name>.damaged`, and begun anew.
    Raises StorageError, one line, when the disk is full or the file cannot be used.
    """
    path = folder / f"{digest(key)[:24]}.sqlite"
    with _one_line(path):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            connection = _connection(path, key)
        except sqlite3.DatabaseError as error:
            if _code(error) not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise
            say(f"{path} is damaged ({error}); begun anew, the old file is beside it as .damaged")
            path.replace(path.with_suffix(".damaged"))
            connection = _connection(path, key)
    try:
        yield TranslationMemory(connection, path)
    finally:
        connection.close()


def _connection(path: Path, key: Mapping[str, Any]) -> sqlite3.Connection:
    """The database, with its tables. Raises sqlite3.DatabaseError when its pages are damaged."""
    connection = sqlite3.connect(path, timeout=_PATIENCE)
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS made "
            "(source TEXT PRIMARY KEY, variants TEXT NOT NULL, checksum TEXT) WITHOUT ROWID"
        )
        if len(connection.execute("PRAGMA table_info(made)").fetchall()) == 2:
            with suppress(sqlite3.OperationalError):  # another job was faster
                connection.execute("ALTER TABLE made ADD COLUMN checksum TEXT")
        connection.execute("CREATE TABLE IF NOT EXISTS maker (settings TEXT PRIMARY KEY)")
        connection.execute("INSERT OR IGNORE INTO maker VALUES (?)", (canonical(key),))
        connection.commit()
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise _corrupt(verdict)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _corrupt(verdict: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(verdict.replace("\n", " "))
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _checksum(source: str, variants: str) -> str:
    return digest([source, variants])[:16]


def _code(error: Exception) -> int:
    """SQLite's code of an error, without what it adds to it; 0 of another error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        code = _code(error)
        out_of_room = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        if out_of_room or code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            remedy = "free some space and run again: what was made so far is kept"
        elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            remedy = "another run holds it; wait for it, then run again"
        else:
            remedy = "move it away to begin it anew"
        raise StorageError(f"{path}: {error}; {remedy}") from None
