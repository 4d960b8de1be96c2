"""Words of a text that must be read together: 5 March, 오후 6시, 10 km, 1, 2, twenty five.

All other words have the same comparison key in every text, so keys are made word by word and remembered. A
word's class is two letters: how it may be read with the word before it (small) and with the one after it (large).
"""

import re

from qaloom.text import dates, numbers, units

_DIGIT = re.compile("[0-9]")
_JOINING = frozenset("-~∼〜–—/:×,(.+")
_MAGNITUDES = frozenset("십백천만억조")
_LEADING = (
    frozenset(
        (
            "오전",
            "오후",
            "새벽",
            "아침",
            "한낮",
            "낮",
            "저녁",
            "밤",
            "영하",
            "제",
            "$",
            "₩",
            "€",
            "£",
            "¥",
            "US$",
        )
    )
    | units.CURRENCY_CODES
)
_LETTER = re.compile("[A-Z](?![A-Za-z])")
_HALF = re.compile(r"[ap]\.?m(?![A-Za-z])", re.I)
_HALF_PAST = ("반", "정각")
_STRIP = " \t\n\"'“”‘’()[]{}<>,.;:?!"
_FIRST_LETTERS = re.compile(r"[A-Za-zμΩ]+|[가-힣]+|°")
_NUMERAL_START = re.compile(r"\A[^가-힣\w]*+[일이삼사오육칠팔구]?[십백천만억]")

# Classes of neighbours side by side: a word's large letter and the small one (or the point) of the word after it,
# where the two are read together.
BOUND = re.compile(
    "[ADGHLMNOTUX](?:(?<=[DN])[scrmonphx]|(?<=[GT])x|(?<=[XLMH])[scn]|(?<=T)[sch]|(?<=O)m|(?<=U)[csm]|(?<=N).|(?<=[AGLTUX])n"
    "|(?<=X)x)"
)


def word_class(word: str) -> str:
    """Two letters for how a word is read with its neighbours; '.Z' for most words, which stand alone."""
    if not any(map(str.isalnum, word)):
        return ("x" if _JOINING.intersection(word) or word in "°" else "r") + (
            "L" if word in _LEADING else "X"
        )
    bare = word.strip(_STRIP)
    if _is_number_word(bare) or _NUMERAL_START.match(word):
        return "nN"
    return _digit_class(word) if _DIGIT.search(word) else _letter_class(word, bare)


def _is_number_word(bare: str) -> bool:
    if bare.isascii():
        return any(part in numbers.ENGLISH_WORDS for part in bare.lower().split("-"))
    return bare in numbers.NATIVE_WORDS


def _digit_class(word: str) -> str:
    first = next(c for c in word if c.isalnum())
    last = next(c for c in reversed(word) if c.isalnum())
    starts = first.isdigit() or word[0] in _JOINING
    ends = (
        last.isdigit()
        or word[-1] in _JOINING
        or last in _MAGNITUDES
        or word.endswith(("분의", "st", "nd", "rd", "th"))
    )
    left = ("c" if _CODE_END.match(word) else "s") if starts else "r" if _SQUARED.match(word) else "."
    if ends:
        return left + "D"
    return left + ("T" if "시" in word else "U" if "A" <= last <= "Z" else "G")


_SQUARED = re.compile(r"[kcm]?m\^?[23]")
_CODE_END = re.compile(r"^\W*\d+[A-Z]")


def _letter_class(word: str, bare: str) -> str:
    left = "."
    found = _FIRST_LETTERS.match(bare)
    if bare.lower().rstrip(".") in dates.MONTH_NAMES:
        return "mL"
    if bare in ("of", "and"):
        return "oO" if bare == "of" else ".A"
    if bare in _LEADING or bare.endswith("하"):
        return "rL" if bare in units.CURRENCY_CODES else ".L"
    if _LETTER.match(bare):
        left = "c"
    elif bare.startswith(_HALF_PAST):
        left = "h"
    elif _HALF.match(bare):
        left = "p"
    elif bare[:1] in _MAGNITUDES or (found and units.begins_with_unit(found[0])):
        left = "r"
    return left + ("H" if word[-1] == "-" else "U" if "A" <= bare[-1:] <= "Z" else "Z")
