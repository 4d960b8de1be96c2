"""A spreadsheet cell as the text that it shows: numbers and dates by the cell's number format.

Of a format's sections the one for the value's sign is used. Formats that depend on the country (short dates) are
written as Korean Excel does, year first. Fractions, exponents and conditions are not followed: such a number is
written plainly.
"""

import datetime
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

_SHORT_DATES = {"mm-dd-yy": "yyyy-mm-dd", "m/d/yy h:mm": "yyyy-mm-dd h:mm", "m/d/yyyy": "yyyy-mm-dd"}
_SECTION = re.compile(r'(?:"[^"]*"|\\.|[^;"\\])+|(?<=;)(?=;)')
_NUMBER_TOKEN = re.compile(
    r'"([^"]*)"|\\(.)|\[\$([^\]-]{0,60}+)[^\]]{0,60}+\]|\[[^\]]{0,60}+\]|[_*].|([0#?.,%])|(.)', re.DOTALL
)
_DATE_TOKEN = re.compile(
    r'"([^"]*)"|\\(.)|\[\$-?[^\]]{0,60}+\]|\[(h+|m+|s+)\]|[_*].|(y+|m+|d+|h+|s+|a{3,4}|AM/PM|A/P)|(.)',
    re.I | re.DOTALL,
)
_PLAIN = re.compile(r"general|[eE][+-]|/|\[[<>=]|@", re.IGNORECASE)
_LONGEST = 15  # digits before the point; more are not exact in a spreadsheet
_DAYS = "월화수목금토일"


def cell_text(value: object, number_format: str) -> str:
    """The text that a cell of this value and number format shows; of an empty cell ""."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(Decimal(repr(value)), number_format)
    if isinstance(value, datetime.date | datetime.time):
        return _date(value, number_format)
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        hours_and_minutes = f"{minutes // 60}:{minutes % 60:02}"
        return f"{hours_and_minutes}:{seconds:02}" if "s" in number_format.lower() else hours_and_minutes
    return str(value)


def plain_number(value: Decimal) -> str:
    """A number with up to 15 digits, without exponent and trailing zeros."""
    text = f"{Decimal(f'{value:.15g}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(value: Decimal, number_format: str) -> str:
    sections = _SECTION.findall(number_format)
    if not value.is_finite():
        return ""
    if not sections or value.adjusted() > _LONGEST or _PLAIN.search(number_format):
        return plain_number(value)
    section, sign = sections[0], "-" if value < 0 else ""
    if value < 0 and len(sections) > 1:
        section, sign = sections[1], ""
    elif value == 0 and len(sections) > 2:
        section = sections[2]
    tokens = [_number_token(match) for match in _NUMBER_TOKEN.finditer(section)]
    return (sign + _filled(abs(value), tokens)).strip()


def _number_token(match: re.Match[str]) -> tuple[str, str]:
    """A place for a digit (or mark of the number) and "", or "" and a literal text."""
    quoted, escaped, currency, place, other = match.groups()
    return (place, "") if place else ("", quoted or escaped or currency or other or "")


def _filled(value: Decimal, tokens: list[tuple[str, str]]) -> str:
    marks = "".join(mark for mark, _ in tokens)
    whole, _, places = marks.replace("%", "").partition(".")
    value *= 100 ** marks.count("%")
    value /= 1000 ** (len(whole) - len(whole.rstrip(",")))
    decimals = len(places.replace(",", ""))
    text = f"{value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"
    digits, _, fraction = text.partition(".")
    fraction = fraction[: len(places.rstrip("#"))] + fraction[len(places.rstrip("#")) :].rstrip("0")
    digits = digits.lstrip("0").rjust(whole.count("0"), "0")
    if "," in whole.strip(","):
        digits = f"{int(digits or 0):,}".rjust(len(digits), "0") if digits else digits
    return _placed(digits, fraction, tokens)


def _placed(digits: str, fraction: str, tokens: list[tuple[str, str]]) -> str:
    """The digits in their places, literals between them: places before the point are filled from the right."""
    point = next((at for at, (mark, _) in enumerate(tokens) if mark == "."), len(tokens))
    places = [at for at, (mark, _) in enumerate(tokens[:point]) if mark in ("0", "#", "?")]
    shown: dict[int, str] = {}
    left = digits
    for at in reversed(places[1:]) if "," not in digits else ():
        left, shown[at] = left[:-1], left[-1:]
    if places:
        shown[places[0]] = left
    elif digits.strip("0") and point < len(tokens):
        shown[point] = digits
    if fraction:
        shown[point] = shown.get(point, "") + "." + fraction
    return "".join(
        shown.get(at, "") if mark and mark != "%" else mark or text for at, (mark, text) in enumerate(tokens)
    )


def _date(value: datetime.date | datetime.time, number_format: str) -> str:
    number_format = _SHORT_DATES.get(number_format, number_format)
    section = (_SECTION.findall(number_format) or [""])[0]
    found = [match for match in _DATE_TOKEN.finditer(section)]
    if not any(match[4] for match in found) or any(match[3] for match in found):
        return _plain_date(value)
    codes = [(match[4] or "").lower() for match in found]
    half_day = any("/" in code for code in codes)
    korean = "412" in section or "오전" in section
    parts = []
    for at, match in enumerate(found):
        if match[4]:
            minutes = codes[at][0] == "m" and _are_minutes([code for code in codes if code], codes[:at])
            parts.append(_date_part(value, "n" * len(codes[at]) if minutes else codes[at], half_day, korean))
        else:
            parts.append(match[1] or match[2] or match[5] or "")
    return "".join(parts).strip()


def _are_minutes(codes: list[str], before: list[str]) -> bool:
    """Whether `m` after the codes `before` is of minutes: it follows hours, or seconds follow it."""
    at = len([code for code in before if code])
    return (at > 0 and codes[at - 1][0] == "h") or (at + 1 < len(codes) and codes[at + 1][0] == "s")


def _date_part(value: datetime.date | datetime.time, code: str, half_day: bool, korean: bool) -> str:
    if "/" in code:
        return ("오전", "오후")[value.hour >= 12] if korean else f"{value:%p}"  # type: ignore[union-attr]
    if code[0] == "a":
        return _DAYS[value.weekday()] + ("요일" if len(code) > 3 else "")  # type: ignore[union-attr]
    writers: dict[str, Callable[[], str]] = {
        "y": lambda: f"{value:%Y}" if len(code) > 2 else f"{value:%y}",
        "m": lambda: (
            f"{value:%b}" if len(code) == 3 else f"{value:%B}" if len(code) > 3 else _two(value, "%m", code)
        ),
        "d": lambda: (
            f"{value:%a}" if len(code) == 3 else f"{value:%A}" if len(code) > 3 else _two(value, "%d", code)
        ),
        "h": lambda: _two(value, "%I" if half_day else "%H", code),
        "n": lambda: _two(value, "%M", code),
        "s": lambda: _two(value, "%S", code),
    }
    return writers[code[0]]()


def _two(value: datetime.date | datetime.time, part: str, code: str) -> str:
    text = f"{value:{part}}"
    return text if len(code) > 1 else str(int(text))


def _plain_date(value: datetime.date | datetime.time) -> str:
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    return value.isoformat()
