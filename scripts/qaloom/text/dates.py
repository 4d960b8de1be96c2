"""Dates and times of day in one notation: 1998.3.5., 1998-03-05 and 5 March 1998 are 1998년 3월 5일.

Only what can be read in one way is rewritten: 03/05/1998 and 98.3.5 stay as they are, 25/12/1998 does not.
A time is given on the 24-hour clock; one without 오전, 오후, am or pm is read as being on it.
"""

import re

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH_NUMBERS = {name: n for n, name in enumerate(_MONTHS, 1)} | {
    name[:3]: n for n, name in enumerate(_MONTHS, 1)
}
_MONTH_NUMBERS["sept"] = 9
# In capitals or with one: 'you may 5 times' is no date.
_MONTH_NAMES = sorted(_MONTH_NUMBERS, key=len, reverse=True)
_MONTH = rf"\b({'|'.join([*map(str.title, _MONTH_NAMES), *map(str.upper, _MONTH_NAMES)])})\b\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_DAY_FIRST = re.compile(rf"(?<![\d.,:/-]){_DAY}\s(?:of\s)?{_MONTH}(?:,?\s(\d{{4}})(?!\d))?")
_MONTH_FIRST = re.compile(rf"{_MONTH}\s{_DAY}(?![\d:%])(?:,?\s(\d{{4}})(?!\d))?")
MONTH_NAMES = frozenset(_MONTH_NUMBERS)
_MONTH_HINTS = tuple(name[:3] for name in _MONTHS)
_YEAR_FIRST = re.compile(
    r"(?<![\d.\-/])(\d{4})\s?([.\-/])\s?(\d{1,2})\s?\2\s?(\d{1,2})(?!\d|[.\-/]\s?\d)\.?(?:T(?=\d))?"
)
_YEAR_LAST = re.compile(r"(?<![\d.\-/])(\d{1,2})([.\-/])(\d{1,2})\2(\d{4})(?!\d|[.\-/]\d)")
_KOREAN = re.compile(r"(?<!\d)(\d{4})\s?년\s?(\d{1,2})\s?월\s?(\d{1,2})\s?일")
_LEADING_ZERO = re.compile(r"(?<![\d.,:/-])0(?=\d\s?(?:월|일|시(?!간)|분|초))")

_CLOCK = re.compile(
    r"(?<![\d:.,])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])(?:\s?([ap])(?:m(?![A-Za-z])|\.m\.?))?",
    re.I,
)
_HALF_DAY = re.compile(r"(?<![\d:.,])(1[0-2]|0?[1-9])\s?([ap])(?:m(?![A-Za-z])|\.m\.?)", re.I)
_PART_OF_DAY = re.compile(
    r"(오전|오후|새벽|아침|한낮|낮|저녁|밤)\s?(\d{1,2})시(?!간)(?:\s?(?:0{1,2}분|정각))?"
)
_FULL_HOUR = re.compile(r"(?<=\d시)\s?(?:0{1,2}분|정각)")
_HALF_PAST = re.compile(r"(?<=\d시)\s?반(?=\s|에|까지|부터|이[다며고]|입니|$|[^가-힣])")
_AFTERNOON = {
    "오후": range(1, 12),
    "한낮": range(1, 6),
    "낮": range(1, 6),
    "저녁": range(5, 12),
    "밤": range(6, 12),
}


def one_notation(text: str) -> str:
    """A text (in NFKC, with a digit) with its dates as 1998년 3월 5일 and its times as 18시 30분."""
    lower = text.lower()
    text = _YEAR_FIRST.sub(lambda m: _date(m[0], m[1], int(m[3]), int(m[4])), text)
    text = _YEAR_LAST.sub(_year_last, text)
    if any(month in lower for month in _MONTH_HINTS):
        text = _DAY_FIRST.sub(lambda m: _date(m[0], m[3], _MONTH_NUMBERS[m[2].lower()], int(m[1])), text)
        text = _MONTH_FIRST.sub(lambda m: _date(m[0], m[3], _MONTH_NUMBERS[m[1].lower()], int(m[2])), text)
    if "m" in lower:
        text = _HALF_DAY.sub(lambda m: _time(int(m[1]), "", "", m[2]), text)
    if ":" in text:
        text = _CLOCK.sub(lambda m: _time(int(m[1]), m[2], m[3] or "", m[4] or ""), text)
    return text if text.isascii() else _korean(text)


def _korean(text: str) -> str:
    text = _LEADING_ZERO.sub("", text)
    if "시" in text:
        text = _PART_OF_DAY.sub(_part_of_day, text)
        text = _HALF_PAST.sub(" 30분", _FULL_HOUR.sub("", text))
    return text


def _date(written: str, year: str | None, month: int, day: int) -> str:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return written
    return f"{year}년 {month}월 {day}일 " if year else f"{month}월 {day}일 "


def _year_last(match: re.Match[str]) -> str:
    """25/12/1998: with one number above 12 there is one reading, and with two equal ones."""
    first, second = int(match[1]), int(match[3])
    if first > 12 or first == second:
        first, second = second, first
    elif second <= 12:
        return match[0]
    return _date(match[0], match[4], first, second)


def _time(hour: int, minute: str, second: str, half: str) -> str:
    if half:
        hour = hour % 12 + (12 if half in "pP" else 0) if 1 <= hour <= 12 else hour
    written = f"{hour}시"
    if int(minute or 0) or int(second or 0):
        written += f" {int(minute)}분"
    return written + (f" {int(second)}초" if int(second or 0) else "")


def _part_of_day(match: re.Match[str]) -> str:
    part, hour = match[1], int(match[2])
    if hour in _AFTERNOON.get(part, ()):
        return f"{hour + 12}시"
    if hour == 12:
        return "12시" if part in ("오후", "낮", "한낮") else "0시"
    return f"{hour}시"
