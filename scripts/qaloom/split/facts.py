"""Facts: what a question asks, with its answer; which rows say the same fact.

Two rows state one fact when their questions hold the same values and
- ask the same (equal, or near with harmless differences alone) with answers that agree, or
- say the same beyond spelling: their answers agree and their questions share the word that sets them apart
  from other questions. Equal short answers alone make no fact, and yes, no, none and abstentions never do.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any, Generic, TypeVar

from rapidfuzz.distance import Indel, Prefix

from qaloom.records import Row
from qaloom.split.word_weights import Weights, shortened
from qaloom.text.closed_answers import closed_class
from qaloom.text.content_words import same_stem, stems, without_final_ending
from qaloom.text.differences import Difference, difference
from qaloom.text.normalize import comparison_key
from qaloom.text.spelling import Counts, counted_words
from qaloom.text.values import Kind, same_values, values

LONG_ANSWER = 25  # characters of a comparison key, from which near answers are searched for
_SHORT_ANSWER = 40  # up to here an answer with values is known by its values
_TELLING_ANSWER, _FEW_ROWS = 6, 4  # letters, and rows with an equal answer, that make one fact likely
_VALUE_LETTERS, _UNTOLD_DIGITS = (
    2,
    3,
)  # a number tells as much as two letters, a long one as its digits less three
# Share of the questions with some words, and how many of them, from which an answer is their rule.
_AS_A_RULE, _WITNESSES = 0.8, 3
_LIKE_NAMES = 0.7  # similarity from which questions are compared word by word before they can be one fact


T = TypeVar("T")


class Relation(IntEnum):
    """How two rows are related, in rising order."""

    NONE = 0
    SAME_QUESTION = 1  # with another answer
    SAME_FACT = 2


class _Once(Generic[T]):
    """A value that is made when first asked for and kept in the slot of its name: `cached_property` without a dict."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.slot = f"_{name}"

    def __get__(self, one: object, owner: type) -> T:
        try:
            return getattr(one, self.slot)
        except AttributeError:
            made = self.make(one)
            setattr(one, self.slot, made)
            return made


class Statement:
    """A row with what comparisons need of it, in slots, since there are millions; what few need is made when used.

    `closed` is yes, no, none, abstention, or empty.
    """

    __slots__ = (
        "_core",
        "_information",
        "_words",
        "answer",
        "closed",
        "figures",
        "question",
        "row",
        "unit"
    )  # fmt: skip

    def __init__(self, row: Row, question: str | None = None, answer: str | None = None) -> None:
        self.row = row
        self.question = comparison_key(row.question) if question is None else question
        self.answer = comparison_key(row.output) if answer is None else answer
        self.closed = closed_class(row.output, self.answer)
        self.figures = self._figures()
        self.unit = self._unit()

    @_Once
    def core(self) -> str:
        """The question without endings, particles and requests."""
        return "".join(self.words) or self.question

    @property
    def stems(self) -> frozenset[str]:
        """The content words of the question."""
        return frozenset(self.words)

    @_Once
    def words(self) -> tuple[str, ...]:
        """The content words of the question in order."""
        return stems(self.row.question)

    def _figures(self) -> str:
        """The digits of the question's numbers and codes, in order; its comparison key has them in one notation."""
        found = _DIGITS.findall(self.question)
        if "1" in found and "1" not in self.row.question:
            found = [text for text in found if text != "1"]  # 한 번, 한 달, where it counts nothing
        return " ".join(found)

    @property
    def body(self) -> str:
        """The answer's comparison key without its final ending."""
        return without_final_ending(self.answer)

    @_Once
    def information(self) -> int:
        """How much the answer tells, in letters."""
        numbers = [value.text for value in values(self.row.output) if value.kind != Kind.CODE]
        digits = (sum(map(str.isdigit, number)) for number in numbers)
        of_numbers = sum(max(_VALUE_LETTERS, count - _UNTOLD_DIGITS) for count in digits)
        return max(0, len(self.body) - sum(map(len, numbers))) + of_numbers

    def _unit(self) -> str:
        """The text whose hash decides the side: the answer in one notation; for a closed answer the question.

        It is the same for every notation and ending of an answer, and depends on nothing but the row.
        """
        if self.closed:
            return f"question {self.core}"
        short = len(self.answer) <= _SHORT_ANSWER and _DIGITS.search(self.answer)
        return (short and _values_of(self.row.output)) or self.body


_SENTENCE_ENDS = ("다", "요", "음", "함", "됨", "임")
_SHARED_START, _LAST_SYLLABLES = 4, 4
_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=1 << 16)  # many rows have the same short answer
def _values_of(answer: str) -> str:
    return " ".join(value.text for value in values(answer))


