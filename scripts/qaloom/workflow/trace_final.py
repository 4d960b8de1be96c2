"""A row's part in the final models of a project: whether they were trained on it, and what they answer."""

from pathlib import Path

from qaloom.evaluate.memory_figures import MemoryAnswer
from qaloom.files import read_lines
from qaloom.records import read_texts

_MOST = 20  # questions shown of a fact


def final_parts(results: Path, identity: str, wordings: set[str]) -> list[tuple[str, list[str]]]:
    """A heading and lines for each run with a final model; `wordings` are ids of rows of the row's fact."""
    files = sorted(results.glob("memory_check/*/predictions.jsonl"))
    if not files:
        return []
    trained = {row["id"] for row in read_texts(results / "split/final.jsonl")}
    taught = ["trained on this row" if identity in trained else "not trained on this row"]
    return [
        (f"final model, run {file.parent.name}", taught + _answers(file, identity, wordings))
        for file in files
    ]


def _answers(file: Path, identity: str, wordings: set[str]) -> list[str]:
    """Its answers to the row, first, and to other wordings of the fact, each named."""
    asked = [a for a in read_lines(file, MemoryAnswer) if a.id in wordings]
    shown = sorted(asked, key=lambda answer: answer.id != identity)[:_MOST]
    return [line for answer in shown for line in _named(answer, identity)]


def _named(answer: MemoryAnswer, identity: str) -> list[str]:
    kind = "trained" if answer.trained else "probe"
    other = [f"{answer.id}, {kind}: {answer.question}"] if answer.id != identity else []
    return [*other, f"final     {answer.tuned}"]
