"""State of a review: the queue of a project and the decisions about it, both brought up to date before each reply."""

import threading
import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from qaloom.append_only import append_line
from qaloom.decisions import Action, Decision, DecisionFile, fitting, read_decisions
from qaloom.errors import DataError
from qaloom.project_files import CORRECTIONS, DECISIONS
from qaloom.records import Row
from qaloom.review.project_rows import ProjectRows
from qaloom.review.queue import KINDS, Item, queue
from qaloom.review.sides import shown_decision, shown_side

_MISFITS = 20  # decisions that fit no row, of which the page lists so many
_CANDIDATES = 5  # rows offered to merge into
_Stamp = tuple[tuple[int, int], ...]


class RowGone(Exception):
    """A row that is decided about is not there any more, or cannot be decided about so."""


class ReviewState:
    """A project's rows and decisions, as the page shows them. Safe to use from several threads.

    Raises DataError when validate has not run yet.
    """

    def __init__(self, project: Path, user: str):
        self.project, self.user = project, user
        self._lock = threading.Lock()
        self._seen: _Stamp = ()
        self._decided: tuple[_Stamp, DecisionFile] = ((), DecisionFile({}, [], []))
        self._load()

    def page(self, version: int, after: int, kind: str, only_open: bool, most: int) -> dict[str, Any]:
        """Up to `most` items behind the one of the number `after`, with counts; of another version, from the start."""
        with self._lock:
            self._refresh()
            in_force = self._decisions().in_force
            start = after + 1 if version == self.version else 0
            found: list[dict[str, Any]] = []
            for number in range(start, len(self.queue.items)):
                item = self.queue.items[number]
                if kind in ("", item.kind) and (not only_open or item.is_open(in_force)):
                    found.append(self._shown(number, item, in_force))
                    if len(found) == most:
                        break
            return {"version": self.version, "items": found, **self._summary()}

    def candidates(self, identity: str, text: str) -> list[dict[str, Any]]:
        """Rows that a row may be merged into: those that hold a text or, without one, those most like it."""
        with self._lock:
            row = self._row(identity)
            if row is None:
                return []
            ids = (
                self.rows.holding(text, _CANDIDATES + 1) if text.strip() else self.rows.like(row, _CANDIDATES)
            )
            in_force = self._decisions().in_force
            return [self._side(one, in_force) for one in ids if one != identity][:_CANDIDATES]

    def decide(
        self, action: Action, identity: str, by: str, why: str, texts: tuple[str, str], into: str
    ) -> Any:
        """Append a decision; the row as it is then. Raises RowGone, and StorageError where it cannot be written."""
        with self._lock:
            in_force = self._decisions().in_force
            before, row = in_force.get(identity), self._row(identity)
            if row is None and not (action == "undo" and before):
                raise RowGone(
                    "this row is not in the project's files any more; run the workflow and decide anew"
                )
            if action == "undo" and not before:
                raise RowGone("nobody has decided about this row")
            if action == "approve" and before and before.action == "edit":
                return self._side(identity, in_force)  # what a person wrote is approved by that
            one = self._decision(action, row, before, (_line(by) or self.user, _line(why)), texts, into)
            if action == "merge" and identity in fitting({**in_force, identity: one}, self._known()).misfits:
                raise RowGone("the row to keep is dropped, or merged into this one; take that back first")
            append_line(self.project / DECISIONS, msgspec.json.encode(one))
            return self._side(identity, self._decisions().in_force) if row else {}

    def _decision(
        self,
        action: Action,
        row: Row | None,
        before: Decision | None,
        who: tuple[str, str],
        texts: tuple[str, str],
        into: str,
    ) -> Decision:
        """A decision as a line of the file. Raises DataError where an edit is blank or a merge names no other row."""
        place = row or before
        assert place is not None
        question, answer = texts
        if row and action == "approve" and row.source == str(CORRECTIONS):
            question, answer = row.instruction, row.output
        elif action != "edit":
            question = answer = ""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            return Decision(
                action, place.id, place.source, place.line, who[0], when, who[1],
                question.strip(), answer.strip(), into if action == "merge" else "",
            )  # fmt: skip
        except ValueError as error:
            raise DataError(str(error)) from None

    # --- what is loaded ---

    def _load(self) -> None:
        stamp, rows = self._stamp(), ProjectRows(self.project)
        self.queue = queue(self.project, rows, self._decisions().every)
        self._seen, self.rows = stamp, rows
        self.totals = {kind: sum(item.kind == kind for item in self.queue.items) for kind in KINDS}
        # The same for the same results, so that a page goes on where it was when the server is started again.
        self.version = zlib.crc32(repr(stamp).encode()) or 1

    def _refresh(self) -> None:
        """Load anew where results or corrections changed, and not while the workflow is writing them."""
        if self._stamp() != self._seen:
            with suppress(OSError, DataError):  # what is loaded stays until all of it can be read
                self._load()

    def _stamp(self) -> _Stamp:
        results = self.project / "results"
        stages = [results / "validate/stats.json", results / "dedup/stats.json"]
        return _stamps(
            [*stages, *sorted(results.glob("evaluate/*/failures.jsonl")), self.project / CORRECTIONS]
        )

    def _decisions(self) -> DecisionFile:
        stamp = _stamps([self.project / DECISIONS])
        if stamp != self._decided[0]:
            self._decided = stamp, read_decisions(self.project / DECISIONS)
        return self._decided[1]

    def _known(self) -> set[str] | ProjectRows:
        return {*self.rows, *self.queue.corrections} if self.queue.corrections else self.rows

    def _row(self, identity: str) -> Row | None:
        return self.rows.row(identity) or self.queue.corrections.get(identity)

    # --- what is shown ---

    def _shown(self, number: int, item: Item, in_force: Mapping[str, Decision]) -> dict[str, Any]:
        sides = [self._side(row, in_force) for row in item.rows]
        return {
            "number": number,
            "kind": item.kind,
            "about": item.about,
            "sides": [one for one in sides if one],
        }

    def _side(self, identity: str, in_force: Mapping[str, Decision]) -> dict[str, Any]:
        """A row as the page shows it; empty while its file is written anew."""
        row, one = self._row(identity), in_force.get(identity)
        if row is None:
            return {}
        kept = self._row(one.into) if one and one.into else None
        return shown_side(row, self.queue.duplicates.get(identity, "")) | shown_decision(one, kept)

    def _summary(self) -> dict[str, Any]:
        """Counts by kind, decisions that fit no row, lines that are no decisions, and the default name."""
        file = self._decisions()
        still_open = dict.fromkeys(KINDS, 0)
        for item in self.queue.items:
            still_open[item.kind] += item.is_open(file.in_force)
        misfits = fitting(file.in_force, self._known()).misfits
        shown = [
            msgspec.to_builtins(file.in_force[row]) | {"reason": why}
            for row, why in list(misfits.items())[:_MISFITS]
        ]
        return {
            "counts": {kind: {"open": still_open[kind], "total": self.totals[kind]} for kind in KINDS},
            "decided": len(file.in_force),
            "misfits": {"total": len(misfits), "shown": shown},
            "unreadable": file.unreadable,
            "user": self.user,
            "project": self.project.resolve().name,
        }


def _line(text: str) -> str:
    return " ".join(text.split())


def _stamps(paths: list[Path]) -> _Stamp:
    """Size and time of files, zeros for one that is not there."""
    found = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            found.append((0, 0))
        else:
            found.append((status.st_size, status.st_mtime_ns))
    return tuple(found)
