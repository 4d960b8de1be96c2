"""Questions that an embedding model finds alike: pairs that may contradict, beyond spelling."""

from collections.abc import Container

import numpy as np

from qaloom.dedup.near_duplicates import Keyed, Pair, Questions
from qaloom.inference.embeddings import Embedder, near_vectors
from qaloom.text.language import language
from qaloom.text.normalize import key_digits
from qaloom.text.rewordings import may_ask_the_same
from qaloom.text.spelling import Counts
from qaloom.text.values import same_values


class Meaning:
    """Pairs of questions that are alike in meaning, and which of their answers are."""

    def __init__(
        self,
        embedder: Embedder,
        rows: list[Keyed],
        questions: Questions,
        known: Container[tuple[int, int]],
        words: Counts,
    ) -> None:
        texts = [rows[positions[0]].row.question for positions in questions.at]
        # The same figures, in one language: answers in two languages cannot be compared.
        groups = [
            (language(text), *sorted(key_digits(key)))
            for text, key in zip(texts, questions.keys, strict=True)
        ]
        found = near_vectors(embedder.vectors(texts), groups, embedder.threshold)
        self.pairs = [
            Pair(i, j, score)
            for i, j, score in found
            if (i, j) not in known and (j, i) not in known and may_ask_the_same(texts[i], texts[j], words)
        ]
        keys = {key for pair in self.pairs for key in pair[:2]}
        answers = list(dict.fromkeys(rows[at].row.output for key in sorted(keys) for at in questions.at[key]))
        self._threshold = embedder.threshold
        self._vectors = dict(zip(answers, embedder.vectors(answers), strict=True))

    def answers_alike(self, one: str, other: str) -> bool:
        """Whether two answers to these questions hold the same values and are alike in meaning."""
        alike = float(np.dot(self._vectors[one], self._vectors[other])) >= self._threshold
        return alike and same_values(one, other)
