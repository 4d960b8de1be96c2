"""Characters of a text in one form: NFKC, with the digits kept apart that NFKC alone would join."""

import re
import unicodedata

_POWER = {"⁺": "+", "⁻": "-", "⁼": "=", "⁽": "(", "⁾": ")", "ⁿ": "n"}
_POWER |= {c: unicodedata.normalize("NFKC", c) for c in "⁰¹²³⁴⁵⁶⁷⁸⁹"}
_POWERS = str.maketrans(_POWER)
# Units of area and volume in one character: ㎡ is m^2, as m² is.
_CUBES = {c: re.sub(r"(?=\d)", "^", unicodedata.normalize("NFKC", c)) for c in "㎟㎠㎡㎢㎣㎤㎥㎦"}
_FRACTIONS = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅟↉"
# Numbers in a circle, in brackets or with a full stop: two of them side by side are two numbers.
_ENCLOSED = "①-⒛⓪-⓿❶-➓㉑-㉟㊱-㊿"
_APART = re.compile(
    f"(?P<power>[{''.join(_POWER)}]+)|(?P<cube>[㎟-㎦])|(?<=[0-9])(?P<base>[₀-₉])"
    f"|(?P<fraction>[{_FRACTIONS}])|(?P<enclosed>[{_ENCLOSED}])"
)


def normal(text: str) -> str:
    """A text in NFKC, in which 10² is 10^2, 10₂ is 10_2, 1½ is 1 1/2 and ①② is 1 2; NFKC makes 102 of each."""
    if text.isascii() or unicodedata.is_normalized("NFKC", text):
        return text
    if _APART.search(text):
        text = _APART.sub(_one_form, text)
    return unicodedata.normalize("NFKC", text)


def _one_form(match: re.Match[str]) -> str:
    found = match[0]
    if match.lastgroup == "power":
        return "^" + found.translate(_POWERS)
    if match.lastgroup == "cube":
        return _CUBES[found]
    if match.lastgroup == "base":
        return "_" + unicodedata.normalize("NFKC", found)
    plain = unicodedata.normalize("NFKC", found).replace("\N{FRACTION SLASH}", "/")
    before = match.string[match.start() - 1 : match.start()]
    if match.lastgroup == "enclosed":
        return f" {plain.strip('().')} "
    return f" {plain}" if before.isdigit() else plain
