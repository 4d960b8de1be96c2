"""Units, currencies and other short words whose case tells them apart: mW and MW, Mb and MB, CO and Co.

A unit after a figure is written in its symbol (3킬로미터, 3 kilometers: 3km; ₩3, KRW 3: 3원), in the case that the
symbol has where there is one alone (220v: 220V). Where two symbols differ in case alone, each stays as written.
"""

import re
from collections import defaultdict

_PREFIXED = {
    "W": "kmMGTuμn", "V": "kmMuμn", "A": "kMmuμn", "Hz": "kmMGT", "Pa": "khmMGu", "J": "kmMG", "Ω": "kmMGμ",
    "F": "mμunp",
    "m": "kcmdμun", "g": "kmμuM", "L": "kmdcμu", "l": "kmdcμu", "s": "mμun", "mol": "mμunk", "N": "kmM", "B": "kKMGTP",
    "b": "kKMGTP", "bps": "kKMGT", "Wh": "kmMGT", "VA": "kM", "Bq": "kMGmμ", "Sv": "mμu", "cal": "k", "Cal": "",
    "eV": "kMG", "S": "mμ", "K": "m", "T": "m", "H": "mμ", "C": "mμ", "M": "mμn", "G": "", "t": "k", "h": "", "dB": "",
    "rpm": "", "ppm": "", "ppb": "", "psi": "", "bar": "mk", "dpi": "", "ha": "", "pH": "", "Ah": "mk", "iB": "KMGT",
    "lx": "k", "lm": "k", "cd": "m", "Gy": "m",
}  # fmt: skip
_ALIKE = {"l": "L", "u": "μ"}  # two ways to write one symbol: ml and mL, um and μm
_WORDS = {
    "%": "퍼센트 프로 percent", "mg": "밀리그램 milligram", "kg": "킬로그램 kilogram", "g": "그램 gram",
    "km": "킬로미터 kilometer kilometre", "cm": "센티미터 centimeter centimetre",
    "mm": "밀리미터 millimeter millimetre", "m": "미터 meter metre", "mL": "밀리리터 milliliter millilitre",
    "L": "리터 liter litre", "m^2": "제곱미터 평방미터", "m^3": "세제곱미터 입방미터", 
    "km^2": "제곱킬로미터", "cm^2": "제곱센티미터",
    "kW": "킬로와트 kilowatt", "MW": "메가와트 megawatt", "mW": "밀리와트 milliwatt", "GW": "기가와트 gigawatt",
    "W": "와트 watt", "kV": "킬로볼트 kilovolt", "mV": "밀리볼트 millivolt", "V": "볼트 volt",
    "mA": "밀리암페어 milliampere",
    "A": "암페어 ampere", "kHz": "킬로헤르츠 kilohertz", "MHz": "메가헤르츠 megahertz", "GHz": "기가헤르츠 gigahertz",
    "Hz": "헤르츠 hertz", "KB": "킬로바이트 kilobyte", "MB": "메가바이트 megabyte", "GB": "기가바이트 gigabyte",
    "TB": "테라바이트 terabyte", "B": "바이트 byte", "Kb": "킬로비트 kilobit", "Mb": "메가비트 megabit",
    "Gb": "기가비트 gigabit",
    "kcal": "킬로칼로리 kilocalorie", "cal": "칼로리 calorie", "Pa": "파스칼 pascal", "Ω": "옴 ohm", "t": "톤",
    "second": "second", "minute": "minute", "hour": "hour", "day": "day", "week": "week", "month": "month",
    "year": "year",
    "원": "won KRW", "달러": "dollar USD", "유로": "euro EUR", "엔": "yen JPY", "파운드": "GBP", "위안": "CNY",
}  # fmt: skip
_CURRENCIES = {"$": "달러", "₩": "원", "€": "유로", "£": "파운드", "¥": "엔"}
_CODES = {
    word: unit
    for unit, words in _WORDS.items()
    for word in words.split()
    if word.isupper() and len(word) == 3
}

