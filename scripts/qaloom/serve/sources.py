"""The training rows nearest to a question and an answer, with the line they came from."""

from pathlib import Path
from typing import Any

from qaloom.errors import DataError
from qaloom.evaluate.model_pair import Question
from qaloom.evaluate.retrieval import Index
from qaloom.files import read_lines


class Nearest:
    """The training rows of a split, ready to be searched.

    The answer is looked up with the question: on the demo's 52 recall questions the right fact was then among
    the three rows shown for 51; for 46 by the question alone.
    """

    def __init__(self, split: Path):
        """Raises DataError when the split's files are not there."""
        if not (split / "train.jsonl").is_file() or not (split / "placement.jsonl").is_file():
            raise DataError(f"{split} holds no training rows; run the workflow in this folder first")
        self.index = Index(read_lines(split / "train.jsonl"))
        self.places = {one["id"]: one for one in read_lines(split / "placement.jsonl")}

    def find(self, question: str, answer: str, most: int = 3) -> list[dict[str, Any]]:
        """The `most` nearest rows, one an answer: question, answer, source, line."""
        found = self.index.nearest([Question(question, answer)], most, unlike=True)[0]
        return [self._shown(row) for row in found]

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        place = self.places.get(row["id"], {})
        return {
            "question": "\n\n".join(filter(None, (row["instruction"], row["input"]))),
            "answer": row["output"],
            "source": place.get("source"),
            "line": place.get("line"),
        }
