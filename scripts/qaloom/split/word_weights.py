"""Weights of words among the questions of a data set, and the rows that hold a word: rare words identify."""

import re
from collections.abc import Iterable, Sequence
from math import log

import numpy as np

from qaloom.text.postings import Postings
from qaloom.text.words import word_numbers

_WORD = re.compile(r"(?<![가-힣])[가-힣]{1,2}|[a-z0-9]+")
_MANY = 1000  # rows from which words name no fact


class Weights:
    """Inverse document frequency of words among the questions of a data set: rare words identify."""

    def __init__(self, questions: Sequence[str]) -> None:
        self.numbers, self.rows = _Numbers(), len(questions)
        self._known: dict[str, float] = {}
        rows, words = word_numbers(questions, self.numbers)
        self.holding = Postings(words, rows, len(self.numbers.of_short))
        initials = np.array(self.numbers.initials, np.int32)[words]
        hangul = initials >= 0
        self.beginning = Postings(initials[hangul], rows[hangul], len(self.numbers.of_short))

    def rows_with(self, stems: Iterable[str]) -> np.ndarray:
        """Rows whose questions hold all of the stems, as counted; none where even the rarest stands in many."""
        found = sorted((self._rows(shortened(stem)) for stem in stems), key=len)
        if not found or len(found[0]) > _MANY:
            return np.empty(0, np.int32)
        rows = found[0]
        for others in found[1:]:
            at = np.searchsorted(others, rows)
            rows = rows[(at < len(others)) & (others[np.minimum(at, len(others) - 1)] == rows)]
        return rows

    def _rows(self, word: str) -> np.ndarray:
        """Rows that hold a shortened word, in order."""
        number = self.numbers.of_short.get(word)
        return np.empty(0, np.int32) if number is None else self.holding.of(number)

    def of(self, stem: str) -> float:
        """The weight of a stem; Hangul words that begin alike count as one."""
        if stem not in self._known:
            self._known[stem] = self._weight(shortened(stem))
        return self._known[stem]

    def _weight(self, word: str) -> float:
        number = self.numbers.of_short.get(word)
        if number is None:
            return log(1 + self.rows)
        alone = len(word) == 1 and word >= "가"
        return log(1 + self.rows / max(1, len((self.beginning if alone else self.holding).of(number))))


class _Numbers(dict[str, tuple[int, ...]]):
    """The numbers of the words in what stands between two spaces, and for each number that of the first syllable.

    `initials` has -1 for a Latin word.
    """

    def __init__(self) -> None:
        super().__init__()
        self.of_short: dict[str, int] = {}
        self.initials: list[int] = []

    def __missing__(self, written: str) -> tuple[int, ...]:
        words = _WORD.findall(written.casefold())
        self[written] = numbers = tuple(self._number(shortened(word)) for word in words)
        return numbers

    def _number(self, short: str) -> int:
        number = self.of_short.get(short)
        if number is None:
            initial = self._number(short[0]) if short[0] >= "가" and len(short) > 1 else -1
            number = self.of_short[short] = len(self.initials)
            self.initials.append(number if short[0] >= "가" and len(short) == 1 else initial)
        return number


def shortened(word: str) -> str:
    """A word as it is counted: of Hangul the first two syllables, of Latin letters without a plural s."""
    if word[0] >= "가":
        return word[:2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and word.isalpha() else word
