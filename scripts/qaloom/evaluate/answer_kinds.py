"""Kinds of answers, by the reference alone, and what each kind of answer must keep to be right.

- closed: yes, no, none or an abstention. Right when the answer is of the same class.
- short: up to 8 words and 40 characters. Right when it matches exactly, its figures too.
- long: any other. Right when it keeps the reference's figures, codes and names, denies what that denies, and
  shares at least half of its wording (ROUGE-L of 0.5).
"""

import re
from functools import lru_cache
from typing import Literal

from qaloom.text.closed_answers import closed_class
from qaloom.text.containment import denials
from qaloom.text.korean import morphemes
from qaloom.text.normalize import comparison_key

AnswerKind = Literal["short", "long", "closed"]
LEAST_ROUGE = 0.5  # answers of one FAQ to different questions share less than a quarter of their wording
_WORDS, _CHARACTERS = 8, 40  # of the longest short answer
_FIRST_CLAUSE = re.compile(r"[^,.!?;:\n，。！、]+")
_HANGUL = re.compile("[가-힣]")
_QUOTED = re.compile(r"[\"“]([^\"“”]{2,60})[\"”]|[「『《〈]([^」』》〉]{2,60})[」』》〉]")
# A word with a capital inside a sentence; an acronym anywhere.
_LATIN_NAME = re.compile(r"(?<![.!?:;]\s)(?<!^)\b[A-Z][A-Za-z]+\b|\b[A-Z]{2,}\b")


@lru_cache(maxsize=1 << 14)
def answer_kind(reference: str) -> AnswerKind:
    """The kind of answer that a reference asks for."""
    if closed_class(reference):
        return "closed"
    text = " ".join(reference.split())
    return "long" if len(text) > _CHARACTERS or text.count(" ") >= _WORDS else "short"


def class_of_answer(answer: str) -> str:
    """yes, no, none or abstention, of the whole answer or of its first clause: '예, 평일에 엽니다'; else empty."""
    if found := closed_class(answer):
        return found
    first = _FIRST_CLAUSE.match(answer.strip())
    return closed_class(first[0]) if first else ""


def names_kept(prediction: str, reference: str) -> bool:
    """Whether every name of the reference stands in the prediction: quoted, proper noun or capitalised word."""
    key = comparison_key(prediction).casefold()
    return all(comparison_key(name).casefold() in key for name in _names(reference))


def same_denial(prediction: str, reference: str) -> bool:
    """Whether both texts deny something, or neither does."""
    return bool(denials(prediction)) == bool(denials(reference))


def _names(text: str) -> set[str]:
    found = {"".join(groups) for groups in _QUOTED.findall(text)}
    found.update(_LATIN_NAME.findall(text))
    if _HANGUL.search(text):
        found.update(one.form for one in morphemes(text) if one.tag == "NNP")
    return found
