"""Look-alike questions of a split: trained questions with another name, number or code put in.

They ask for nothing that is known: what is put in occurs nowhere in the data, and none is near a question of it.
Two thirds of the questions and of the invented names, by hash, are for asking; the rest is left for training.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, islice, product
from typing import Literal

import numpy as np

from qaloom.records import LookAlikeRow, Row, row_id
from qaloom.split.fact_pairs import near_question_pairs
from qaloom.split.facts import Comparison, Statement
from qaloom.split.placement import Wording, hash_share
from qaloom.text.differences import Difference
from qaloom.text.lookalikes import LookAlike, look_alikes
from qaloom.text.normalize import comparison_key
from qaloom.text.postings import Postings
from qaloom.text.values import same_values
from qaloom.text.words import blocks_of, word_numbers

ASKED = 100  # look-alikes that are asked: an interval of ten points to either side at most
MOST_TAUGHT = 1000  # look-alikes that are kept for training
_NAMES_TAUGHT = 8  # of one question at most; asked with one, it counts once
_TRIED = 2000  # questions that are looked at for them
_SHARE_ASKED = 2 / 3  # of the questions and of the invented names; the rest is for training
_CODE = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
_WORD = re.compile(r"[A-Za-z0-9]+|[가-힣]{2,}")
_SPACES = re.compile(r"[^\S\n]+")
_TOGETHER = 10_000  # texts that are searched at once
_JOINED = str.maketrans(dict.fromkeys("-_"))
_DIGITS = re.compile(r"\d+")


class _Numbers(dict[str, tuple[int, ...]]):
    """The numbers of the words in what stands between two spaces: a cache; `of_word` has the words."""

    def __init__(self) -> None:
        super().__init__()
        self.of_word: dict[str, int] = {}

    def __missing__(self, written: str) -> tuple[int, ...]:
        number = self.of_word.setdefault
        self[written] = found = tuple(number(word, len(self.of_word)) for word in _WORD.findall(written))
        return found


class Mentioned:
    """Codes and numbers in the texts of a data set and, once a name is asked for, their letters run together.

    `questions` are those of the texts in which words are counted.
    """

    def __init__(self, texts: Sequence[str], questions: Sequence[str] = ()) -> None:
        self.texts, self.questions = texts, questions
        written = {word for _, words in blocks_of(texts) for word in words.distinct}  # between spaces
        codes = {*chain.from_iterable(map(_CODE.findall, written))}
        self.codes = {code.translate(_JOINED).casefold() for code in codes}
        self.numbers = {number for code in codes for number in _DIGITS.findall(code)}
        self.known: dict[str, bool] = {}

    @cached_property
    def letters(self) -> list[str]:
        """All texts in small letters without spaces, some thousands together, those in ASCII (half as large) apart."""
        ordered = sorted(self.texts, key=str.isascii)
        some = (ordered[at : at + _TOGETHER] for at in range(0, len(ordered), _TOGETHER))
        together = ("\n".join(texts).casefold().replace(" ", "") for texts in some)
        return [_SPACES.sub("", text) for text in together]

    @cached_property
    def times(self) -> dict[str, int]:
        """The number of questions that hold each word."""
        numbers = _Numbers()
        rows, held = word_numbers(self.questions, numbers)
        holding = Postings(held, rows, len(numbers.of_word))
        return dict(zip(numbers.of_word, np.diff(holding.starts).tolist(), strict=True))

    def common(self, text: str) -> int:
        """The number of questions that hold each word of a text, as far as is sure."""
        return min((self.times.get(word, 0) for word in _WORD.findall(text)), default=0)

    def nowhere(self, text: str, kind: str) -> bool:
        """Whether a name, number or code is mentioned nowhere."""
        lower = text.casefold()
        if kind == "number":
            return lower not in self.numbers
        if kind == "code":
            return lower.translate(_JOINED) not in self.codes
        name = lower.replace(" ", "")
        if name not in self.known:
            self.known[name] = any(name in letters for letters in self.letters)
        return not self.known[name]


def mentioned_in(placed: Sequence[Wording]) -> Mentioned:
    """Names and values that the rows of a split mention."""
    texts = [text for w in placed for text in (w.row.instruction, w.row.context, w.row.output) if text]
    return Mentioned(texts, [w.row.instruction for w in placed])


def is_for_asking(seed: int, text: str) -> bool:
    """Whether the look-alikes of a question, or an invented name, are for asking; else they are for training."""
    return hash_share(seed, "lookalike", text) < _SHARE_ASKED


def make_look_alikes(
    parents: Sequence[Wording],
    placed: Sequence[Wording],
    comparison: Comparison,
    seed: int,
    mentioned: Mentioned,
    use: Literal["asking", "training"] = "asking",
    most: int = ASKED,
) -> list[LookAlikeRow]:
    """At most `most` look-alikes of trained questions, the `parents`, in their order.

    `placed` are all rows of the split by id, `mentioned` is what they mention. Deterministic; added rows leave the
    others as they are, unless they mention what was put in.
    """
    made = _made(parents, placed, mentioned, seed, use == "asking")
    found: list[tuple[Wording, LookAlike]] = []
    asked: set[str] = set()
    for parent, look_alike in made:
        key = comparison_key(look_alike.question)
        if key not in asked:
            asked.add(key)
            found.append((parent, look_alike))
        if len(found) >= 2 * most:
            break
    known = _asking_for_what_is_known([one.question for _, one in found], placed, comparison)
    return [_row(*pair) for i, pair in enumerate(found) if i not in known][:most]


def in_turn(placed: Sequence[Wording], seed: int) -> list[Wording]:
    """The trained questions without a context, in the order of their hashes; equal ones in that of their ids."""
    trained = (w for w in placed if w.part == "train" and w.row.origin != "form" and not w.row.context)
    return sorted(trained, key=lambda w: hash_share(seed, "lookalike order", w.question))


def _made(
    parents: Sequence[Wording], placed: Sequence[Wording], mentioned: Mentioned, seed: int, asking: bool
) -> Iterator[tuple[Wording, LookAlike]]:
    if asking:
        parents = [w for w in parents if w.row.origin == "data"]
    reworded = {w.row.parent for w in parents}
    own = {w.row.id: w.question for w in placed if w.row.origin == "data" and w.row.id in reworded}
    # Further wordings of a question are on its side: a name that they share is replaced in all of them or in none.
    of_this_use = (w for w in parents if is_for_asking(seed, own.get(w.row.parent, w.question)) == asking)
    chosen = list(islice(of_this_use, _TRIED))
    rounds = range(1 if asking else _NAMES_TAUGHT)
    for number, parent in product(rounds, chosen):
        candidates = look_alikes(
            parent.row.instruction,
            seed + number,
            mentioned.nowhere,
            lambda name: is_for_asking(seed, name) == asking,
            mentioned.common,
        )
        if found := next(candidates, None):
            yield parent, found


def _asking_for_what_is_known(
    questions: Sequence[str], placed: Sequence[Wording], comparison: Comparison
) -> set[int]:
    """Positions of the questions that any row of the split asks, too."""
    made = [Statement(_unanswered(question)) for question in questions]
    near = near_question_pairs(made, placed, comparison.threshold)
    return {
        i
        for i, j in near
        if same_values(made[i].row.question, placed[j].row.question)
        and comparison.asked_alike(made[i], placed[j]) != Difference.OTHER
    }


def _unanswered(question: str) -> Row:
    return Row(row_id(question, "", ""), question, "", "", "", 0, "", "{}")


def _row(parent: Wording, found: LookAlike) -> LookAlikeRow:
    row = parent.row
    return LookAlikeRow(
        row_id(found.question, "", ""), found.question, row.id, found.replaced, found.put_in, found.kind
    )
