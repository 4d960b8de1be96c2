"""Rows of a project as its sources have them, found by id, place or text; in memory stand their places alone."""

import heapq
from collections.abc import Container, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from rapidfuzz import fuzz

from qaloom.commands import command_line
from qaloom.errors import DataError
from qaloom.files import read_document
from qaloom.records import Row
from qaloom.validate.reviewed import RowPlace

T = TypeVar("T")
_OFFSET_BITS = 44  # of a row's place in one integer: the number of its file, then its first byte


class _File(msgspec.Struct):
    source: str


class _Validated(msgspec.Struct):
    files: list[_File]


class _Id(msgspec.Struct):
    id: str


class _Texts(msgspec.Struct):
    id: str
    instruction: str
    output: str


class ProjectRows:
    """The rows that validate read from a project's files, before any decision about them.

    Raises DataError when validate has not run yet.
    """

    def __init__(self, project: Path):
        stats = project / "results/validate/stats.json"
        if not stats.is_file():
            raise DataError(
                f"{project} holds no validated rows; run the workflow first: {command_line('run', project)}"
            )
        wanted = {one.source for one in read_document(stats, _Validated).files}
        folders = sorted((project / "results/validate/files").glob("*/stats.json"))
        named = {read_document(path, _File).source: path.with_name("rows.jsonl") for path in folders}
        self.files = [named[source] for source in sorted(wanted & named.keys())]
        self._at: dict[str, int] = {}
        for number, offset, row in self._lines(_Id):
            self._at.setdefault(row.id, number << _OFFSET_BITS | offset)

    def __contains__(self, identity: object) -> bool:
        return identity in self._at

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)

    def row(self, identity: str) -> Row | None:
        """The row of an id; None where there is none, also while its file is written anew."""
        if (at := self._at.get(identity)) is None:
            return None
        try:
            with self.files[at >> _OFFSET_BITS].open("rb") as stream:
                stream.seek(at & ((1 << _OFFSET_BITS) - 1))
                row = msgspec.json.decode(stream.readline(), type=Row)
        except (OSError, ValueError):
            return None
        return row if row.id == identity else None

    def written_from_documents(self) -> set[str]:
        """The ids of rows that a model wrote from documents."""
        return {row.id for _, _, row in self._lines(RowPlace) if row.source.startswith("results/documents/")}

    def ids_at(self, places: Container[tuple[str, int]]) -> dict[tuple[str, int], str]:
        """The id of the first row at each of these places (source, line)."""
        found: dict[tuple[str, int], str] = {}
        for _, _, row in self._lines(RowPlace):
            if (row.source, row.line) in places:
                found.setdefault((row.source, row.line), row.id)
        return found

    def holding(self, text: str, most: int) -> list[str]:
        """The ids of the first rows whose question or answer holds a text, whatever its case."""
        found: dict[str, None] = {}
        piece = " ".join(text.split()).casefold()
        for _, _, row in self._lines(_Texts):
            if piece in row.instruction.casefold() or piece in row.output.casefold():
                found[row.id] = None
                if len(found) == most:
                    break
        return list(found)

    def like(self, row: Row, most: int) -> list[str]:
        """The ids of other rows, those with the most similar questions first."""
        scored = (
            (fuzz.ratio(row.instruction, other.instruction), other.id)
            for _, _, other in self._lines(_Texts)
            if other.id != row.id
        )
        return list(dict.fromkeys(identity for _, identity in heapq.nlargest(2 * most, scored)))[:most]

    def _lines(self, kind: type[T]) -> Iterator[tuple[int, int, T]]:
        """Each line of each file as `kind`, after the file's number and the line's first byte."""
        decode = msgspec.json.Decoder(kind).decode
        for number, path in enumerate(self.files):
            offset = 0
            with path.open("rb") as stream:
                for line in stream:
                    yield number, offset, decode(line)
                    offset += len(line)
