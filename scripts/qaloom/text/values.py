"""The typed values of a text: numbers, dates, times, dotted sequences, amounts with units, codes, operators, emoji.

`canonical` writes each value in one notation (30,000원, 3만 원 and ₩30,000 as 30000원; 1998.3.5. as 1998년 3월 5일;
10 km as 10km; ㎡ and m² as m^2), so that equal values read the same. `marked` then puts a stand-in for each
mark that tells values apart (the / of 1/2, the , of 2,5, the - of A-, the # of C#, the capitals of MW), which
the comparison key keeps while it drops all other marks. `values` lists what a text holds, and `same_values`
compares two texts by it. What can be read in two ways (2,5; 03/04/2024) is a value of its own.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from qaloom.text import dates, numbers, units
from qaloom.text.characters import normal


class Kind(StrEnum):
    """What a value is."""

    NUMBER = "number"  # 3, -5, 1.5, 30000, with its unit or counter: 10km, 3일
    SEQUENCE = "sequence"  # 192.168.1.11, 1/2, 1:1, 3~5, 02-123-4567, 2,5
    CODE = "code"  # AB-12X, KS-X-1, TCP, A+, CO, MW
    MARK = "mark"  # an operator, a sign, an emoji


class Value(NamedTuple):
    """One value of a text, in the notation that stands for all."""

    kind: Kind
    text: str


_DIGIT = re.compile(r"\d")
_THOUSANDS = re.compile(r"(?<![\d,])(?<!\d\.)\d++(?:,\d++)++")
_WELL_FORMED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")
_RANGE = re.compile(r"(?<=\d)(\s?[가-힣%A-Za-z°]{0,3})\s?[~∼〜–—]\s?(?=\d)")
_SAME_UNIT = re.compile(
    r"(?<![\d.])(\d++(?:\.\d++)?+)(%|원|일|개월|년|월|시간|분|초|명|회|개|[a-zA-Z]{1,3})~(\d++(?:\.\d++)?+)\2"
)
_TO = re.compile(
    r"(?<![\d.,/:~-])(\d++)-(\d++)(?=\s?(?:%|일|개월|년(?!도)|주|시간|분|명|회|개|원|세|℃|°|(?:days?|weeks?|months?|years?|hours?"
    r"|minutes?|seconds?|times|people|percent)\b|(?:kg|g|mg|km|cm|mm|m|L|mL|W|kW|V|A|Hz)(?![A-Za-z])))"
)
_FRACTION = re.compile(r"(?<![\d.])(\d++)\s?분의\s?(\d++)|(?<=\d)\s?/\s?(?=\d)")
_RATIO = re.compile(r"(?<=\d)\s?:\s?(?=\d)")
_BELOW_ZERO = re.compile(r"영하\s?(?=\d)")
_LEADING_POINT = re.compile(r"(?<![\w.)])\.(?=\d)")
_DEGREES = re.compile(r"(?<=\d)\s?°\s?([cf])(?![a-z])", re.I)
_PHONE = re.compile(
    r"(?:(?<![\d+-])\(?(0(?:2|[3-6][1-5]|1[016-9]|70|80|50\d))|(?<![\d\w])\+82[\s.-]?\(?0?\)?(2|[3-6][1-5]|1[016-9]|70))"
    r"[)\s.-]{0,2}(\d{3,4})[\s.-]?(\d{4})(?![\d-])"
)


@lru_cache(maxsize=1 << 12)
def canonical(text: str) -> str:
    """A text in NFKC with its values in one notation each; the words stay as they are."""
    text = normal(text)
    if "," in text:
        text = _THOUSANDS.sub(_grouped, text)
    text = numbers.in_digits(text)
    if not _DIGIT.search(text):
        return text
    if "0" in text or "+" in text:
        text = _PHONE.sub(lambda m: f"0{m[2]}{m[3]}{m[4]}" if m[2] else f"{m[1]}{m[3]}{m[4]}", text)
    text = dates.one_notation(text)
    text = units.in_symbols(text)
    return _one_notation(text)


def _one_notation(text: str) -> str:
    """The notations that are told by one character in a text with digits."""
    if "-" in text:
        text = _TO.sub(_range, text)
    if not text.isascii():
        text = _RANGE.sub(r"\1~", text)
        if "영하" in text:
            text = _BELOW_ZERO.sub("-", text)
        if "°" in text:
            text = _DEGREES.sub(lambda m: "°" + m[1].upper(), text)
    elif "~" in text:
        text = _RANGE.sub(r"\1~", text)
    if "~" in text:
        text = _SAME_UNIT.sub(r"\1~\3\2", text)
    if "/" in text or "분의" in text:
        text = _FRACTION.sub(lambda m: f"{m[2]}/{m[1]}" if m[1] else "/", text)
    if ":" in text:
        text = _RATIO.sub(":", text)
    return _LEADING_POINT.sub("0.", text) if "." in text else text


def _grouped(match: re.Match[str]) -> str:
    """1,234,567 without its commas; 1,2,3 as the list 1, 2, 3; 2,5 as it is, since it may be either."""
    run = match[0]
    if _WELL_FORMED.fullmatch(run):
        return run.replace(",", "")
    return run.replace(",", ", ") if run.count(",") > 1 else run


def _range(match: re.Match[str]) -> str:
    """3-5일 as 3~5일, where it rises and nothing makes it a code or a part of an address."""
    rises = int(match[1][-9:]) < int(match[2][-9:]) and match[1][0] != "0"
    return (
        f"{match[1]}~{match[2]}"
        if rises and not _CODED.search(match.string[: match.start()][-1:])
        else match[0]
    )


_CODED = re.compile(r"[A-Za-z제]")


# --- marks that tell values apart ---------------------------------------------------------------------

_FULL_WIDTH = 0xFEE0  # from an ASCII mark to its full-width form, which NFKC leaves in no text
_RELATIONS = (("!=", "≠"), ("<>", "≠"), ("<=", "≤"), (">=", "≥"))
_APART = re.compile(r"(?<=\d)[^\w.%‰+]++(?=[\d])|(?<=\d)\.[^\w.]++(?=\d)")
_KEPT = re.compile(
    r"(?<=\w)/(?=\w)|(?<!\w)/(?=[A-Za-z])|\\(?=[A-Za-z])|&|@(?=[A-Za-z])|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])"
    r"|(?<=[A-Za-z])#+|#(?=[A-Za-z0-9])|(?<=\d)!|(?<=\b[A-Za-z])!|(?<!\w)!(?=[A-Za-z(])"
    r"|(?<![\w)\]-])--?(?=[A-Za-z0-9])|(?<=\b[A-Za-z])-(?![\w-])|(?<=\b[A-Za-z][A-Za-z])-(?![\w-])|(?<=\d)-(?![\w-])"
    r"|(?<=\b[A-Za-z])-(?=[가-힣])|(?<=[\w)])\s?\*{1,2}\s?(?=[\d(])|(?<=\b[A-Za-z])\s?\*{1,2}\s?(?=[A-Za-z]\b)"
    r"|(?<=\d)\s?\*{1,2}\s?(?=[A-Za-z]\b)"
)
_MAY_KEEP = re.compile(r"[!#&*/@\\_-]")
_POINTER = re.compile(r"(?<![\w*])\*{1,2}(?=[A-Za-z_])")
_EMPHASIS = re.compile(r"(?<=[^\s*])\*{1,3}(?!\w)")
_INTERVAL = re.compile(r"([(\[])(\s?[-−]?[\w.∞]{1,12}\s?,\s?[-−]?[\w.∞+]{1,12}\s?)([)\]])")
_CAPITALS = re.compile(r"(?<![A-Za-z])[A-Za-zμΩ]{0,3}[A-ZΩ][A-Za-zμΩ]{0,3}(?![A-Za-z])")
_CASED = {ord(c): 0xE000 + ord(c) for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZΩ"}


def marked(text: str) -> str:
    """A canonical text with stand-ins for the marks and the capitals that tell values apart."""
    if "−" in text:
        text = text.replace("−", "-")
    if "=" in text or ">" in text:
        for written, relation in _RELATIONS:
            text = text.replace(written, relation)
    if "[" in text or "]" in text:
        text = _INTERVAL.sub(_interval, text)
    text = _APART.sub(_stand_in, text)
    if _MAY_KEEP.search(text):
        text = _KEPT.sub(_stand_in, text)
        if "*" in text and not _EMPHASIS.search(text):
            text = _POINTER.sub(_stand_in, text)
    return text if text.islower() else _cased(text)


def _cased(text: str) -> str:
    korean = _HANGUL.search(text) is not None

    def keep(match: re.Match[str]) -> str:
        before = text[max(0, match.start() - 12) : match.start()]
        return match[0].translate(_CASED) if units.case_matters(match[0], before, korean) else match[0]

    return _CAPITALS.sub(keep, text)


_HANGUL = re.compile("[가-힣]")


def _stand_in(match: re.Match[str]) -> str:
    """The marks in full width; a gap between two digits is one that a space or a list's comma makes."""
    marks = "".join(match[0].split())
    if marks == "," and marks != match[0]:
        return "；"
    if not marks or marks == ".":
        return "\uff65"
    if marks == "*":
        return "×" if match.re is _APART else "＊"
    return "".join(chr(ord(c) + _FULL_WIDTH) if "!" <= c < "~" and c not in "+<=>^`|$" else c for c in marks)


