"""The values of a text in one notation each: 3만 원 and ₩30,000 as 30000원, 1998.3.5. as 1998년 3월 5일.

Rewriting is dear, and most figures need none: what stands right before and after a figure says which steps it
may need (`_steps`), and that is remembered, since the same few things stand there in most texts.
"""

import re
from enum import IntFlag, auto
from functools import lru_cache

from qaloom.text import dates, numbers, units
from qaloom.text.characters import normal


class _Step(IntFlag):
    NONE = 0
    GROUPS = auto()  # 1,234
    SEQUENCE = auto()  # 2024.3.5, 1 : 1, 3-5, 02) 123
    MONTH = auto()  # March 5
    CLOCK = auto()  # 6시, 6 pm, 05분
    UNIT = auto()  # 10 km, 5 퍼센트, $5
    SIGN = auto()  # 영하 5도, .5


_FIGURE = re.compile("[0-9]+")
_BETWEEN = re.compile(r"[\s.,:/~∼〜–—()+-]+")
_RANGE_MARKS = frozenset("~∼〜–—")
_ORDINALS = frozenset(("st", "nd", "rd", "th"))
_MONTH_STARTS = frozenset("JFMASOND")
_MONTH_ENDS = frozenset(
    [
        "jan",
        "feb",
        "mar",
        "apr",
        "may",
        "jun",
        "jul",
        "aug",
        "sep",
        "ept",
        "oct",
        "nov",
        "dec",
        "ary",
        "rch",
        "ril",
        "une",
        "uly",
        "ust",
        "ber",
        "an.",
        "eb.",
        "ar.",
        "pr.",
        "ay.",
        "un.",
        "ul.",
        "ug.",
        "ep.",
        "pt.",
        "ct.",
        "ov.",
        "ec.",
    ]
)


@lru_cache(maxsize=1 << 12)  # of a pair of texts the values are asked for, then the words
def canonical_notation(text: str) -> str:
    """A text in NFKC with its values in one notation each; the words stay as they are."""
    text = normal(text)
    steps = _needed(text)
    plain = _THOUSANDS.sub(_grouped, text) if steps & _GROUPS else text
    plain = numbers.in_digits(plain)
    if plain != text:
        steps = _needed(plain)
    return _rewritten(plain, steps) if steps else plain


def _needed(text: str) -> int:
    steps = 0
    for match in _FIGURE.finditer(text):
        start, end = match.span()
        before = text[start - 4 : start] if start >= 4 else text[:start]
        steps |= _steps(before, text[start] == "0", text[end : end + 4])
    return steps


@lru_cache(maxsize=1 << 16)
def _steps(before: str, zero: bool, after: str) -> int:
    """The steps that a figure may need, by what stands right before and after it, and a leading zero."""
    return int(_of_sequences(before, after) | _of_words(before, zero, after) | _of_signs(before))


def _of_sequences(before: str, after: str) -> _Step:
    found = _Step.NONE
    between = _BETWEEN.match(after)
    marks, further = (between[0], after[between.end() :]) if between else ("", after)
    if marks == "," and further[:1].isdigit():
        found |= _Step.GROUPS
    decimal = marks == "." and not (before[-1:] == "." and before[-2:-1].isdigit())
    if (marks and not decimal and (not further or further[0].isdigit())) or _RANGE_MARKS & set(after):
        found |= _Step.SEQUENCE
    return found | (_Step.SEQUENCE if "분의" in after else _Step.NONE)


def _of_words(before: str, zero: bool, after: str) -> _Step:
    found, word = _Step.NONE, after.lstrip(" -\t\n")
    coded = after[:1].isalpha() and before[-1:] in _CODED
    if (
        word[:1] == "시"
        or (word[:1] in ("a", "p", "A", "P") and not coded)
        or (zero and word[:1] in tuple("월일분초"))
    ):
        found |= _Step.CLOCK
    ordinal = word[:2] in _ORDINALS or after[:3] == " of"
    if ordinal or (after[:1] == " " and word[:1] in _MONTH_STARTS and word[1:2].isalpha()):
        found |= _Step.MONTH
    if before[-1:] == " " and before[:-1].lower() in _MONTH_ENDS:
        found |= _Step.MONTH
    return found | (_Step.UNIT if not coded and units.may_be_unit(after) else _Step.NONE)


