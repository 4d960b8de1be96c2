"""Personal data in texts: e-mail addresses, phone and card numbers, and Korean registration and licence numbers."""

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
# Business registration (with its check digit) and driver's licence, whose first two digits are an authority's.
_BUSINESS = re.compile(r"(?<![\d-])\d{3}[-–]\d{2}[-–]\d{5}(?![\d-])")
_LICENCE = re.compile(r"(?<![\d-])(?:1[1-9]|2[0-8])[-–]\d{2}[-–]\d{6}[-–]\d{2}(?![\d-])")
# Numbers of eight digits that a company answers nationwide; 1588-1594 may as well be years.
_NATIONWIDE = re.compile(
    r"(?<![\d.,-])(1(?:5(?:22|33|44|66|77|88|99)|6(?:00|44|55|61|66|70|88)|8(?:00|11|33|55|77|99)))"
    r"[-–. ]?(\d{4})(?![\d-]|[.,]\d)"
)
_CALLS = re.compile(r"전화|고객|센터|콜|문의|연락|대표|☎|\b(?:tel|phone|call|hotline)\b", re.IGNORECASE)
_NAMED_RESIDENT = re.compile(r"주민|외국인|등록\s*번호|거소|resident|foreigner|registration", re.IGNORECASE)
_NEAR = 30  # characters before a number in which it may be named
_EIGHT_DIGITS = re.compile(r"\d(?:[-– .()]{0,3}\d){7}")  # the shortest number without a plus


class Found(NamedTuple):
    """A piece of personal data and its place in the text."""

    kind: str
    start: int
    end: int


def find_pii(text: str) -> list[Found]:
    """Personal data in a text, in order, without overlaps; the kinds are those of `_KINDS`."""
    if "@" not in text and "+" not in text and not _EIGHT_DIGITS.search(text):
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
    """A number of a resident or foreigner: a date of birth that exists, and the check digit where there is one.

    Numbers given out since 5 October 2020 carry no check digit: those of people born since, and of others where
    the text names what the number is. Both are written with a hyphen then.
    """
    digits = match[1] + match[2]
    born = _birth(digits)
    if born is None:
        return False
    if _has_check_digit(digits):
        return True
    hyphen = match[0][6] in "-–"
    recent = _NO_CHECK_DIGIT <= born < _UNBORN and digits[6] in "3478"
    return hyphen and (recent or bool(_NAMED_RESIDENT.search(_before(match))))


_NO_CHECK_DIGIT, _UNBORN = date(2020, 10, 5), date(2040, 1, 1)


def _birth(digits: str) -> date | None:
    century = 1900 if digits[6] in "1256" else 2000
    try:
        return date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return None


def _has_check_digit(digits: str) -> bool:
    """11 (for foreigners 13) less the sum weighted 2 to 9, 2 to 5 (mod 11), mod 10."""
    total = sum(int(d) * w for d, w in zip(digits, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), strict=False))
    start = 13 if digits[6] in "5678" else 11
    return (start - total % 11) % 10 == int(digits[12])


def _before(match: re.Match[str]) -> str:
    """The text just before a match, in which it may be named."""
    return match.string[max(0, match.start() - _NEAR) : match.start()]


def _is_business(match: re.Match[str]) -> bool:
    """Ten digits with the check digit of a business registration: weights 1, 3, 7 in turn, the ninth 5."""
    digits = [int(c) for c in match[0] if c.isdigit()]
    total = (
        sum(d * w for d, w in zip(digits, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=False)) + digits[8] * 5 // 10
    )
    return (10 - total % 10) % 10 == digits[9]


def _is_nationwide(match: re.Match[str]) -> bool:
    """A number to call: with a hyphen and no span of years, or named as one."""
    if _CALLS.search(_before(match)):
        return True
    first, second = int(match[1]), int(match[2])
    return match[0][4] in "-–" and not first < second <= first + 300


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
    ("licence_number", _LICENCE, _always),
    ("business_number", _BUSINESS, _is_business),
    ("phone", _NATIONWIDE, _is_nationwide),
)
