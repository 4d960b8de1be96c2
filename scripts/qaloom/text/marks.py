"""Marks and capitals that tell values apart, and stand-ins for them that the comparison key keeps.

The / of A/B, the - of A- and -R, the # of C#, the ! of 5!, the * of *p, a gap between two figures, the capitals
of MW, Mb and Co. A mark's stand-in is its full-width form, which NFKC leaves in no text, a capital's a
character for private use.
"""

import re
from functools import lru_cache

from qaloom.text.units import ELEMENTS, case_matters

_FULL_WIDTH = 0xFEE0  # from an ASCII mark to its full-width form
_RELATIONS = (("!=", "≠"), ("<>", "≠"), ("<=", "≤"), (">=", "≥"))
_STAY = frozenset("+<=>^`|$~")  # symbols, which the key keeps as they are
_APART = re.compile(r"([0-9])([^\w.%‰+]++|\.[^\w.]++)(?=[0-9])")
_MAY_KEEP = re.compile(r"[!#&/@\\_-]+|\*+")
_EMPHASIS = re.compile(r"[^\s*]\*{1,3}(?!\w)")
_POINTER = re.compile(r"(?<![\w*])\*{1,2}(?=[A-Za-z_])")
_INTERVAL = re.compile(r"([(\[])(\s?[-−]?[\w.∞]{1,12}\s?,\s?[-−]?[\w.∞+]{1,12}\s?)([)\]])")
_CAPITALS = re.compile(r"[A-ZΩ][A-Za-zμΩ]{0,3}+(?![A-Za-zμΩ])")
_CAPITAL = re.compile("[A-ZΩ]")
_HANGUL = re.compile("[가-힣]")
_FIGURE_NEXT = re.compile(r"[ -]?[0-9]")
_CASED = {ord(c): 0xE000 + ord(c) for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZΩ"}
UNCASED = {stand_in: letter for letter, stand_in in _CASED.items()}


def marked(text: str, korean: bool | None = None) -> str:
    """A canonical text with stand-ins for the marks and the capitals that tell values apart.

    `korean` says whether the text that it is a part of holds Hangul; None: the text is whole.
    """
    if "−" in text:
        text = text.replace("−", "-")
    if "=" in text or ">" in text:
        for written, relation in _RELATIONS:
            text = text.replace(written, relation)
    if "[" in text or "]" in text:
        text = _INTERVAL.sub(_interval, text)
    text = _APART.sub(_gap, text)
    if "*" in text and not _EMPHASIS.search(text):
        text = _POINTER.sub(_stand_in, text)
    text = _MAY_KEEP.sub(_kept, text)
    if not _CAPITAL.search(text):
        return text
    if korean is None:
        korean = _HANGUL.search(text) is not None
    return _CAPITALS.sub(_cased_in_korean if korean else _cased, text)


def _gap(match: re.Match[str]) -> str:
    """The separator of two figures as one mark; a comma with a space makes a list, without one 2,5."""
    gap = match[2]
    marks = "".join(gap.split())
    if marks == "," and marks != gap:
        return f"{match[1]}；"
    if not marks or marks == ".":
        return f"{match[1]}･"
    return match[1] + ("×" if marks == "*" else _wide(marks))


def _wide(marks: str) -> str:
    return "".join(chr(ord(c) + _FULL_WIDTH) if "!" <= c <= "~" and c not in _STAY else c for c in marks)


def _stand_in(match: re.Match[str]) -> str:
    return _wide(match[0])


def _interval(match: re.Match[str]) -> str:
    """(0, 1] with its brackets; those of (1, 2) are as often a list's."""
    opening, inner, closing = match.groups()
    return match[0] if opening == "(" and closing == ")" else f"{_wide(opening)}{inner}{_wide(closing)}"


def _kept(match: re.Match[str]) -> str:
    text, (start, end) = match.string, match.span()
    return _kept_between(
        text[start - 3 : start] if start >= 3 else text[:start], match[0], text[end : end + 2]
    )


@lru_cache(maxsize=1 << 16)
def _kept_between(before: str, marks: str, after: str) -> str:
    """The stand-in of a mark between its neighbours, or the mark, which the key drops."""
    kept = _RULES[marks[0]](before, after) or "&" in marks
    return _wide(marks) if kept else marks


def _latin(text: str) -> bool:
    return text.isascii() and text.isalpha()


def _word(text: str) -> bool:
    return text.isalnum() or text == "_"


def _letter_alone(text: str) -> bool:
    """Whether a text ends in one Latin letter or two: a grade, an ion, a blood group."""
    return _latin(text[-1:]) and not (_latin(text[-3:-2]) and _latin(text[-2:-1]))


def _slash(before: str, after: str) -> bool:
    return _word(after[:1]) if _word(before[-1:]) else _latin(after[:1])


def _exclamation(before: str, after: str) -> bool:
    if before[-1:].isdigit() or (_latin(before[-1:]) and not _word(before[-2:-1])):
        return True
    return not _word(before[-1:]) and (_latin(after[:1]) or after[:1] == "(")


def _hyphen(before: str, after: str) -> bool:
    if not _word(before[-1:]) and before[-1:] not in (")", "]"):
        return _latin(after[:1]) or after[:1].isdigit()
    if _word(after[:1]):
        return "가" <= after[:1] <= "힣" and _latin(before[-1:]) and not _word(before[-2:-1])
    broken = after[:1] == " " and after[1:2].isdigit()  # GG- 5346E
    return before[-1:].isdigit() or (_letter_alone(before) and not broken)


def _star(before: str, after: str) -> bool:
    if before[-1:] == " " == after[:1]:
        before, after = before[:-1], after[1:]
    left = before[-1:].isdigit() or before[-1:] == ")" or (_latin(before[-1:]) and not _word(before[-2:-1]))
    return left and (after[:1].isdigit() or after[:1] == "(" or (_latin(after[:1]) and not _word(after[1:2])))


_RULES = {
    "/": _slash,
    "!": _exclamation,
    "-": _hyphen,
    "*": _star,
    "\\": lambda before, after: _latin(after[:1]),
    "@": lambda before, after: _latin(after[:1]),
    "&": lambda before, after: True,
    "_": lambda before, after: all(c.isascii() and c.isalnum() for c in (before[-1:], after[:1])),
    "#": lambda before, after: _latin(before[-1:]) or (after[:1].isascii() and after[:1].isalnum()),
}


def _cased_in_korean(match: re.Match[str]) -> str:
    return _cased(match, True)


def _cased(match: re.Match[str], korean: bool = False) -> str:
    text, start = match.string, match.start()
    first = start
    while first and start - first < 3 and (text[first - 1] in "μ" or _latin(text[first - 1])):
        first -= 1
    if first and _latin(text[first - 1]):
        return match[0]
    word = text[first : match.end()]
    if word not in ELEMENTS and _FIGURE_NEXT.match(text, match.end()):
        return match[0]  # F-16, B2, PB-136
    return (
        match[0].translate(_CASED)
        if case_matters(word, text[max(0, first - 12) : first], korean)
        else match[0]
    )