# Element symbols of two letters; CO is no Co. Those that are English words count beside Hangul alone.
ELEMENTS = frozenset(
    [
        "Li",
        "Be",
        "Ne",
        "Na",
        "Mg",
        "Al",
        "Si",
        "Cl",
        "Ar",
        "Ca",
        "Sc",
        "Ti",
        "Cr",
        "Mn",
        "Fe",
        "Co",
        "Ni",
        "Cu",
        "Zn",
        "Ga",
        "Ge",
        "Se",
        "Br",
        "Kr",
        "Rb",
        "Sr",
        "Zr",
        "Nb",
        "Mo",
        "Tc",
        "Ru",
        "Rh",
        "Pd",
        "Ag",
        "Cd",
        "In",
        "Sn",
        "Sb",
        "Te",
        "Xe",
        "Cs",
        "Ba",
        "La",
        "Hf",
        "Ta",
        "Re",
        "Os",
        "Ir",
        "Pt",
        "Au",
        "Hg",
        "Tl",
        "Pb",
        "Bi",
        "Po",
        "At",
        "Rn",
        "Fr",
        "Ra",
        "Ac",
        "Th",
        "Pa",
        "Np",
        "Pu",
        "Am",
        "Cm",
        "He",
        "As",
        "No",
    ]
)
_ENGLISH_WORDS = frozenset(
    ["In", "At", "Am", "He", "As", "No", "Be", "Co", "Re", "Pa", "Mo", "La", "Al", "Cs", "Us", "Ms", "Ma"]
) - {"Co", "Cs"}


