"""Looking up instead of tuning: the answer of the nearest training question, which needs no model.

The nearest is the most similar one of those that hold the same values and codes as the question asked, where one
is at least 60 % alike; else the most similar of all. Two questions about E-101 and E-102 are alike in nearly every
letter, and only a look at the code tells which answer belongs to which. Similarity is Indel's, of the content words
without endings in sorted order: politeness and word order say nothing of what is asked.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Indel

from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.results import Prediction
from qaloom.evaluate.retrieval import Index
from qaloom.inference.prompt import Question, row_question
from qaloom.records import context_text, question_text
from qaloom.text.content_words import stems
from qaloom.text.normalize import comparison_key
from qaloom.text.values import Kind, values

_ALIKE = 0.6  # similarity from which a row with the same values goes before more similar ones
_MOST_CELLS = 200_000_000  # comparisons, about 20 s; with more, BM25 chooses the rows to compare
_CANDIDATES = 50


def nearest_rows(questions: Sequence[Question], index: Index) -> list[dict[str, Any] | None]:
    """For each question the training row whose question is nearest; None without training rows."""
    if not index.rows or not questions:
        return [None] * len(questions)
    if len(questions) * len(index.rows) <= _MOST_CELLS:
        side = _Side(index.rows)
        return [_nearest(one, side) for one in questions]
    candidates = index.nearest(questions, _CANDIDATES, unlike=True)
    return [_nearest(one, _Side(rows)) for one, rows in zip(questions, candidates, strict=True)]


class _Side:
    """Training rows with their comparison keys, and their places by the values of the question."""

    def __init__(self, rows: Sequence[dict[str, Any]]):
        self.rows = rows
        texts = [_text(row_question(row)) for row in rows]
        self.keys = [_key(text) for text in texts]
        self.by_values: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for place, text in enumerate(texts):
            self.by_values[_values(text)].append(place)


def _text(question: Question) -> str:
    """A question with what was said before it; without the system message, which all questions share."""
    return question_text(question.instruction, context_text("", question.history, question.input))


def _key(text: str) -> str:
    return "".join(sorted(stems(text))) or comparison_key(text)


def _nearest(question: Question, side: _Side) -> dict[str, Any] | None:
    if not side.rows:
        return None
    text = _text(question)
    key, same = _key(text), side.by_values.get(_values(text), [])
    place, score = _most_similar(key, side.keys, same)
    if score < _ALIKE:
        place, _ = _most_similar(key, side.keys, range(len(side.keys)))
    return side.rows[place]


def _most_similar(key: str, keys: Sequence[str], places: Sequence[int]) -> tuple[int, float]:
    """Place and similarity of the most similar key, the first of equals; similarity -1 without places."""
    if not places:
        return 0, -1.0
    scores = process.cdist([key], [keys[i] for i in places], scorer=Indel.normalized_similarity)[0]
    best = int(np.argmax(scores))
    return places[best], float(scores[best])


def _values(text: str) -> tuple[str, ...]:
    return tuple(sorted(value.text for value in values(text) if value.kind != Kind.MARK))


def add_lookup(predictions: Sequence[Prediction], questions: Sequence[Question], index: Index) -> None:
    """Add the arm `lookup` to the predictions: its answer, the row it is of, and its scores."""
    for prediction, row in zip(predictions, nearest_rows(questions, index), strict=True):
        prediction.lookup = row["output"] if row else ""
        prediction.looked_up = row["id"] if row else ""
        for name, score in SCORES.items():
            prediction.scores[name]["lookup"] = score(prediction.lookup, prediction.reference)
