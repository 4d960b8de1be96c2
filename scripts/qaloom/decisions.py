"""Decisions of people about rows: the lines of data/decisions.jsonl, those in force, and which fit the rows.

A row is named by its id, a digest of its texts as the sources have them, so that a decision follows its row to
another line or file and never lands on another text.
"""

from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from qaloom.project_files import CORRECTIONS
from qaloom.records import Row

_NOTE = "reviewed"  # key of `meta`
Action = Literal["approve", "edit", "drop", "merge", "undo"]
Misfit = Literal["no_row", "no_survivor"]


class Decision(msgspec.Struct, omit_defaults=True):
    """A line of decisions.jsonl: what a person decided about a row, when, and why if they say so.

    `id` is the row's, `source` and `line` show a reader where it stood. `question` and `answer` are the texts of an
    edit, and of an approved correction, which stands in no source; `into` is the id of the row that a merge keeps.
    `undo` takes back the row's last decision.
    """

    action: Action
    id: str
    source: str
    line: int
    by: str
    when: str  # UTC
    why: str = ""
    question: str = ""
    answer: str = ""
    into: str = ""

    def __post_init__(self) -> None:
        if self.action == "edit" and not self.has_texts:
            raise ValueError("an edit has a question and an answer")
        if self.action == "merge" and (not self.into or self.into == self.id):
            raise ValueError("a merge names another row that is kept")

    @property
    def has_texts(self) -> bool:
        """Whether it holds a question and an answer in which something can be seen."""
        return all(any(c.isprintable() and c != " " for c in text) for text in (self.question, self.answer))


class DecisionFile(NamedTuple):
    """The decisions of a file: those in force by row, all that were ever read, and lines that are none."""

    in_force: dict[str, Decision]
    every: list[Decision]
    unreadable: list[int]


def read_decisions(path: Path) -> DecisionFile:
    """Read a file of decisions, of which there may be none; a row's last decision is in force.

    A line that breaks off, as a kill leaves it, is left out and its number given.
    """
    by_row: dict[str, list[Decision]] = {}
    every: list[Decision] = []
    unreadable: list[int] = []
    decode = msgspec.json.Decoder(Decision).decode
    for number, line in _lines(path):
        try:
            one = decode(line)
        except (ValueError, RecursionError):
            unreadable.append(number)
            continue
        every.append(one)
        made = by_row.setdefault(one.id, [])
        if one.action != "undo":
            made.append(one)
        elif made:
            made.pop()
    return DecisionFile({row: made[-1] for row, made in by_row.items() if made}, every, unreadable)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    if path.is_file():
        with path.open("rb") as stream:
            yield from ((number, line) for number, line in enumerate(stream, 1) if line.strip())


class Fitting(NamedTuple):
    """Decisions that fit the rows, the row that each merged one ends in, and why the others do not fit."""

    decisions: dict[str, Decision]
    survivors: dict[str, str]
    misfits: dict[str, Misfit]


def fitting(in_force: Mapping[str, Decision], rows: Container[str]) -> Fitting:
    """Those of the decisions in force that fit, `rows` being the ids that there are.

    A correction is a row of its own once it is approved or edited. A merge fits where the row it names, or the one
    that is merged into in turn, stays.
    """
    found = Fitting({}, {}, {})
    for row, one in in_force.items():
        if row not in rows and not is_added(one):
            if one.source != str(CORRECTIONS):  # a correction that is dropped or merged never came in
                found.misfits[row] = "no_row"
        elif one.action != "merge":
            found.decisions[row] = one
        elif survivor := _survivor(row, in_force, rows):
            found.decisions[row], found.survivors[row] = one, survivor
        else:
            found.misfits[row] = "no_survivor"
    return found


def _survivor(row: str, in_force: Mapping[str, Decision], rows: Container[str]) -> str | None:
    """The row that a merged one ends in; None where that is dropped or gone, or where merges go in a circle."""
    seen, at = {row}, in_force[row].into
    while at not in seen:
        seen.add(at)
        decided = in_force.get(at)
        if at not in rows and not (decided and is_added(decided)):
            return None
        if decided is None or decided.action in ("approve", "edit"):
            return at
        if decided.action == "drop":
            return None
        at = decided.into
    return None


def is_added(one: Decision) -> bool:
    """Whether a decision brings a row in that no source needs to hold: a correction with its texts."""
    return one.action in ("approve", "edit") and one.source == str(CORRECTIONS) and one.has_texts


def correction_row(question: str, answer: str, line: int) -> Row:
    """A correction of the chat page as a row, by its line in their file."""
    row = Row("", question, "", answer, str(CORRECTIONS), line, CORRECTIONS.stem, "{}")
    row.id = row.identity
    return row


def note_decision(row: Row, one: Decision) -> None:
    """Note in the row's `meta` who approved or edited it; a key of the source by that name is kept beside it."""
    details = row.details
    if _NOTE in details:
        row.note(f"{_NOTE}_in_source", details[_NOTE])
    original = {"original": one.id} if one.id != row.id else {}
    why = {"why": one.why} if one.why else {}
    row.note(_NOTE, {"action": one.action, "of": row.id, **original, "by": one.by, "when": one.when, **why})


def decision_note(row: Row) -> dict[str, str] | None:
    """The note of a decision on this very row, None where nobody decided about it."""
    if f'"{_NOTE}"' not in row.meta:
        return None
    note = row.details.get(_NOTE)
    return note if isinstance(note, dict) and note.get("of") == row.id else None
