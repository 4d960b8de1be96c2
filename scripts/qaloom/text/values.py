"""The typed values of a text: numbers, dates, times, dotted sequences, amounts with units, codes, operators, emoji.

Each is read in the one notation of `canonical_notation` and with the marks and capitals of `marks`, so equal values in
other notations are equal, and different ones never are. What can be read in two ways (2,5; 03/04/2024) is a
value of its own. `same_values` asks whether two texts hold the same ones.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from qaloom.text import units
from qaloom.text.canonical import canonical_notation
from qaloom.text.characters import normal
from qaloom.text.marks import UNCASED, marked
from qaloom.text.normalize import comparison_key


class Kind(StrEnum):
    """Kinds of values."""

    NUMBER = "number"  # 3, -5, 1.5, 30000, with its unit or counter: 10km, 3일
    SEQUENCE = "sequence"  # 192.168.1.11, 1/2, 1:1, 3~5, 2,5
    CODE = "code"  # AB-12X, KS-X-1, TCP, A+, CO, MW
    MARK = "mark"  # an operator, a symbol, an emoji


class Value(NamedTuple):
    """One value of a text, in the notation that stands for all; a kept mark or capital as its stand-in."""

    kind: Kind
    text: str


_LATIN = "A-Za-z\ue041-\ue05a"
_JOINED = "[.,:/~^_×；，／：－＿･]"
_COUNTER = (
    "(?:원|달러|유로|엔|초|분|시간|시|일|주|개월|월|분기|년|도|명|개|층|회|호|조|항|번|대|배|점|쪽"
    "|세|살|가지|달)"
)
_VALUE = re.compile(
    rf"(?P<word>[{_LATIN}][{_LATIN}0-9]*+(?:[-－＿][{_LATIN}0-9]++|(?<=\d)\.\d++)*+(?:[#＃+]++|－(?![{_LATIN}0-9]))?+)"
    rf"|(?P<number>－?+\d++(?P<more>(?:{_JOINED}\d++)*+)(?:\s?[%‰]|！|\s?{_COUNTER}"
    rf"|(?P<unit>°?[{_LATIN}μΩ\ue3a9]++(?:\^\d|[/／][a-z]{{1,4}})*+)(?P<rest>[{_LATIN}0-9]*+))?+)"
    r"|(?P<mark>[^\w\s.,;:?'\"()\[\]{}·…“”‘’「」『』《》〈〉、。!*/\\@#\ufe0e\ufe0f\u200d-])"
)
_CAPITALS = re.compile(r"\A(?:[A-Z]{2,}+[a-z]?+|[B-HJ-Z])\Z")
_CODED = re.compile(r"[\d#＃+－＿\ue041-\ue05a]")


@lru_cache(maxsize=1 << 12)
def _read(text: str) -> str:
    return marked(canonical_notation(text))


@lru_cache(maxsize=1 << 16)
def values(text: str) -> tuple[Value, ...]:
    """The values of a text in their order, codes casefolded but for the capitals that count."""
    return tuple(_values(_read(text)))


def _values(text: str) -> Iterator[Value]:
    for match in _VALUE.finditer(text):
        found, kind = match[0], match.lastgroup
        if kind == "mark":
            yield Value(Kind.MARK, found)
        elif kind == "word":
            if _CAPITALS.match(found) or _CODED.search(found):
                yield Value(Kind.CODE, found.casefold())
        elif match["rest"] or (
            match["unit"] and not units.is_unit(match["unit"].lstrip("°").translate(UNCASED))
        ):
            yield Value(Kind.CODE, found.casefold())
        else:
            yield Value(Kind.SEQUENCE if match["more"] else Kind.NUMBER, "".join(found.split()).casefold())


def same_values(one: str, other: str) -> bool:
    """Whether two texts hold the same values in the same order, in whatever notation.

    A code is compared with the words of the other text that it may be: AB-12X with AB 12X, USB with usb.
    """
    if one == other:
        return True
    if figures(one) != figures(other):
        return False
    return same_codes(one, other) and (
        _worded(one) or _worded(other) or comparison_key(one) == comparison_key(other)
    )


def figures(text: str) -> list[str]:
    """Numbers, sequences and marks in order, and the digits of codes among them."""
    found: list[str] = []
    for value in values(text):
        found += _DIGITS.findall(value.text) if value.kind == Kind.CODE else [value.text]
    return found


_DIGITS = re.compile(r"\d+")
_WORDED = re.compile(r"[^\W_]")


def _worded(text: str) -> bool:
    return _WORDED.search(text) is not None


def same_numbers(one: str, other: str) -> bool:
    """Whether two texts hold the same numbers, sequences, operators and ordinals in the same order."""
    return figures(one) == figures(other) and _ordinals(one) == _ordinals(other)


_ORDINAL = re.compile(
    r"\b(?:one|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|once|twice|half|quarter|dozen"
    r"|zero)\b|(?:첫|둘|셋|넷|다섯)째|첫(?=\s)"
)


def _ordinals(text: str) -> list[str]:
    return sorted(_ORDINAL.findall(normal(text).lower()))


def same_codes(one: str, other: str) -> bool:
    """Whether words that look like a code in either text are in both, however spaced or hyphenated."""
    codes = {
        part
        for text in (one, other)
        for value in values(text)
        if value.kind == Kind.CODE
        for part in _PART.findall(value.text)
    }
    return not codes or _only(codes, one) == _only(codes, other)


_PART = re.compile(rf"[{_LATIN}0-9＿]+[#＃+－]*")


def _only(codes: set[str], text: str) -> str:
    words = _PART.findall(_read(text).casefold())
    return "".join(word for word in words if word in codes)
