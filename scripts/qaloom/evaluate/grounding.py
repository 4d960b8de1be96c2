"""Grounded answers: rows near enough to answer a question stand in its prompt, and the answer names its ground.

Rows are found by BM25 (`retrieval`). The likeness of a question to a row is from 0 to 1: the harmonic mean of the
share of the question's terms that stand in the row, and of the row's question that stand in the question, rare terms
weighing more. A row that asks for another thing (`text.answerable`) never counts, nor does a row less alike than that
one: the question then asks for something like it that is not there.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from qaloom.config.settings import Language
from qaloom.evaluate.metrics import right
from qaloom.evaluate.retrieval import Index, different_answers, terms
from qaloom.inference.embeddings import Embedder
from qaloom.inference.prompt import Question, row_question
from qaloom.records import context_text, question_text
from qaloom.text.abstention import abstains
from qaloom.text.answerable import asks_for_another
from qaloom.text.citations import answer_sentences, says, states_more
from qaloom.text.content_words import stems
from qaloom.text.language import language

_LEAST = 0.5  # share of an answer's characters that must rest on rows, for any to be named
_CANDIDATES = 80  # rows that BM25 finds, of which the wordings of one fact are many

Row = dict[str, Any]


class Cited(NamedTuple):
    """Numbers, from 1, of the rows that an answer rests on, and whether all that it says stands in them."""

    numbers: list[int]
    supported: bool


class Grounding:
    """Rows that can be put above questions: at most `most`, none less alike than `likeness`.

    With an embedding model a row is alike, too, where the cosine of the two questions reaches its threshold;
    `encode` makes the vectors of what is asked, if not the embedder itself.
    """

    def __init__(
        self, index: Index, most: int, likeness: float,
        embedder: Embedder | None = None, encode: Callable[[Sequence[str]], np.ndarray] | None = None,
    ):  # fmt: skip
        self.index, self.most, self.likeness, self.embedder = index, most, likeness, embedder
        self.encode = encode or (embedder.vectors if embedder else None)

    def near(self, questions: Sequence[Question]) -> list[list[Row]]:
        """For each question the rows that may answer it, with different answers, the most alike first; often none."""
        asked = [asked_text(one) for one in questions]
        # By the content words: of templated questions, '무슨 뜻인지 궁금합니다' is in more rows than a code.
        words = [Question(" ".join(stems(text)) or text) for text in asked]
        found = self.index.candidates(words, _CANDIDATES)
        cosines = self._cosines(asked)
        return [self._near(*one) for one in zip(asked, found, cosines, strict=True)]

    def _near(self, asked: str, candidates: Sequence[Row], cosines: np.ndarray | None) -> list[Row]:
        scored = self._scored(asked, candidates, cosines)
        scored.sort(key=lambda pair: -pair[0])
        found: list[Row] = []
        for score, row in scored:
            if score < self.likeness or asks_for_another(asked, asked_text(row_question(row)), row["output"]):
                break
            found.append(row)
        return different_answers(found, self.most)

    def _cosines(self, asked: Sequence[str]) -> Sequence[np.ndarray | None]:
        """Cosines of each question with the questions of all rows."""
        if self.encode is None or not asked:
            return [None] * len(asked)
        return list(self.encode(asked) @ self._vectors.T)

    @cached_property
    def _vectors(self) -> np.ndarray:
        assert self.embedder is not None
        return self.embedder.vectors([asked_text(row_question(row)) for row in self.index.rows])

    def _scored(
        self, asked: str, candidates: Sequence[Row], cosines: np.ndarray | None
    ) -> list[tuple[float, Row]]:
        """Rows with their likeness: the candidates, and those that the embedding model finds alike."""
        scored = {row["id"]: (self.likeness_of(asked, row), row) for row in candidates}
        if cosines is not None and self.embedder is not None:
            for place in np.flatnonzero(cosines >= self.embedder.threshold):
                row, cosine = self.index.rows[int(place)], float(cosines[place])
                scored[row["id"]] = (max(cosine, scored.get(row["id"], (0.0,))[0]), row)
        return list(scored.values())

    def likeness_of(self, asked: str, row: Row) -> float:
        """Likeness of a question to a row."""
        row_asks = asked_text(row_question(row))
        one = self._share(_pieces(asked), _pieces(f"{row_asks}\n{row['output']}"))
        other = self._share(_pieces(row_asks), _pieces(asked))
        return 2 * one * other / (one + other) if one and other else 0.0

    def _share(self, wanted: frozenset[str], held: frozenset[str]) -> float:
        """Share of the terms that stand among others, by their weight."""
        whole = sum(map(self.index.weight, wanted))
        return sum(map(self.index.weight, wanted & held)) / whole if whole else 0.0


def asked_text(question: Question) -> str:
    """A question with what was said before it; without the system message, which all questions share."""
    return question_text(question.instruction, context_text("", question.history, question.input))


@lru_cache(maxsize=1 << 14)
def _pieces(text: str) -> frozenset[str]:
    """Index terms of a text's content words."""
    return frozenset(terms(" ".join(stems(text))))


def cited(answer: str, question: str, rows: Sequence[Row]) -> Cited:
    """The rows that an answer rests on; an abstention rests on none and needs none.

    Sentence by sentence, so that an answer of two sentences may rest on two rows. Where most of it stands in none,
    none is named: a 'Yes.' in it stands in many.
    """
    if not answer.strip() or abstains(answer, question):
        return Cited([], True)
    whole = [number for number, row in enumerate(rows, 1) if _rests_on(answer, row)]
    if whole:
        return Cited(whole, True)
    sentences = answer_sentences(answer)
    found = [
        [number for number, row in enumerate(rows, 1) if _rests_on(sentence, row)] for sentence in sentences
    ]
    sizes = [len(sentence) for sentence in sentences]
    grounded = sum(size for size, numbers in zip(sizes, found, strict=True) if numbers)
    if grounded < _LEAST * sum(sizes):
        return Cited([], False)
    return Cited(sorted({number for numbers in found for number in numbers}), bool(found) and all(found))


def _rests_on(text: str, row: Row) -> bool:
    """Whether a row, or its quote from a document, says a text, or the text is a right answer and states no more."""
    asks, output = asked_text(row_question(row)), row["output"]
    if says(asks, output, text) or (bool(quote := row.get("quote", "")) and says(asks, quote, text)):
        return True
    return bool(right(text, output)) and not states_more(asks, output, text)


def abstention(question: str, text: Mapping[Language, str]) -> str:
    """The abstention in the language of a question."""
    return text["ko" if language(question) == "ko" else "en"]
