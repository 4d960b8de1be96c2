"""Right answers that people write in the place of wrong ones: a file of rows for review, apart from the sources."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from qaloom.append_only import append_line
from qaloom.errors import DataError
from qaloom.project_files import CORRECTIONS

FILE = CORRECTIONS  # in the project; no run reads a row of it before a person approves it (make review)
_MOST = 10_000_000  # bytes; a person reviews them one by one
_TEXT = 20_000  # characters of a question or an answer


class Correction(msgspec.Struct):
    """A row for review: the question, the right answer, and the wrong one that the model of `run` gave."""

    question: str
    answer: str
    wrong: str
    run: str
    added: str  # UTC


class Corrections:
    """The file of corrections of a run in a project."""

    def __init__(self, project: Path, run: str):
        self.path, self.run = project / FILE, run

    def add(self, question: str, answer: str, wrong: str) -> None:
        """Append a row.

        Raises DataError where question or answer is blank or a text too long, StorageError where the file is full or
        cannot be written.
        """
        question, answer, wrong = question.strip(), answer.strip(), wrong.strip()
        if not (question and answer):
            raise DataError("a correction needs a question and the right answer to it")
        if max(map(len, (question, answer, wrong))) > _TEXT:
            raise DataError(f"a text of a correction may have {_TEXT:,} characters")
        added = datetime.now(UTC).isoformat(timespec="seconds")
        line = msgspec.json.encode(Correction(question, answer, wrong, self.run, added))
        append_line(self.path, line, _MOST)