def _interval(match: re.Match[str]) -> str:
    opening, inner, closing = match.groups()
    if opening == "(" and closing == ")":
        return match[0]
    return f"{chr(ord(opening) + _FULL_WIDTH)}{inner}{chr(ord(closing) + _FULL_WIDTH)}"


# --- the values themselves ----------------------------------------------------------------------------

_LATIN = "A-Za-z\ue041-\ue05a"
_JOINED = "[.,:/~^_×；，／：－＿･]"
_COUNTER = "(?:원|달러|유로|엔|초|분|시간|시|일|주|개월|월|분기|년|도|명|개|층|회|호|조|항|번|대|배|점|쪽|세|살|가지|달)"
_VALUE = re.compile(
    rf"(?P<word>[{_LATIN}][{_LATIN}0-9]*+(?:[-－＿][{_LATIN}0-9]++)*+(?:[#＃+]++|－(?![{_LATIN}0-9]))?+)"
    rf"|(?P<number>－?+\d++(?P<more>(?:{_JOINED}\d++)*+)(?:[%‰！]|\s?{_COUNTER}"
    rf"|(?P<unit>°?[{_LATIN}μΩ\ue3a9]++(?:\^\d|[/／][a-z]{{1,4}})*+)(?P<rest>[{_LATIN}0-9]*+))?+)"
    r"|(?P<mark>[^\w\s.,;:?'\"()\[\]{}·…“”‘’「」『』《》〈〉、。!*/\\@#\ufe0e\ufe0f\u200d-])"
)
_CODE = re.compile(r"[A-Z]{2,}[a-z]?|[B-HJ-Z]|.*[\d#＃+－＿\ue041-\ue05a].*", re.DOTALL)
_UNCASED = {stand_in: letter for letter, stand_in in _CASED.items()}


