"""Scores of one answer against its reference, from 0 to 1.

`SCORES` holds them in the order a report shows them. A score that cannot be computed is None, never 0, and
whether it can depends on the reference alone; `WHY_NOT` says why it then could not. `hf_modules/`
offers the same functions to other programs as a metric of the library evaluate, which returns means: the stage needs a
score an answer, and calls these.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache as once
from typing import Any, NamedTuple

from rapidfuzz.distance import LCSseq

from qaloom.evaluate.answer_kinds import (
    LEAST_ROUGE,
    answer_kind,
    class_of_answer,
    names_kept,
    same_denial,
)
from qaloom.text.korean import morphemes
from qaloom.text.normalize import comparison_key
from qaloom.text.values import Kind, values

# The marks that KorQuAD turns into spaces. No more than these: 「」, 『』 and “” stay, as in its script.
_KORQUAD_MARKS = str.maketrans(dict.fromkeys("'\"《》<>〈〉()‘’", " "))
_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation))
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_LEADING_FIGURE = re.compile(r"－?\d+(?:[^\w\s%‰°！]+\d+|_\d+)*")
_CODED = re.compile("[\\d#＃+－\ue041-\ue05a]")  # a digit, a grade's sign, a capital that counts
_JOINTS = re.compile("[-_/－＿／]")
_WORD = re.compile(r"[^\W_]+")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
# Written without spaces between words, or, as Korean, with endings on the words: Han, kana, Hangul.
_BY_CHARACTER = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7a3]")


def korquad_normal(text: str) -> str:
    """A text as KorQuAD 1.0 compares it: quotes and brackets to spaces, lower case, no ASCII punctuation.

    Source: `normalize_answer` of evaluate-v1.0.py, https://korquad.github.io/KorQuad%201.0/
    """
    return " ".join(text.translate(_KORQUAD_MARKS).lower().translate(_PUNCTUATION).split())


def squad_normal(text: str) -> str:
    """A text as SQuAD 1.1 compares it: lower case, no ASCII punctuation, no English articles.

    Source: `normalize_answer` of evaluate-v1.1.py, https://rajpurkar.github.io/SQuAD-explorer/
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, reference: str) -> float:
    """1 when both texts are equal after KorQuAD 1.0's normalisation, else 0.

    The official rules drop the point of 1.5 and the sign of -5; `number_accuracy` is what sees those.
    """
    return float(korquad_normal(prediction) == korquad_normal(reference))


def char_f1(prediction: str, reference: str) -> float:
    """F1 over characters without spaces, as KorQuAD 1.0 defines it (0 when nothing is left to compare)."""
    return _f1(korquad_normal(prediction).replace(" ", ""), korquad_normal(reference).replace(" ", ""))


def token_f1(prediction: str, reference: str) -> float:
    """F1 over words between spaces, as SQuAD 1.1 defines it (0 when nothing is left to compare)."""
    return _f1(squad_normal(prediction).split(), squad_normal(reference).split())


def contains_reference(prediction: str, reference: str) -> float | None:
    """1 when the reference stands in the prediction, else 0; None when the reference is only punctuation.

    Words are compared as `qaloom.text.normalize.comparison_key` writes them, so that 1.5 is not 15. Korean
    particles may
    follow the reference directly; a further digit or Latin letter may not (5 does not stand in 15).
    """
    wanted = _words(reference)
    if not wanted:
        return None
    return float(
        bool(
            re.search(
                _edge(wanted[0], "<") + re.escape(wanted) + _edge(wanted[-1], ""),
                _words(prediction),
            )
        )
    )


def number_accuracy(prediction: str, reference: str) -> float | None:
    """1 when the numbers and codes of the reference stand in the prediction in their order, else 0; None without any.

    Equal values in other notations are equal (3만 원 and 30,000원; see `qaloom.text.values`). Signs, decimals, the
    case of units and leading zeros matter; a unit that one of the two leaves out does not.
    """
    wanted = numbers_and_codes(reference)
    if not wanted:
        return None
    found = iter(numbers_and_codes(prediction))
    return float(all(any(_same_figure(figure, other) for other in found) for figure in wanted))


class Figure(NamedTuple):
    """One figure or code of a text, and the unit or counter right after it."""

    figure: str
    unit: str


