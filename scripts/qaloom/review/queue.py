"""Queue of a review: what is unclear first, then all other rows, each with the reason why it stands there."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from qaloom.decisions import Decision, correction_row
from qaloom.evaluate.results import Failure
from qaloom.files import each_line, read_lines
from qaloom.project_files import CORRECTIONS
from qaloom.records import Contradiction, Placement, Rejection, Row
from qaloom.review.project_rows import ProjectRows
from qaloom.review.sides import in_both
from qaloom.serve.corrections import Correction
from qaloom.validate.reviewed import edited

KINDS = ("contradiction", "set_aside", "failed", "correction", "document", "row")
_DUPLICATES = ("exact_duplicate", "near_duplicate")
_SHOWN_FAILURES = 5  # wrong answers of a row


class Item(NamedTuple):
    """One thing to decide: its kind, the ids of its rows (of a contradiction several), and what is said of it."""

    kind: str
    rows: tuple[str, ...]
    about: dict[str, Any] | None = None

    def is_open(self, in_force: Mapping[str, Decision]) -> bool:
        """Whether somebody has to decide; a contradiction is settled once one side is left, or both are approved."""
        if self.kind != "contradiction":
            return self.rows[0] not in in_force
        kept = [
            row for row in self.rows if row not in in_force or in_force[row].action in ("approve", "edit")
        ]
        return len(kept) > 1 and any(row not in in_force for row in kept)


class Queue(NamedTuple):
    """All items in their order, corrections as rows by their ids, and what dedup said of rows it set aside."""

    items: list[Item]
    corrections: dict[str, Row]
    duplicates: dict[str, str]


def queue(project: Path, rows: ProjectRows, decided: Iterable[Decision]) -> Queue:
    """The queue of a project; `decided` are all decisions ever made, by which results name edited rows."""
    results = project / "results"
    names = _Names(rows, decided)
    contradictions = _read(results / "dedup/contradictions.jsonl", Contradiction)
    rejections = _read(results / "dedup/rejected.jsonl", Rejection)
    names.learn_places(
        [(row["id"], row["source"], row["line"]) for one in contradictions for row in one.rows]
        + [(item.id, item.source, item.line) for item in rejections]
    )
    corrections = _corrections(project / CORRECTIONS)
    items = [
        *_contradictions(contradictions, names),
        *_set_aside(rejections, names),
        *_failed(results, names),
        *(Item("correction", (row.id,), about) for row, about in corrections),
    ]
    seen = {row for item in items for row in item.rows}
    documents = rows.written_from_documents()
    items += [Item("document", (row,)) for row in rows if row in documents and row not in seen]
    items += [Item("row", (row,)) for row in rows if row not in documents and row not in seen]
    merged = {names[item.id]: item.detail for item in rejections if item.reason in _DUPLICATES}
    return Queue(items, {row.id: row for row, _ in corrections}, merged)


class _Names(dict[str, str]):
    """Ids of rows in results, each with the id that the row has in the sources; '' for a row of no source."""

    def __init__(self, rows: ProjectRows, decided: Iterable[Decision]):
        super().__init__()
        self.rows = rows
        for one in decided:
            if one.action == "edit" and (row := rows.row(one.id)):
                self[edited(row, one).id] = one.id

    def __missing__(self, identity: str) -> str:
        return identity if identity in self.rows else ""

    def learn_places(self, named: list[tuple[str, str, int]]) -> None:
        """Find rows whose texts a stage changed (personal data that it masked) by where they stand."""
        unknown = [(identity, (source, line)) for identity, source, line in named if not self[identity]]
        found = self.rows.ids_at({place for _, place in unknown}) if unknown else {}
        self.update({identity: found[place] for identity, place in unknown if place in found})


def _read(path: Path, kind: type) -> list:
    return read_lines(path, kind) if path.is_file() else []


def _contradictions(found: Iterable[Contradiction], names: _Names) -> Iterator[Item]:
    for one in found:
        rows = tuple(dict.fromkeys(filter(None, (names[row["id"]] for row in one.rows))))
        if len(rows) > 1:
            yield Item("contradiction", rows, {"total": one.total} if one.total else None)


def _set_aside(rejections: Iterable[Rejection], names: _Names) -> Iterator[Item]:
    for item in rejections:
        if item.reason not in _DUPLICATES and (row := names[item.id]):
            yield Item("set_aside", (row,), {"reason": item.reason, "detail": in_both(item.detail)})


def _failed(results: Path, names: _Names) -> Iterator[Item]:
    """Rows whose questions, or wordings of them, a run answered wrong, the worst first."""
    found: dict[str, list[dict[str, str]]] = {}
    for path in sorted(results.glob("evaluate/*/failures.jsonl")):
        failures = read_lines(path, Failure)
        of_source = _rows_asked(results / "split/placement.jsonl", failures, names)
        for one in failures:
            if row := of_source.get(one.id):
                answer = {"run": path.parent.name, "question": one.question, "answer": one.tuned}
                found.setdefault(row, []).append(answer)
    for row, wrong in found.items():
        yield Item("failed", (row,), {"failures": wrong[:_SHOWN_FAILURES], "total": len(wrong)})


def _rows_asked(placement: Path, failures: Iterable[Failure], names: _Names) -> dict[str, str]:
    """For each failed question the row of a source that it asks for: itself, or the one that it rewords."""
    found = {one.id: names[one.id] for one in failures}
    made = {identity for identity, row in found.items() if not row}
    if made and placement.is_file():
        places = [place for place in each_line(placement, Placement) if place.id in made]
        names.learn_places([(place.parent or place.id, place.source, place.line) for place in places])
        found |= {place.id: names[place.parent or place.id] for place in places}
    return found


def _corrections(path: Path) -> list[tuple[Row, dict[str, str]]]:
    """Corrections as rows, each with the wrong answer; a line that breaks off is passed over."""
    found: dict[str, tuple[Row, dict[str, str]]] = {}
    for number, line in enumerate(path.read_bytes().split(b"\n") if path.is_file() else (), 1):
        try:
            one = msgspec.json.decode(line, type=Correction)
        except (ValueError, RecursionError):
            continue
        row = correction_row(one.question, one.answer, number)
        found.setdefault(row.id, (row, {"wrong": one.wrong, "run": one.run, "added": one.added}))
    return list(found.values())
