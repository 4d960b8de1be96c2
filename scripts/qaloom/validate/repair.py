"""Repairs of a row's texts that are certain; each has a code, and doubt leaves the text as it is."""

import html
import re
import unicodedata
from collections.abc import Callable, Sequence

from qaloom.validate.layout import tidy_space
from qaloom.validate.line_breaks import join_broken, join_hyphenated
from qaloom.validate.mojibake import may_be_mojibake, repair_mojibake


def repair_row(texts: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Repair the texts of one row; return them with the codes of all repairs made.

    The texts are judged together: a question about HTML keeps the entities of its answer.
    """
    row = ""
    codes: tuple[str, ...] = ()
    repaired = []
    for text in texts:
        if text and not _is_clean(text):
            row = row or "\n".join(texts)
            text, more = repair(text, row)
            codes += more
        repaired.append(text)
    return repaired, codes


def _is_clean(text: str) -> bool:
    """Whether a text holds nothing that a repair could act on; most do not, and are done.

    Line ends, tabs, control characters and all spaces but the plain one are not printable.
    """
    return (
        text.isprintable()
        and "&" not in text
        and "  " not in text
        and text[:1] != " " != text[-1:]
        and (text.isascii() or (unicodedata.is_normalized("NFC", text) and not may_be_mojibake(text)))
    )


def repair(text: str, row: str = "") -> tuple[str, tuple[str, ...]]:
    """Repair one text; return it with the codes of the repairs made, in the order made.

    `row` is all the text of the row. Codes: mojibake, nfc, html_entities, control_characters,
    hyphenation, broken_words, whitespace.
    """
    codes = []
    for code, apply in _REPAIRS.items():
        repaired = apply(text, row or text)
        if repaired != text:
            codes.append(code)
            text = repaired
    return text, tuple(codes)


# --- entities, invisible characters -------------------------------------------------------------------

_ENTITY = re.compile(r"&(?:#[0-9]{2,7}|#[xX][0-9a-fA-F]{2,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_SURROGATE = r"#(?:5[5-7]\d{3}|[xX][dD][89a-fA-F][0-9a-fA-F]{2})"
_SURROGATE_PAIR = re.compile(f"&({_SURROGATE});&({_SURROGATE});")
_ABOUT_MARKUP = re.compile(
    r"html|xml|xss|entit|escap|markup|엔티티|엔터티|이스케이프|마크업|<[a-z/!]|&amp;[a-z#0-9]+;",
    re.IGNORECASE,
)
# An entity that is itself what the text speaks of: it stands alone, and a Korean particle follows it, or a
# verb of writing goes before it, or it is all that quotes hold.
_SHOWN = re.compile(
    r"(?:^|[\s\"'“‘`(])&[A-Za-z#][A-Za-z0-9]{1,30};(?:(?:을|를|로|으로|은|는|이|가|와|과"
    r"|라고|처럼)(?![가-힣])|\s(?:로|으로|라고|를|을)\s|[\"'”’`)])"
    r"|(?:\b(?:use|write|type|insert|enter|put)\s)&[A-Za-z#][A-Za-z0-9]{1,30};"
    r"|^\s*(?:&[A-Za-z#][A-Za-z0-9]{1,30};\s*)+$",
    re.IGNORECASE,
)
_REMOVED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u2060\ufeff]")


def _unescape(text: str, row: str) -> str:
    """Replace HTML entities, unless the row is about markup or shows one, where they may be meant."""
    if "&" not in text or not _ENTITY.search(text) or _ABOUT_MARKUP.search(row):
        return text
    text = _SURROGATE_PAIR.sub(_astral, text)
    return text if _SHOWN.search(text) else _ENTITY.sub(_entity, text)


def _entity(match: re.Match[str]) -> str:
    char = html.unescape(match[0])
    return char if char in "\xa0\xad" or (char.isprintable() and char != "\ufffd") else match[0]


def _astral(match: re.Match[str]) -> str:
    """The character that two halves of UTF-16, each written as an entity, stand for."""
    halves = [int(half[2:], 16) if half[1] in "xX" else int(half[1:]) for half in match.groups()]
    high, low = halves
    if not (0xD800 <= high <= 0xDBFF and 0xDC00 <= low <= 0xDFFF):
        return match[0]
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _remove_control(text: str, row: str) -> str:
    """Remove control characters and zero-width spaces, not joiners: emoji and some scripts need those."""
    return _REMOVED.sub("", text)


def _nfc(text: str, row: str) -> str:
    return unicodedata.normalize("NFC", text)


# Mojibake first: its bytes look like control characters, odd spaces and soft hyphens to the others.
_REPAIRS: dict[str, Callable[[str, str], str]] = {
    "mojibake": repair_mojibake,
    "nfc": _nfc,
    "html_entities": _unescape,
    "control_characters": _remove_control,
    "hyphenation": join_hyphenated,
    "broken_words": lambda text, row: join_broken(text),
    "whitespace": lambda text, row: tidy_space(text),
}
