"""Units, currencies and other short words whose case tells them apart: mW and MW, Mb and MB, CO and Co.

A unit after a figure is written in its symbol (3킬로미터, 3 kilometers: 3km; ₩3, KRW 3: 3원), in the case that the
symbol has where there is one alone (220v: 220V). Where two symbols differ in case alone, each stays as written.
"""

import re
from collections import defaultdict

_PREFIXED = {
    "W": "kmMGTuμn", "V": "kmMuμn", "A": "kMmuμn", "Hz": "kmMGT", "Pa": "khmMGu", "J": "kmMG", "Ω": "kmMGμ", "F": "mμunp",
    "m": "kcmdμun", "g": "kmμuM", "L": "kmdcμu", "l": "kmdcμu", "s": "mμun", "mol": "mμunk", "N": "kmM", "B": "kKMGTP",
    "b": "kKMGTP", "bps": "kKMGT", "Wh": "kmMGT", "VA": "kM", "Bq": "kMGmμ", "Sv": "mμu", "cal": "k", "Cal": "",
    "eV": "kMG", "S": "mμ", "K": "m", "T": "m", "H": "mμ", "C": "mμ", "M": "mμn", "G": "", "t": "k", "h": "", "dB": "",
    "rpm": "", "ppm": "", "ppb": "", "psi": "", "bar": "mk", "dpi": "", "ha": "", "pH": "", "Ah": "mk", "iB": "KMGT",
    "lx": "k", "lm": "k", "cd": "m", "Gy": "m", "wt": "", "p": "", "e": "", "f": "", "k": "", "n": "", "r": "", "x": "",
    "P": "", "E": "", "R": "", "X": "",
}  # fmt: skip
_ALIKE = {"l": "L", "u": "μ"}  # two ways to write one symbol: ml and mL, um and μm
_WORDS = {
    "%": "퍼센트 프로 percent", "mg": "밀리그램 milligram", "kg": "킬로그램 kilogram", "g": "그램 gram",
    "km": "킬로미터 kilometer kilometre", "cm": "센티미터 centimeter centimetre",
    "mm": "밀리미터 millimeter millimetre", "m": "미터 meter metre", "mL": "밀리리터 milliliter millilitre",
    "L": "리터 liter litre", "m^2": "제곱미터 평방미터", "m^3": "세제곱미터 입방미터", "km^2": "제곱킬로미터", "cm^2": "제곱센티미터",
    "kW": "킬로와트 kilowatt", "MW": "메가와트 megawatt", "mW": "밀리와트 milliwatt", "GW": "기가와트 gigawatt",
    "W": "와트 watt", "kV": "킬로볼트 kilovolt", "mV": "밀리볼트 millivolt", "V": "볼트 volt", "mA": "밀리암페어 milliampere",
    "A": "암페어 ampere", "kHz": "킬로헤르츠 kilohertz", "MHz": "메가헤르츠 megahertz", "GHz": "기가헤르츠 gigahertz",
    "Hz": "헤르츠 hertz", "KB": "킬로바이트 kilobyte", "MB": "메가바이트 megabyte", "GB": "기가바이트 gigabyte",
    "TB": "테라바이트 terabyte", "B": "바이트 byte", "Kb": "킬로비트 kilobit", "Mb": "메가비트 megabit", "Gb": "기가비트 gigabit",
    "kcal": "킬로칼로리 kilocalorie", "cal": "칼로리 calorie", "Pa": "파스칼 pascal", "Ω": "옴 ohm", "t": "톤",
    "second": "second", "minute": "minute", "hour": "hour", "day": "day", "week": "week", "month": "month", "year": "year",
    "원": "won KRW", "달러": "dollar USD", "유로": "euro EUR", "엔": "yen JPY", "파운드": "GBP", "위안": "CNY",
}  # fmt: skip
_CURRENCIES = {"$": "달러", "₩": "원", "€": "유로", "£": "파운드", "¥": "엔"}
_CODES = {word: unit for unit, words in _WORDS.items() for word in words.split() if word.isupper()}

# Element symbols of two letters; CO is no Co. Those that are English words count beside Hangul alone.
_ELEMENTS = frozenset(
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
_LONGEST_FIRST = "|".join(sorted(_UNIT_WORDS, key=len, reverse=True))
_WORD_UNIT = re.compile(rf"(?<=\d)[\s-]?({_LONGEST_FIRST})(s?)(?![A-Za-z])(?!젝트|그램|페셔|세스)", re.I)
_WORD_HINT = re.compile(r"(?<=\d)[\s-]?[%퍼프밀킬그센미리제평세입와메기볼암헤바테칼파옴톤A-Za-z]")
_PREFIX = re.compile(rf"(?:US)?([$₩€£¥])\s?(\d[\d.,]*+)|\b({'|'.join(_CODES)})\s?(\d[\d.,]*+)")
_UNIT = frozenset(_WORDS).union(*_SYMBOLS.values())
_SYMBOL = re.compile(r"(?<=\d)\s?([A-Za-zμΩ]{1,4})(?![A-Za-z])")
_SQUARE = re.compile(r"(?<=\d)\s?([kcm]?m)([23])(?![\dA-Za-z])")


def in_symbols(text: str) -> str:
    """A text (in NFKC, with a digit) with the units and currencies of its figures as symbols right after them."""
    if any(mark in text for mark in _CURRENCIES) or any(code in text for code in _CODES):
        text = _PREFIX.sub(_amount, text)
    if _WORD_HINT.search(text):
        text = _WORD_UNIT.sub(lambda m: _UNIT_WORDS[m[1].lower()], text)
        text = _SQUARE.sub(r"\1^\2", text)
        text = _SYMBOL.sub(_symbol, text)
    return text


def _amount(match: re.Match[str]) -> str:
    figure = (match[2] or match[4]).rstrip(".,")
    rest = (match[2] or match[4])[len(figure) :]
    return f" {figure}{_CURRENCIES[match[1]] if match[1] else _CODES[match[3]]}{rest}"


def _symbol(match: re.Match[str]) -> str:
    """A symbol as it is always written; one that no unit has, or several that differ in case, stays."""
    written = match[1]
    known = _SYMBOLS.get(written.casefold())
    if known is None:
        return match[0]
    return known.get(written) or (next(iter(known.values())) if len(set(known.values())) == 1 else written)


def is_unit(word: str) -> bool:
    """Whether a Latin word after a figure is a unit: km, m^2, km/h; not the X of 12X."""
    return all(part.split("^")[0] in _UNIT for part in word.split("/"))


def case_matters(word: str, before: str, korean: bool) -> bool:
    """Whether a Latin word with a capital is another one in small letters: MW, Mb, Co, K, but not USB or What.

    `before` is the text that it follows; `korean` says whether the text holds Hangul.
    """
    if len(word) == 1:
        return word not in "AI" and not _part_of_code(before)
    if word in _ELEMENTS:
        return korean or word not in _ENGLISH_WORDS
    known = _SYMBOLS.get(word.casefold())
    return known is not None and len(set(known.values())) > 1 and len(word) > 1 and word not in _ENGLISH_WORDS


def _part_of_code(before: str) -> bool:
    """AB-1234C: a letter right after the digits of a code, or before them, is part of it."""
    digits = len(before) - len(before.rstrip("0123456789"))
    return digits > 0 and bool(re.search(r"[A-Z] $|[A-Za-z]-?$|-$", before[: len(before) - digits][-3:]))
