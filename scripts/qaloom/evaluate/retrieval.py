"""Looking answers up instead of learning them: training rows near a question, put into its prompt."""

import os
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

# Where JAX is installed, bm25s starts it, and on a GPU that takes three quarters of the memory for itself.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
import bm25s

from qaloom.evaluate.bootstrap import paired
from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.model_pair import Question
from qaloom.evaluate.summary import sides
from qaloom.records import question_text
from qaloom.text.language import language
from qaloom.text.normalize import comparison_key

ARMS = {"base": "neither", "tuned": "tuning", "base_retrieved": "retrieval", "tuned_retrieved": "both"}
_DEEP = 8  # rows looked at for each row wanted, since wordings of one fact crowd together
_WORD = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")
_NOTES = {
    "ko": ("다음 자료를 참고하여 마지막 질문에 짧게 답하세요.", "질문: {}\n답: {}", "질문: {}\n답:"),
    "en": (
        "Use these notes to answer the last question briefly.",
        "Question: {}\nAnswer: {}",
        "Question: {}\nAnswer:",
    ),
}


class Index:
    """Rows by what their questions and answers are about (BM25, by bm25s; Korean by pairs of characters)."""

    def __init__(self, rows: Sequence[dict[str, Any]]):
        self.rows = rows
        self.bm25 = bm25s.BM25()
        texts = [terms("\n".join((row["instruction"], row["input"], row["output"]))) for row in rows]
        if any(texts):
            self.bm25.index(texts, show_progress=False)
        self.empty = not any(texts)

    def nearest(
        self, questions: Sequence[Question], most: int, unlike: bool = False
    ) -> list[list[dict[str, Any]]]:
        """For each question, up to `most` rows with different answers, the nearest first.

        Rows that share nothing with the question are left out, unless `unlike` rows may make up the number.
        """
        if self.empty or not questions:
            return [[] for _ in questions]
        deep = min(len(self.rows), most * _DEEP)
        asked = [terms("\n".join(one)) for one in questions]
        found, scores = self.bm25.retrieve(asked, k=deep, show_progress=False, backend_selection="numpy")
        return [
            _different([self.rows[i] for i, score in zip(*one, strict=True) if unlike or score > 0], most)
            for one in zip(found, scores, strict=True)
        ]


def terms(text: str) -> list[str]:
    """What a text is indexed by: words of Latin letters and digits; of other scripts pairs of characters.

    Korean words carry endings, so that whole words would hardly meet.
    """
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        latin = word[0].isascii()
        found += [word] if latin or len(word) == 1 else [word[i : i + 2] for i in range(len(word) - 1)]
    return found


def with_notes(question: Question, rows: Sequence[dict[str, Any]]) -> Question:
    """The question with the rows above it, in the language of the question."""
    lead, note, asked = _NOTES["ko" if language(question.instruction) == "ko" else "en"]
    notes = [note.format(question_text(r["instruction"], r["input"]), r["output"]) for r in rows]
    return Question("\n\n".join([lead, *notes, asked.format(question.instruction)]), question.input)


def comparison(predictions: list[dict[str, Any]], rows: int, resamples: int, seed: int) -> dict[str, Any]:
    """Tuning against retrieval on the questions that all four arms answered, and which was best.

    `rows`: how many were put into a prompt, at most. What decides is whether the answer contains the
    reference (exact match, where no reference holds a word): a base model that answers in a sentence has not
    failed. `best` is neither, tuning, retrieval or both; `clear` whether the interval of its difference from
    the second best leaves zero out.
    """
    arms = {arm: _figures(predictions, arm) | _cost(predictions, arm) for arm in ARMS}
    known = any(p["scores"]["contains_reference"]["base"] is not None for p in predictions)
    by = "contains_reference" if known else "exact_match"
    # Of equals the simplest comes first, and stays first: sorted is stable.
    second, first = sorted(reversed(ARMS), key=lambda arm: arms[arm][by])[-2:]
    difference = paired(*sides(predictions, by, second, first), resamples, seed)
    return {
        "n": len(predictions),
        "rows": rows,
        "by": by,
        "arms": arms,
        "best": ARMS[first],
        "second": ARMS[second],
        "clear": difference["low"] is not None and difference["low"] > 0,
        **{key: difference[key] for key in ("difference", "low", "high", "p")},
    }


def _figures(predictions: list[dict[str, Any]], arm: str) -> dict[str, float | None]:
    values = {name: sides(predictions, name, arm)[0] for name in SCORES}
    return {name: float(some.mean()) if some.size else None for name, some in values.items()}


def _cost(predictions: list[dict[str, Any]], arm: str) -> dict[str, float]:
    """What an answer took, in the mean: tokens read and written, and seconds."""
    costs = [p["cost"][arm] for p in predictions]
    return {name: sum(cost[name] for cost in costs) / len(costs) for name in costs[0]}


def _different(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    by_answer: dict[str, dict[str, Any]] = {}
    for row in rows:
        by_answer.setdefault(comparison_key(row["output"]), row)
    return list(by_answer.values())[:most]