def numbers_and_codes(text: str) -> list[Figure]:
    """The numbers and codes of a text in order: 1,200원 as 1200 and 원, KS-X-1 as ksx1."""
    found = []
    for value in values(text):
        if value.kind == Kind.CODE:
            if _CODED.search(value.text):
                found.append(Figure(_JOINTS.sub("", value.text), ""))
        elif value.kind != Kind.MARK:
            figure = _LEADING_FIGURE.match(value.text)
            end = figure.end() if figure else 0
            found.append(Figure(value.text[:end], value.text[end:]))
    return found


def _same_figure(one: Figure, other: Figure) -> bool:
    return one.figure == other.figure and (one.unit == other.unit or not one.unit or not other.unit)


def chrf(prediction: str, reference: str) -> float | None:
    """chrF++ of one answer, from 0 to 1: F2 over 1 to 6 characters and 1 to 2 words; None without one.

    By sacrebleu (Popović 2017, doi 10.18653/v1/W17-4770). A mean over answers is not the corpus score.
    """
    return _chrf().sentence_score(prediction, [reference]).score / 100 if reference.split() else None


def rouge_l(prediction: str, reference: str) -> float | None:
    """F1 over the longest common subsequence (Lin 2004); None without letter or digit to find.

    Of words; of morphemes (Kiwi) when the reference holds Hangul, where a word with its ending would count as
    another word; of characters when it holds Han or kana without Hangul.
    """
    text = unicodedata.normalize("NFC", reference).lower()
    parts = (
        _morphemes if _HANGUL.search(text) else _characters if _BY_CHARACTER.search(text) else _WORD.findall
    )
    wanted, predicted = parts(text), parts(unicodedata.normalize("NFC", prediction).lower())
    if not wanted:
        return None
    return 2 * LCSseq.similarity(predicted, wanted) / (len(predicted) + len(wanted))


def right(prediction: str, reference: str) -> float:
    """1 when the answer is right for its kind of reference, else 0; see `answer_kinds`."""
    kind = answer_kind(reference)
    if kind == "closed":
        return float(class_of_answer(prediction) == class_of_answer(reference))
    if exact_match(prediction, reference):
        return float(number_accuracy(prediction, reference) != 0)
    if kind == "short" or number_accuracy(prediction, reference) == 0:
        return 0.0
    alike = (rouge_l(prediction, reference) or 0.0) >= LEAST_ROUGE
    return float(alike and same_denial(prediction, reference) and names_kept(prediction, reference))


SCORES: dict[str, Callable[[str, str], float | None]] = {
    "right": right,
    "exact_match": exact_match,
    "char_f1": char_f1,
    "token_f1": token_f1,
    "chrf": chrf,
    "rouge_l": rouge_l,
    "contains_reference": contains_reference,
    "number_accuracy": number_accuracy,
}
# What every reference lacks when a score is None for all questions.
WHY_NOT = {
    "chrf": "no_text",
    "rouge_l": "no_word",
    "contains_reference": "no_word",
    "number_accuracy": "no_figure",
}


def scores(prediction: str, reference: str) -> dict[str, float | None]:
    """Every score of one answer, by name."""
    return {name: score(prediction, reference) for name, score in SCORES.items()}


def _f1(predicted: Iterable[str], wanted: Iterable[str]) -> float:
    predicted, wanted = Counter(predicted), Counter(wanted)
    same = (predicted & wanted).total()
    return 2 * same / (predicted.total() + wanted.total()) if same else 0.0


def _characters(text: str) -> str:
    return "".join(_WORD.findall(text))


def _morphemes(text: str) -> list[str]:
    return [one.form for one in morphemes(text) if _WORD.search(one.form)]


@once
def _chrf() -> Any:
    from sacrebleu.metrics import CHRF  # reads its word lists when it is imported

    return CHRF(word_order=2)


def _words(text: str) -> str:
    return " ".join(filter(None, (comparison_key(word) for word in text.split() if not _marks_alone(word))))


def _marks_alone(word: str) -> bool:
    return all(unicodedata.category(c)[0] in "PC" for c in word)


def _edge(character: str, behind: str) -> str:
    """A look-around that keeps a figure or a Latin word whole at this end of a match."""
    if character.isdigit():
        return rf"(?{behind}![\d.])"
    return rf"(?{behind}![a-z])" if character.isascii() and character.isalpha() else ""