@lru_cache(maxsize=1 << 14)
def values(text: str) -> tuple[Value, ...]:
    """The values of a text in their order, codes casefolded but for the capitals that count."""
    return tuple(_values(marked(canonical(text))))


def _values(text: str) -> Iterator[Value]:
    for match in _VALUE.finditer(text):
        found, kind = match[0], match.lastgroup
        if kind == "mark":
            yield Value(Kind.MARK, found)
        elif kind == "word":
            if _CODE.fullmatch(found):
                yield Value(Kind.CODE, found.casefold())
        elif match["rest"] or (
            match["unit"] and not units.is_unit(match["unit"].lstrip("°").translate(_UNCASED))
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
    if _figures(one) != _figures(other):
        return False
    return same_codes(one, other) and (_worded(one) or _worded(other) or _bare(one) == _bare(other))


def _figures(text: str) -> list[str]:
    """Numbers and marks in order, and the digits of codes among them."""
    found = []
    for value in values(text):
        found += _DIGITS.findall(value.text) if value.kind == Kind.CODE else [value.text]
    return found


_DIGITS = re.compile(r"\d+")
_WORDED = re.compile(r"[^\W_]")


def _worded(text: str) -> bool:
    return _WORDED.search(text) is not None


def _bare(text: str) -> str:
    return "".join(normal(text).split())


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
    words = _PART.findall(marked(canonical(text)).casefold())
    return "".join(word for word in words if word in codes)
