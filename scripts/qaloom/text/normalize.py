"""The key under which two texts count as the same."""

import re
import sys
import unicodedata

_SUPERSCRIPTS = {ord(c): f"^{unicodedata.normalize('NFKC', c)}" for c in "⁰¹²³⁴⁵⁶⁷⁸⁹"}
# Units of area and volume in one character: ㎡ is m^2, as m² is.
_SUPERSCRIPTS |= {
    ord(c): re.sub(r"(?=\d)", "^", unicodedata.normalize("NFKC", c)) for c in "㎟㎠㎡㎢㎣㎤㎥㎦"
}
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹㎟-㎦]")
_LAST = "\uffff"
_MINUS = "\N{MINUS SIGN}"
_SIGN = re.compile(r"(?<![\w)\]])-(?=\d)")
_POINTS = re.compile(r"\d+(?:\.\d+)+|\.")
_DECIMAL = re.compile(r"\d\.\d")
_KINDS = ("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs", "Zl", "Zp", "Cc", "Cf")
_MARKS = [
    chr(point)
    for point in range(sys.maxunicode + 1)
    if unicodedata.category(chr(point)) in _KINDS and chr(point) not in "%‰."
]
# Of UTF-8 the marks in ASCII go quickest, as bytes. A character class is quick up to U+FFFF only, so the
# marks beyond are dropped where a text goes so far.
_ASCII_MARKS = "".join(mark for mark in _MARKS if mark.isascii()).encode()
_WIDER_MARKS = "".join(mark for mark in _MARKS if not mark.isascii() and mark <= _LAST)
_DROPPED = re.compile(f"[{re.escape(_WIDER_MARKS)}]+")
_BEYOND = re.compile(f"[^\0-{_LAST}]")
_DROPPED_BEYOND = {ord(mark): None for mark in _MARKS if mark > _LAST}


def comparison_key(text: str) -> str:
    """The comparison key of a text: NFKC, casefolded, without spaces and punctuation.

    Kept on purpose, since they change what a text says: the point of a decimal (1.5, but not those of
    2024.3.5), the sign of a number (-5), per cent, and superscripts (10² is 10^2).
    """
    key = normal(text).casefold()
    if "-" in key:
        key = _SIGN.sub(_MINUS, key)
    if "." in key:
        key = _POINTS.sub(_keep_decimal, key) if _DECIMAL.search(key) else key.replace(".", "")
    key = key.encode("utf-8", "surrogatepass").translate(None, _ASCII_MARKS).decode("utf-8", "surrogatepass")
    if not key.isascii():
        key = _DROPPED.sub("", key)
    return key.translate(_DROPPED_BEYOND) if _BEYOND.search(key) else key


def normal(text: str) -> str:
    """A text in NFKC, but for superscripts: 10² is 10^2, where NFKC alone makes it 102."""
    # str.translate looks at each character beyond ASCII on its own, so it gets only those that may change.
    if _SUPERSCRIPT.search(text):
        text = text.translate(_SUPERSCRIPTS)
    return unicodedata.normalize("NFKC", text)


def jamo(key: str) -> str:
    """A squashed key with each Hangul syllable taken apart, so that a changed ending costs less."""
    return unicodedata.normalize("NFD", key)


def _keep_decimal(match: re.Match[str]) -> str:
    run = match[0]
    return run if len(run) > 1 and run.count(".") == 1 else run.replace(".", "")