def _symbols() -> dict[str, dict[str, str]]:
    """Each unit's spellings with the one that stands for them, by their casefolded form."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for unit, prefixes in _PREFIXED.items():
        for prefix in ["", *prefixes]:
            symbol = prefix + unit
            standard = symbol if len(symbol) == 1 and symbol == "u" else _standard(symbol, unit)
            found[symbol.casefold()][symbol] = standard
    return dict(found)


def _standard(symbol: str, unit: str) -> str:
    prefix = symbol[: len(symbol) - len(unit)]
    prefix = _ALIKE.get(prefix, prefix)
    if unit[:1] in "Bb" and prefix == "k":
        prefix = "K"  # kB and KB are both in use
    return prefix + _ALIKE.get(unit, unit)


_SYMBOLS = _symbols()
_UNIT_WORDS = {
    word.lower() if word.isascii() else word: unit for unit, words in _WORDS.items() for word in words.split()
}
_LONGEST_WORD = max(len(word) for word in _UNIT_WORDS if not word.isascii())
_UNIT_WORDS["per cent"] = "%"
_HANGUL_UNITS = tuple(word for word in _UNIT_WORDS if not word.isascii())
_LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzμΩ"
CURRENCY_CODES = frozenset(_CODES)
_CODE_ENDS = frozenset(code[-2:] for code in _CODES)
_NO_UNITS = frozenset(("프로젝트", "프로그램", "프로페셔널", "프로세스", "미터기", "그램프"))
_PREFIX = re.compile(rf"(?:US)?([$₩€£¥])\s?(\d[\d.,]*+)|\b({'|'.join(_CODES)})\s?(\d[\d.,]*+)")
_AFTER_FIGURE = re.compile(
    r"([0-9])(?:[ -]?(per cent|[A-Za-zμΩ]++)(?:([23])(?![0-9A-Za-z]))?|\s?°\s?([CFcf])(?![A-Za-z])| ?([가-힣]{1,6}))"
)
_UNIT = frozenset(_WORDS).union(*_SYMBOLS.values())


def begins_with_unit(letters: str) -> bool:
    """Whether letters after a figure and a space may be a unit, with a particle behind it in Korean."""
    if letters.isascii() or letters[0] in "μΩ°":
        return letters == "°" or letters.lower() in ("per", "c", "f") or _latin_unit(letters) is not None
    return letters.startswith(_HANGUL_UNITS)


def may_be_unit(after: str) -> bool:
    """Whether what follows a figure (four characters of it) may be a unit that is written in another way."""
    word = after.lstrip(" -")
    if word[:1] == "°":
        return True
    latin = len(word) - len(word.lstrip(_LATIN))
    if latin:
        whole = latin < len(word) or len(after) < 4
        return word != after or not whole or _latin_unit(word[:latin]) not in (None, word[:latin])
    return any(unit.startswith(word) or word.startswith(unit) for unit in _HANGUL_UNITS) if word else False


def may_be_currency(before: str) -> bool:
    """Whether what stands before a figure may be a currency: $, KRW."""
    end = before.rstrip()
    return end[-1:] in _CURRENCIES or end[-2:] in _CODE_ENDS


def in_symbols(text: str) -> str:
    """A text (in NFKC, with a digit) with the units and currencies of its figures as symbols right after them."""
    if any(mark in text for mark in _CURRENCIES) or any(code in text for code in _CODES):
        text = _PREFIX.sub(_amount, text)
    return _AFTER_FIGURE.sub(_unit, text)


def _unit(match: re.Match[str]) -> str:
    figure, latin, power, degrees, hangul = match.groups()
    if degrees:
        return f"{figure}°{degrees.upper()}"
    if hangul:
        return _hangul_unit(match[0], figure, hangul)
    power = power or ""
    if power and latin.lower() not in ("m", "km", "cm", "mm"):
        return match[0]
    unit = _latin_unit(latin)
    return match[0] if unit is None else f"{figure}{unit}{'^' + power if power else ''}"


def _latin_unit(written: str) -> str | None:
    """The symbol of a unit in Latin letters; one that no unit has is None."""
    if len(written) > 2:
        word = written.lower()
        found = _UNIT_WORDS.get(word) or _UNIT_WORDS.get(word.removesuffix("s"))
        if found or len(written) > 4:
            return found
    return _symbol(written)


def _hangul_unit(whole: str, figure: str, hangul: str) -> str:
    """The symbol of the longest unit word that the letters after a figure begin with."""
    for length in range(min(len(hangul), _LONGEST_WORD), 0, -1):
        unit = _UNIT_WORDS.get(hangul[:length])
        if unit and not any(hangul.startswith(word) for word in _NO_UNITS):
            return f"{figure}{unit}{hangul[length:]}"
    return whole


def _amount(match: re.Match[str]) -> str:
    figure = (match[2] or match[4]).rstrip(".,")
    rest = (match[2] or match[4])[len(figure) :]
    return f" {figure}{_CURRENCIES[match[1]] if match[1] else _CODES[match[3]]}{rest}"


def _symbol(written: str) -> str | None:
    """A symbol as it is always written; several that differ in case stay as they are."""
    known = _SYMBOLS.get(written.casefold())
    if known is None:
        return None
    return known.get(written) or (next(iter(known.values())) if len(set(known.values())) == 1 else written)


def is_unit(word: str) -> bool:
    """Whether a Latin word after a figure is a unit: km, m^2, km/h; not the X of 12X."""
    return all(part.split("^")[0] in _UNIT for part in word.split("/"))


_AMBIGUOUS = frozenset(symbol for symbol, known in _SYMBOLS.items() if len(set(known.values())) > 1)


def case_matters(word: str, before: str, korean: bool) -> bool:
    """Whether a Latin word is another one in small letters: MW, Mb, Co, K, but not USB or What.

    `before` are the letters before it; `korean` says whether it stands in a text with Hangul.
    """
    if len(word) == 1:
        return word not in "AI" and not _part_of_code(before)
    if word in _ENGLISH_WORDS:
        return korean and word in ELEMENTS
    return word in ELEMENTS or word.casefold() in _AMBIGUOUS


def _part_of_code(before: str) -> bool:
    """AB-1234C, KS-X-1: a letter right after the digits or between the parts of a code is part of it."""
    digits = len(before) - len(before.rstrip("0123456789"))
    if not digits:
        return bool(_PART_BEFORE.search(before[-2:]))
    return bool(_CODE_BEFORE.search(before[: len(before) - digits][-3:]))


_CODE_BEFORE = re.compile(r"[A-Z] $|[A-Za-z]-?$|-$")
_PART_BEFORE = re.compile(r"[A-Z][ -]$")
