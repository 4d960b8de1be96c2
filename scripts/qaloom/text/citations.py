"""Whether what an answer says stands in a row: the ground for naming that row below it."""

import re

from qaloom.text.answerable import name_stands_in, stated_names, stated_values, words_missing
from qaloom.text.containment import denials, holds
from qaloom.text.content_words import stems
from qaloom.text.normalize import comparison_key

_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")
_LETTER = re.compile(r"[^\W_]")


def answer_sentences(answer: str) -> list[str]:
    """The sentences of an answer, without those of marks alone."""
    return [one.strip() for one in _SENTENCE.split(answer) if _LETTER.search(one)]


def says(row_question: str, row_answer: str, sentence: str) -> bool:
    """Whether a row says what a sentence says, letter by letter or in its values, names and content words.

    All of those must stand in the row, one of them in its answer, and both deny something or neither does.
    """
    if not _LETTER.search(sentence):
        return False
    if holds(row_answer, sentence):
        return True
    return not states_more(row_question, row_answer, sentence) and not words_missing(
        sentence, f"{row_question}\n{row_answer}"
    )


def states_more(row_question: str, row_answer: str, sentence: str) -> bool:
    """Whether a sentence holds a value or name that a row lacks, denies otherwise, or says nothing of its answer."""
    row = f"{row_question}\n{row_answer}"
    if not stated_values(sentence) <= stated_values(row_question) | stated_values(row_answer):
        return True
    if not all(name_stands_in(name, row) for name in stated_names(sentence)):
        return True
    if bool(denials(sentence)) != bool(denials(row_answer)):
        return True
    return not _shares(row_answer, sentence)


def _shares(row_answer: str, sentence: str) -> bool:
    """Whether a value or content word of a row's answer stands in a sentence; of an answer without any, all of it."""
    wanted = stems(row_answer)
    if not wanted:
        return comparison_key(row_answer) in comparison_key(sentence)
    return len(words_missing(row_answer, sentence)) < len(wanted)
