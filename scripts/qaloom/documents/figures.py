"""Figures of an answer that its passage does not hold, in whatever notation.

Values are those of `qaloom.text.values`: 30만 원 is 300,000원, March 5 is 3월 5일. A figure of the answer stands in
the passage as it is, with a counter that counts the same (2회, 2번), without its unit where the passage has
the unit elsewhere (a table's head), or as an end of a range (3~5일).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from qaloom.text.marks import UNCASED
from qaloom.text.normalize import comparison_key
from qaloom.text.values import Kind, Value, values

_ONE = re.compile(r"\bones?\b", re.I)  # a pronoun more often than a number
_AMOUNT = re.compile(r"(?P<number>－?\d+(?:[.．]\d+)?)(?P<unit>[^\d]*)")
_CODED = re.compile(r"(?<!\d)(?P<number>\d++)-?(?P<unit>[a-z%]++)")
_DIGIT = re.compile(r"\d")
_RANGE = re.compile("[~∼～–—]|-(?=\\d)")
_SHORT_DATE = re.compile(r"(?<![\d.])(?:\d{4}\s?\.\s?)?(\d{1,2})\s?\.\s?(\d{1,2})\s?(?:\.|\()")
_MARKER = re.compile(
    r"^[ \t]{0,9}(?:\(?\d{1,3}[.)]|\d{1,2}(?:\.\d{1,2}){1,4}\.?)\s", re.MULTILINE
)  # of a list, a section
_SAME_COUNTER = ("번회", "명인", "살세", "쪽면")
_SAME_UNIT = {
    "달": "개월",
    "month": "개월",
    "사람": "명",
    "people": "명",
    "person": "명",
    "분": "분",
    "가지": "개",
}
_SCALES = {1: "", 1_000: "천", 10_000: "만", 1_000_000: "백만", 100_000_000: "억"}


_SMALLER = {
    "주": (7, "일"),
    "week": (7, "day"),
    "년": (12, "개월"),
    "year": (12, "month"),
    "시간": (60, "분"),
}
_SMALLER |= {"hour": (60, "minute"), "min": (1, "minute")}
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip


class _Amount(NamedTuple):
    number: str
    unit: str


def missing_figure(answer: str, passage: str) -> str | None:
    """The first figure, or code with a digit, of an answer that a passage does not hold, or None."""
    held = _held(passage)
    for value in values(_ONE.sub(" ", answer)):
        if value.kind != Kind.MARK and _DIGIT.search(value.text) and not _stands(value, held):
            return value.text.translate(UNCASED)
    return None


def holds_month(name: str, passage: str) -> bool:
    """Whether a passage names a month, given by its English name, in whatever notation."""
    return name in _MONTHS and _Amount(str(1 + _MONTHS.index(name)), "월") in _held(passage).amounts


class _Held(NamedTuple):
    """The values of a passage: as they are, as amounts, and its words."""

    texts: frozenset[str]
    amounts: frozenset[_Amount]
    bare: frozenset[str]
    words: str


@lru_cache(maxsize=256)
def _held(passage: str) -> _Held:
    plain = _MARKER.sub(" ", passage)
    both = {passage, " ".join(passage.split())}  # a number and its unit may be parted by a line's end
    found = [value for text in both for value in values(text) if value.kind != Kind.MARK]
    amounts = {one for value in found for one in _amounts(value)}
    for month, day in _SHORT_DATE.findall(passage):
        amounts |= {_Amount(month.lstrip("0"), "월"), _Amount(day.lstrip("0"), "일")}
    amounts |= {_smaller(one) for one in amounts}
    bare = {one.number for value in values(plain) for one in _amounts(value) if not one.unit}
    texts = frozenset(value.text for value in found)
    return _Held(texts, frozenset(amounts), frozenset(bare), "".join(passage.split()).casefold())


def _amounts(value: Value) -> Iterator[_Amount]:
    """The amounts of a value: both ends of a range, each with the unit behind the last."""
    if value.kind == Kind.CODE:
        if found := _CODED.fullmatch(value.text):
            yield _Amount(found["number"], _unit(found["unit"]))
        return
    parts = _RANGE.split(value.text)
    last = _AMOUNT.fullmatch(parts[-1])
    for part in parts:
        if found := _AMOUNT.fullmatch(part):
            yield _Amount(found["number"], _unit(found["unit"] or (last["unit"] if last else "")))


def _smaller(amount: _Amount) -> _Amount:
    """An amount in a smaller unit where there is one that fits: 2주 as 14일, two hours as 120 minutes."""
    times, unit = _SMALLER.get(amount.unit, (0, ""))
    return _Amount(str(int(amount.number) * times), unit) if times and amount.number.isdecimal() else amount


def _unit(text: str) -> str:
    for alike in _SAME_COUNTER:
        if text in alike and text:
            return alike[0]
    return _SAME_UNIT.get(text, text)


def _stands(value: Value, held: _Held) -> bool:
    if value.text in held.texts:
        return True
    amounts = list(_amounts(value))
    if not amounts:
        return comparison_key(value.text) in comparison_key(held.words)
    return all(_holds(one, held) for one in amounts)


def _holds(amount: _Amount, held: _Held) -> bool:
    if {amount, _smaller(amount)} & held.amounts:
        return True
    if amount.unit == "년" and len(amount.number) == 4 and amount.number in held.bare:
        return True  # (2024)
    if not amount.unit:
        return any(one.number == amount.number for one in held.amounts)
    return any(
        number in held.bare and scale + amount.unit.translate(UNCASED).casefold() in held.words
        for scale_of, scale in _SCALES.items()
        if (number := _divided(amount.number, scale_of))
    )


def _divided(number: str, scale: int) -> str:
    if not number.isdecimal():
        return number if scale == 1 else ""
    return str(int(number) // scale) if int(number) % scale == 0 else ""
