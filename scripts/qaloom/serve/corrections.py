"""Right answers that people write in the place of wrong ones: a file of rows for review, apart from the sources."""

import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from qaloom.errors import DataError, StorageError

FILE = Path("review/corrections.jsonl")  # in the project; no run reads it until data.sources names it
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
        self._one_at_a_time = threading.Lock()

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
        line = msgspec.json.encode(Correction(question, answer, wrong, self.run, added)) + b"\n"
        with self._one_at_a_time:
            try:
                self._append(line)
            except OSError as error:
                raise StorageError(f"{self.path} cannot be written ({error.strerror})") from None

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as stream:
            size = stream.seek(0, os.SEEK_END)
            if size + len(line) > _MOST:
                raise StorageError(f"{self.path} is full; review its rows and move it away")
            stream.seek(max(0, size - 1))
            ends = stream.read(1) in (b"", b"\n")  # not where a person left the last line open
            stream.write(line if ends else b"\n" + line)
            stream.flush()
            os.fsync(stream.fileno())
