"""Built-in questions that the rows do not answer, for `training.abstain` beside the look-alikes.

They ask what people ask about documents of any organisation (`document_questions.txt`). Look-alikes teach that a
foreign name is not known; these teach that a plain question may be unknown, too.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from qaloom.files import digest
from qaloom.text.content_words import stems
from qaloom.text.language import language
from qaloom.train.tokenized import TextRow

DOCUMENT_QUESTIONS = Path(__file__).with_suffix(".txt")
_SHARE = 0.5  # of its content words in one row: that row may answer it
_HANGUL = re.compile("[가-힣]")


@cache
def built_in_questions() -> tuple[str, ...]:
    """The questions of the file, in an order that their texts alone decide; # begins a comment."""
    lines = DOCUMENT_QUESTIONS.read_text("utf-8").splitlines()
    return tuple(sorted((line for line in lines if line and not line.startswith("#")), key=digest))


def questions_without_answer(rows: Sequence[TextRow]) -> list[tuple[str, TextRow]]:
    """Questions that none of the rows may answer, each with a row of its language; the languages in proportion."""
    spoken = [language(row["instruction"]) for row in rows]
    of_language = {name: [r for r, s in zip(rows, spoken, strict=True) if s == name] for name in set(spoken)}
    by_word: dict[str, set[int]] = defaultdict(set)
    for number, row in enumerate(rows):
        for word in _words(f"{row['instruction']} {row['input']} {row['output']}"):
            by_word[word].add(number)
    placed = []
    counts: Counter[str] = Counter()
    for text in built_in_questions():
        some = of_language.get(language(text))
        if some and not _may_be_answered(text, by_word):
            number = counts[language(text)]
            counts[language(text)] += 1
            placed.append(((number + 1) / len(some), text, some[number % len(some)]))
    return [(text, row) for _, text, row in sorted(placed, key=lambda one: one[:2])]


def _may_be_answered(question: str, by_word: dict[str, set[int]]) -> bool:
    """Whether a row mentions half of what a question asks about."""
    words = _words(question)
    hits = Counter(row for word in words for row in by_word.get(word, ()))
    return max(hits.values(), default=0) >= _SHARE * len(words)


def _words(text: str) -> set[str]:
    """Content words; of Hangul ones the first two syllables, so that a compound counts as what it begins with."""
    return {word[:2] if _HANGUL.match(word) else word for word in stems(text)}