_CODED = tuple("-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def _of_signs(before: str) -> _Step:
    currency = units.may_be_currency(before)
    signed = before.rstrip()[-1:] == "하" or (before[-1:] == "." and not before[-2:-1].isalnum())
    return (_Step.UNIT if currency else _Step.NONE) | (_Step.SIGN if signed else _Step.NONE)


_GROUPS, _SEQUENCE, _UNIT, _SIGN = (
    int(step) for step in (_Step.GROUPS, _Step.SEQUENCE, _Step.UNIT, _Step.SIGN)
)
_DATED = int(_Step.SEQUENCE | _Step.MONTH | _Step.CLOCK)


def _rewritten(text: str, steps: int) -> str:
    if steps & _SEQUENCE:
        text = _PHONE.sub(lambda m: f"0{m[2]}{m[3]}{m[4]}" if m[2] else f"{m[1]}{m[3]}{m[4]}", text)
    if steps & _DATED:
        text = dates.one_notation(text)
    if steps & _UNIT:
        text = units.in_symbols(text)
    if steps & _SEQUENCE:
        text = _sequences(text)
    if steps & _SIGN:
        text = _LEADING_POINT.sub("0.", _BELOW_ZERO.sub("-", text))
    return text


# --- sequences ----------------------------------------------------------------------------------------

_THOUSANDS = re.compile(r"(?<![\d,])(?<!\d\.)\d++(?:,\d++)++")
_WELL_FORMED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")
_RANGE = re.compile(r"(?<=\d)(\s?[가-힣%A-Za-z°]{0,3})\s?[~∼〜–—]\s?(?=\d)")
_SAME_UNIT = re.compile(
    r"(?<![\d.])(\d++(?:\.\d++)?+)(%|원|일|개월|년|월|시간|분|초|명|회|개|[a-zA-Z]{1,3})~(\d++(?:\.\d++)?+)\2"
)
_HYPHEN = re.compile(
    r"(?<![\d.,/:~-])(\d++)-(\d++)"
    r"(?=\s?(?:%|일|개월|년(?!도)|주|시간|분|명|회|개|원|세|°"
    r"|(?:days?|weeks?|months?|years?|hours?|minutes?|seconds?|times|people|percent)\b"
    r"|(?:kg|g|mg|km|cm|mm|m|L|mL|W|kW|V|A|Hz)(?![A-Za-z])))"
)
_FRACTION = re.compile(r"(?<![\d.])(\d++)\s?분의\s?(\d++)|(?<=\d)\s?/\s?(?=\d)")
_RATIO = re.compile(r"(?<=\d)\s?:\s?(?=\d)")
_BELOW_ZERO = re.compile(r"영하\s?(?=\d)")
_LEADING_POINT = re.compile(r"(?<![\w.)])\.(?=\d)")
_PHONE = re.compile(
    r"(?:(?<![\d+-])\(?(0(?:2|[3-6][1-5]|1[016-9]|70|80|50\d))"
    r"|(?<![\d\w])\+82[\s.-]?\(?0?\)?(2|[3-6][1-5]|1[016-9]|70))"
    r"[)\s.-]{0,2}(\d{3,4})[\s.-]?(\d{4})(?![\d-])"
)


def _sequences(text: str) -> str:
    if "-" in text:
        text = _HYPHEN.sub(_range, text)
    if not _RANGE_MARKS.isdisjoint(text):
        text = _SAME_UNIT.sub(r"\1~\3\2", _RANGE.sub(r"\1~", text))
    if "/" in text or "분의" in text:
        text = _FRACTION.sub(lambda m: f"{m[2]}/{m[1]}" if m[1] else "/", text)
    return _RATIO.sub(":", text) if ":" in text else text


def _grouped(match: re.Match[str]) -> str:
    """1,234,567 without its commas; 1,2,3 as the list 1, 2, 3; 2,5 as it is, since it may be either."""
    run = match[0]
    if _WELL_FORMED.fullmatch(run):
        return run.replace(",", "")
    return run.replace(",", ", ") if run.count(",") > 1 else run


def _range(match: re.Match[str]) -> str:
    """3-5일 as 3~5일, where it rises and nothing makes it a code or a part of an address."""
    first, last = match[1], match[2]
    coded = match.string[: match.start()][-1:] in ("제", *_CODED)
    rises = len(last) < 10 and len(first) < 10 and int(first) < int(last) and first[0] != "0"
    return f"{first}~{last}" if rises and not coded else match[0]
