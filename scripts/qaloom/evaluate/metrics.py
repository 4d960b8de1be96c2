"""Scores of one answer against its reference, from 0 to 1.

`SCORES` holds them in the order a report shows them. A score that cannot be computed is None, never 0, and
whether it can depends on the reference alone; `WHY_NOT` says why it then could not. `hf_modules/`
offers the same functions as a module of the library evaluate.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache as once
from typing import Any

from rapidfuzz.distance import LCSseq

from qaloom.text.normalize import comparison_key

# The marks that KorQuAD turns into spaces. No more than these: 「」, 『』 and “” stay, as in its script.
_KORQUAD_MARKS = str.maketrans(dict.fromkeys("'\"《》<>〈〉()‘’", " "))
_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation))
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NUMBER = re.compile(r"(?<![\w)\]])[-−](?=\d)|\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)*|\d+(?:\.\d+)*")
# A letter first, or 10GB would be one; parts joined by what joins the parts of an article number.
_CODE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]*(?:[-_/.][A-Za-z0-9]+)*")
_WORD = re.compile(r"[^\W_]+")
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

    Words are compared by `qaloom.text.normalize.comparison_key`, so that 1.5 is not 15. Korean particles may
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
    """1 when every number and code of the reference stands in the prediction, else 0; None without any.

    Full-width digits and thousands separators do not matter; signs, decimals and leading zeros do.
    Numbers in words do not count, and 3만 is the number 3.
    """
    wanted = numbers_and_codes(reference)
    return float(wanted <= numbers_and_codes(prediction)) if wanted else None


def numbers_and_codes(text: str) -> set[str]:
    """Numbers and codes in a text: 1,200 as 1200, 1.5 as 1.5, 2024.3.5 as 2024, 3 and 5, -5 as -5.

    A code is a letter and what follows it without a space, if a digit is in it: KS-X-1 as ksx1, B2 as b2.
    """
    text = unicodedata.normalize("NFKC", text)
    found: set[str] = set()

    def code(match: re.Match[str]) -> str:
        if not any(map(str.isdigit, match[0])):
            return match[0]
        found.add(re.sub(r"[-_/]", "", match[0]).lower())
        return " "

    rest, sign = _CODE.sub(code, text), ""
    for run in _NUMBER.findall(rest):
        if run in "-−":
            sign = "-"
            continue
        run = run.replace(",", "")
        parts = [run] if run.count(".") < 2 else run.split(".")
        found.update([sign + parts[0], *parts[1:]])
        sign = ""
    return found


def chrf(prediction: str, reference: str) -> float | None:
    """chrF++ of one answer, from 0 to 1: F2 over 1 to 6 characters and 1 to 2 words; None without one.

    By sacrebleu (Popović 2017, doi 10.18653/v1/W17-4770). A mean over answers is not the corpus score.
    """
    return _chrf().sentence_score(prediction, [reference]).score / 100 if reference.split() else None


def rouge_l(prediction: str, reference: str) -> float | None:
    """F1 over the longest common subsequence (Lin 2004); None without letter or digit to find.

    Of words; of characters without spaces when the reference holds Hangul, Han or kana, where a word with
    its ending would count as another word.
    """
    text = unicodedata.normalize("NFC", reference).lower()
    parts = _characters if _BY_CHARACTER.search(text) else _WORD.findall
    wanted, predicted = parts(text), parts(unicodedata.normalize("NFC", prediction).lower())
    if not wanted:
        return None
    return 2 * LCSseq.similarity(predicted, wanted) / (len(predicted) + len(wanted))


SCORES: dict[str, Callable[[str, str], float | None]] = {
    "exact_match": exact_match,
    "char_f1": char_f1,
    "token_f1": token_f1,
    "chrf": chrf,
    "rouge_l": rouge_l,
    "contains_reference": contains_reference,
    "number_accuracy": number_accuracy,
}
# What every reference lacks where a score is None for all questions.
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


@once
def _chrf() -> Any:
    from sacrebleu.metrics import CHRF  # reads its word lists when it is imported

    return CHRF(word_order=2)


def _words(text: str) -> str:
    return " ".join(filter(None, map(comparison_key, text.split())))


def _edge(character: str, behind: str) -> str:
    """A look-around that keeps a figure or a Latin word whole at this end of a match."""
    if character.isdigit():
        return rf"(?{behind}![\d.])"
    return rf"(?{behind}![a-z])" if character.isascii() and character.isalpha() else ""
