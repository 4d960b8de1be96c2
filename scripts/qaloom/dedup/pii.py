"""Personal data in texts: e-mail addresses, phone, Korean resident registration and card numbers."""

import re
from bisect import bisect
from collections.abc import Callable
from datetime import date
from operator import attrgetter
from typing import NamedTuple

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_PHONE = re.compile(
    r"(?<![\d-])(?:\+82[-. ]?(?:\(0\))?1[016789]|01[016789]|0(?:2|[3-6]\d|70|50\d))"
    r"[-. )]{0,2}\d{3,4}[-. ]?\d{4}(?![\d-])"
    r"|(?<![\w-])\+(?!82)\d{1,3}(?:[-. ]\(?\d{1,4}\)?){2,5}(?![\d-])"
    r"|(?<![\d-])\(\d{3}\) ?\d{3}-\d{4}(?![\d-])"
)
_RESIDENT = re.compile(r"(?<!\d)(\d{6})[-– ]?([1-8]\d{6})(?!\d)")
_CARD = re.compile(r"(?<![\d-])[3-6]\d{3}(?:[- ]?\d{4}){2}[- ]?\d{1,7}(?![\d-])")
_NINE_DIGITS = re.compile(r"\d(?:[-– .()]{0,3}\d){8}")  # the shortest phone number without a plus


class Found(NamedTuple):
    """A piece of personal data and its place in the text."""

    kind: str
    start: int
    end: int


def find_pii(text: str) -> list[Found]:
    """Personal data in a text, in order, without overlaps; kinds: resident_number, card, phone, email."""
    if "@" not in text and "+" not in text and not _NINE_DIGITS.search(text):
        return []
    found: list[Found] = []
    for kind, pattern, holds in _KINDS:
        before = list(found)
        for match in pattern.finditer(text):
            at = bisect(before, match.start(), key=_START)
            free = (not at or before[at - 1].end <= match.start()) and (
                at == len(before) or match.end() <= before[at].start
            )
            if free and holds(match):
                found.append(Found(kind, match.start(), match.end()))
        found.sort(key=_START)
    return found


_START = attrgetter("start")


def mask(text: str) -> str:
    """The text with each piece of personal data replaced by its kind in brackets."""
    pieces, end = [], 0
    for piece in find_pii(text):
        pieces += [text[end : piece.start], f"[{piece.kind}]"]
        end = piece.end
    return "".join([*pieces, text[end:]])


def _is_resident(match: re.Match[str]) -> bool:
    """A date that exists, and the check digit: 11 less the sum weighted 2 to 9, 2 to 5 (mod 11), mod 10.

    Numbers given out since October 2020 carry no check digit; those are not found.
    """
    digits = match[1] + match[2]
    century = {"1": 1900, "2": 1900, "5": 1900, "6": 1900}.get(digits[6], 2000)
    try:
        date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return False
    total = sum(int(d) * w for d, w in zip(digits, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), strict=False))
    check = (11 - total % 11) % 10
    if digits[6] in "5678":  # foreigners
        check = (13 - total % 11) % 10
    return check == int(digits[12])


def _is_card(match: re.Match[str]) -> bool:
    """Thirteen to nineteen digits with Luhn's check digit."""
    digits = [int(c) for c in match[0] if c.isdigit()]
    doubled = (sum(divmod(2 * d, 10)) for d in digits[-2::-2])
    return 13 <= len(digits) <= 19 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _always(match: re.Match[str]) -> bool:
    return True


_KINDS: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
    ("resident_number", _RESIDENT, _is_resident),
    ("card", _CARD, _is_card),
    ("email", _EMAIL, _always),
    ("phone", _PHONE, _always),
)
