"""Keyword forms of a question: some of its content words, which together stand in no question with another answer.

`Where is the covered bicycle shed?` becomes `covered bicycle shed`, `bicycle shed` and `shed covered?`. Words with a
digit, and words such as above or 이상, are in every form, and no form is a single word; a question that denies
something has none.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from qaloom.records import Row
from qaloom.text.content_words import stems
from qaloom.text.facts import polarity
from qaloom.text.keywords import search_words
from qaloom.text.normalize import comparison_key

_FEWEST = 2  # words of a form
_TRIES = 6  # draws for each form that is wanted
_COMMON = 2_000  # rows; words that all stand in more are not looked at
_LONGEST = 12  # letters of a run of Hangul whose parts count as words


class KeywordForms:
    """The keyword forms of some rows, which know all questions of the data set."""

    def __init__(self, rows: Sequence[Row]):
        self._answers = [comparison_key(row.output) for row in rows]
        self._words = {row.id: search_words(row.instruction) for row in rows}
        self._rows_with = _rows_with(self._words, rows)

    def of(self, row: Row, most: int) -> list[str]:
        """At most `most` forms: all words in order, then parts of them by turns in order and shuffled."""
        words = self._words.get(row.id, [])
        if len(words) < _FEWEST or polarity(row.instruction)[0]:
            return []
        answer, found = comparison_key(row.output), dict[str, None]()
        for chosen in _parts(words, most, Random(row.id)):
            if len(found) == most:
                break
            text = _typed(chosen, words)
            # Alone, a word may deny what the question does not: 며칠 안에 as 안.
            if self._names(chosen, answer) and not polarity(text)[0]:
                found[text] = None
        own = comparison_key(row.instruction)
        return [text for text in found if comparison_key(text) != own]

    def _names(self, words: Sequence[str], answer: str) -> bool:
        """Whether every question that holds all the words has this answer."""
        few, *others = sorted((self._rows_with[word] for word in words), key=len)
        if len(few) > _COMMON:
            return False
        return all(self._answers[at] == answer for at in few.intersection(*others))


def _parts(words: Sequence[str], most: int, random: Random) -> Iterator[list[str]]:
    """All words, then draws of some of them; what must stay stays, and every second draw is shuffled."""
    kept = [word for word in words if _must_stay(word)]
    yield list(words)
    for number in range(_TRIES * most):
        some = set(random.sample(words, random.randint(_FEWEST, len(words)))) | set(kept)
        drawn = [word for word in words if word in some]
        yield random.sample(drawn, len(drawn)) if number % 2 else drawn


def _must_stay(word: str) -> bool:
    _, english, korean = polarity(word)
    return any(map(str.isdigit, word)) or bool(english or korean)


def _typed(chosen: Sequence[str], words: Sequence[str]) -> str:
    """Words in another order than the question's end in a question mark, as both are typed."""
    in_order = [word for word in words if word in chosen] == list(chosen)
    return " ".join(chosen) + ("" if in_order else "?")


def _rows_with(words_of: Mapping[str, Sequence[str]], rows: Sequence[Row]) -> Mapping[str, set[int]]:
    """The positions of the rows whose question holds a word: as a word, its plural, or a part of a run of Hangul."""
    found: dict[str, set[int]] = {word: set() for words in words_of.values() for word in words}
    keys = defaultdict(list)
    for word in found:
        keys[_key(word)].append(word)
    for at, row in enumerate(rows):
        tokens = {part for token in row.question.split() for part in _held(token)}
        for word in (word for token in tokens for word in keys.get(token, ())):
            found[word].add(at)
    for at, row in enumerate(rows):  # verbs, whose noun does not stand in the question
        for word in words_of[row.id]:
            found[word].add(at)
    return found


def _held(token: str) -> Iterator[str]:
    bare = token.strip("?.!,;:()\"'“”‘’")
    yield _key(bare)
    if not bare.isascii() and len(bare) <= _LONGEST:
        size = len(bare)
        yield from (bare[i:j].casefold() for i in range(size) for j in range(i + 1, size + 1))


def _key(word: str) -> str:
    return next(iter(stems(word)), word.casefold()) if word.isascii() else word.casefold()
