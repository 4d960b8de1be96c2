"""Retrieval instead of tuning: training rows near a question (BM25), put into its prompt."""

import os
import re
import unicodedata
from collections.abc import Sequence
from math import log
from typing import Any

# Where JAX is installed, bm25s starts it, and on a GPU that takes three quarters of the memory for itself.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
import bm25s

from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.results import Prediction, RetrievalComparison, Values
from qaloom.evaluate.summary import compare, score_values
from qaloom.inference.prompt import Question
from qaloom.records import context_text, row_context
from qaloom.text.normalize import comparison_key

# Models as predictions name them, and the verdict where one of them is best.
CONDITIONS = {"base": "neither", "tuned": "tuning", "base_retrieved": "retrieval", "tuned_retrieved": "both"}
_DEEP = 8  # rows looked at for each row wanted, since wordings of one fact crowd together
_WORD = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")


class Index:
    """BM25 index (bm25s) of rows by the terms of their questions and answers, see `terms`."""

    def __init__(self, rows: Sequence[dict[str, Any]]):
        self.rows = rows
        self.bm25 = bm25s.BM25()
        texts = [terms("\n".join((row["instruction"], row_context(row), row["output"]))) for row in rows]
        if any(texts):
            self.bm25.index(texts, show_progress=False)
        self.empty = not any(texts)

    def nearest(
        self, questions: Sequence[Question], most: int, unlike: bool = False
    ) -> list[list[dict[str, Any]]]:
        """For each question, up to `most` rows with different answers, the nearest first.

        Rows that share nothing with the question are left out, unless `unlike` rows may make up the number.
        """
        return [different_answers(rows, most) for rows in self.candidates(questions, most * _DEEP, unlike)]

    def candidates(
        self, questions: Sequence[Question], deep: int, unlike: bool = False
    ) -> list[list[dict[str, Any]]]:
        """For each question, up to `deep` rows, the nearest first; see `nearest`."""
        if self.empty or not questions:
            return [[] for _ in questions]
        queries = [terms(f"{one.instruction}\n{context_text(*one[2:], one.input)}") for one in questions]
        found, scores = self.bm25.retrieve(
            queries, k=min(len(self.rows), deep), show_progress=False, backend_selection="numpy"
        )
        return [
            [self.rows[i] for i, score in zip(*one, strict=True) if unlike or score > 0]
            for one in zip(found, scores, strict=True)
        ]

    def weight(self, term: str) -> float:
        """Inverse document frequency of a term: rare terms identify."""
        held = 0
        if not self.empty and (number := self.bm25.vocab_dict.get(term)) is not None:
            ends = self.bm25.scores["indptr"]
            held = int(ends[number + 1] - ends[number])
        return log(1 + len(self.rows) / max(1, held))


def terms(text: str) -> list[str]:
    """Index terms of a text: words of Latin letters and digits; of other scripts pairs of characters.

    Korean words carry endings, so that whole words would hardly match.
    """
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        latin = word[0].isascii()
        found += [word] if latin or len(word) == 1 else [word[i : i + 2] for i in range(len(word) - 1)]
    return found


def compare_retrieval(predictions: Sequence[Prediction], rows: int) -> RetrievalComparison:
    """Tuning against retrieval on questions answered under all four conditions, and which was best.

    `rows`: how many were put into a prompt, at most. Whether the answer contains the reference decides
    (exact match, where no reference holds a word): a base model that answers in a sentence has not failed.
    `best` is neither, tuning, retrieval or both; `clear` whether the interval of its difference from the
    second best excludes zero.
    """
    exists = any(p.scores["contains_reference"]["base"] is not None for p in predictions)
    by = "contains_reference" if exists else "exact_match"
    values = {name: score_values(predictions, by, name) for name in CONDITIONS}
    # Of equals the simplest comes first, and stays first: sorted is stable.
    second, first = sorted(reversed(CONDITIONS), key=lambda name: float(values[name].mean()))[-2:]
    ahead = compare(predictions, by, second, first)
    return RetrievalComparison(
        len(predictions),
        rows,
        by,
        {name: _means(predictions, name) for name in CONDITIONS},
        CONDITIONS[first],
        CONDITIONS[second],
        ahead.low is not None and ahead.low > 0,
        ahead.difference,
        ahead.low,
        ahead.high,
        ahead.p,
    )


def _means(predictions: Sequence[Prediction], name: str) -> Values:
    """Mean scores, and mean cost of an answer: tokens read and written, and seconds."""
    found: Values = {}
    for score in SCORES:
        values = score_values(predictions, score, name)
        found[score] = float(values.mean()) if values.size else None
    costs = [p.cost[name] for p in predictions]
    for key in ("prompt_tokens", "new_tokens", "seconds"):
        found[key] = sum(getattr(cost, key) for cost in costs) / len(costs)
    return found


def different_answers(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The first rows with different answers."""
    by_answer: dict[str, dict[str, Any]] = {}
    for row in rows:
        by_answer.setdefault(comparison_key(row["output"]), row)
    return list(by_answer.values())[:most]