class Comparison:
    """The pairwise definition of a fact within one data set."""

    def __init__(self, threshold: float, weights: Weights, units: Sequence[str], words: Counts) -> None:
        self.threshold = threshold
        self.words = words
        self.weights = weights
        self.units = units  # the answer unit of each row
        self.answers = Counter(units)
        self.links: Collection[
            tuple[str, str]
        ] = ()  # ids of rows that are known to state one fact, either way

    def relation(self, one: Statement, other: Statement) -> Relation:
        """Whether two rows state the same fact, ask the same, or neither."""
        if self.linked(one, other):
            return Relation.SAME_FACT
        if one.figures != other.figures:
            return Relation.NONE
        found = self._by_words(one, other)
        return found if found and same_values(one.row.question, other.row.question) else Relation.NONE

    def _by_words(self, one: Statement, other: Statement) -> Relation:
        """The relation of two rows, codes in their questions aside."""
        asked = self.asked_alike(one, other)
        if asked == Difference.HARMLESS:
            return Relation.SAME_FACT if self.states_answer(one, other) else Relation.SAME_QUESTION
        if one.closed or other.closed or not self.agree(one, other):
            return Relation.NONE
        same = asked == Difference.UNCLEAR or self.identified_alike(one, other)
        return Relation.SAME_FACT if same else Relation.NONE

    def asked_alike(self, one: Statement, other: Statement) -> Difference:
        """How two questions differ that are alike in spelling or content words; OTHER where they are not."""
        if one.question == other.question:
            return Difference.HARMLESS
        same_core = one.core == other.core
        if not same_core and self._similarity(one.question, other.question) < self.threshold:
            return Difference.OTHER
        found = difference(one.row.question, other.row.question, self.words)
        return Difference.HARMLESS if same_core and found != Difference.OTHER else found

    def agree(self, one: Statement, other: Statement) -> bool:
        """Whether two answers are equal but for notation and ending, one contains the other, or long ones are near."""
        if one.answer == other.answer or one.body == other.body:
            return True
        if one.closed != other.closed:
            return False
        short, long = sorted((one, other), key=lambda s: len(s.body))
        within = len(short.body) >= 2 and short.body in long.body
        if within or _end_otherwise(short.answer, long.answer):
            return _within(values(short.row.output), values(long.row.output))
        near = len(short.answer) >= LONG_ANSWER and (
            self._similarity(short.answer, long.answer) >= self.threshold
        )
        return near and values(short.row.output) == values(long.row.output)

    def states_answer(self, one: Statement, other: Statement) -> bool:
        """Whether two rows of one fact have answers that agree or hold the same values."""
        return self.linked(one, other) or self.agree(one, other) or _equal_values(one, other)

    def linked(self, one: Statement, other: Statement) -> bool:
        """Whether two rows, or those that they are paraphrases of, are known to state one fact."""
        return (one.row.parent or one.row.id, other.row.parent or other.row.id) in self.links

    def identified_alike(self, one: Statement, other: Statement) -> bool:
        """Whether two questions share the word that sets one of them apart from the others of the data set."""
        theirs = other.stems
        shared = [a for a in one.stems if any(same_stem(a, b) for b in theirs)]
        telling = self._telling(one) and self._telling(other)
        if not shared:
            return False
        answered_so = self._answered_so(shared, {one.unit, other.unit})
        if _other_word_in_its_place(one, other, telling or answered_so):
            return False
        if self._similarity(one.question, other.question) >= _LIKE_NAMES and (
            difference(one.row.question, other.row.question, self.words) == Difference.OTHER
        ):
            return False
        if answered_so or (telling and not theirs.isdisjoint(one.words)):
            return True
        heaviest = max(map(self.weights.of, shared))
        return all(heaviest > self._heaviest_unshared(s, shared) for s in (one, other))

    def _answered_so(self, stems: Sequence[str], units: set[str]) -> bool:
        """Whether the questions that hold these words have, as a rule, this answer: then the words name the fact.

        Two rows alone are no rule: they would be their own evidence.
        """
        rows = self.weights.rows_with(stems)
        return sum(self.units[row] in units for row in rows.tolist()) >= max(
            _WITNESSES, _AS_A_RULE * len(rows)
        )

    def _telling(self, one: Statement) -> bool:
        """Whether an answer is long enough, and rare enough, to tell a fact from others by itself."""
        return one.information >= _TELLING_ANSWER and self.answers[one.unit] <= _FEW_ROWS

    def _heaviest_unshared(self, one: Statement, shared: Sequence[str]) -> float:
        rest = (stem for stem in one.stems if not any(same_stem(stem, word) for word in shared))
        return max(map(self.weights.of, rest), default=0.0)

    def identifying(self, one: Statement) -> list[str]:
        """The words of a question, shortened, that weigh most."""
        weights = {stem: self.weights.of(stem) for stem in one.stems}
        heaviest = max(weights.values(), default=0.0)
        return [shortened(stem) for stem, weight in weights.items() if weight == heaviest]

    def _similarity(self, one: str, other: str) -> float:
        return Indel.normalized_similarity(one, other)


def comparison_of(statements: Sequence[Statement], threshold: float) -> Comparison:
    """The comparison for a data set, given the statements of its source rows."""
    questions = [s.row.question for s in statements]
    units = [s.unit for s in statements]
    return Comparison(threshold, Weights(questions), units, counted_words(questions))


def _within(few: tuple[object, ...], many: tuple[object, ...]) -> bool:
    """Whether the values of one answer stand in the other, side by side."""
    size = len(few)
    return any(many[i : i + size] == few for i in range(len(many) - size + 1))


def _other_word_in_its_place(one: Statement, other: Statement, but_the_last: bool) -> bool:
    """Whether two questions are alike but for one word that stands in the same place: a name for a name."""
    if len(one.words) != len(other.words):
        return False
    apart = [i for i, pair in enumerate(zip(one.words, other.words, strict=True)) if not same_stem(*pair)]
    return len(apart) == 1 and not (but_the_last and apart[0] == len(one.words) - 1)


def _end_otherwise(one: str, other: str) -> bool:
    """Whether two Korean sentences are equal but for their last syllables: 버립니다, 버려요."""
    if not (one.endswith(_SENTENCE_ENDS) and other.endswith(_SENTENCE_ENDS)):
        return False
    shared = Prefix.similarity(one, other)
    return shared >= _SHARED_START and max(len(one), len(other)) - shared <= _LAST_SYLLABLES


def _equal_values(one: Statement, other: Statement) -> bool:
    found = values(one.row.output)
    return bool(found) and found == values(other.row.output)
