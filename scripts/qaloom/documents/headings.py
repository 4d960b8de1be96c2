"""Headings that a line's own words show: 제3조(연차휴가), 제1장 총칙, 2.1 Scope, Chapter 4."""

import re
from typing import NamedTuple

_PARTS = ("편", "장", "절", "관", "조")
_KOREAN = re.compile(
    r"(?P<head>제\s?\d{1,4}\s?(?P<part>[편장절관조])(?:의\s?\d{1,3})?(?:\s?[(（【][^)）】\n]{1,40}[)）】]|\s[^.。\n]{1,40}$)?)"
    r"(?=\s|$|[①-⑳])"
)
_NUMBERED = re.compile(r"(?P<head>(?P<number>\d{1,2}(?:\.\d{1,2}){1,3})\.?\s{1,8}[^\W\d_][^.。\n|]{1,70})$")
_NAMED = re.compile(
    r"(?P<head>(?:chapter|section|article|part|appendix|annex)\s{1,8}[\dA-Z]{1,4}\b[^\n|]{0,70}?)\.?$", re.I
)
_SENTENCE_END = re.compile(r"(?:[.。;,]|다\.?|니다\.?)$")


class NumberedHeading(NamedTuple):
    """A heading's text and level, and whether it is all of its line."""

    text: str
    level: int
    alone: bool


def heading_of(text: str) -> NumberedHeading | None:
    """The heading that a line is, or begins with in Korean rules; None for any other line."""
    line = text.strip()
    if found := _KOREAN.match(line):
        head = found["head"].strip()
        # '제3조에 따라' has no space after it; '제3조 및' goes on in a sentence.
        if found["part"] == "조" and not re.search(r"[)）】]$", head) and head != line:
            return None
        return NumberedHeading(head, 1 + _PARTS.index(found["part"]), head == line)
    if found := _NUMBERED.match(line):
        if _SENTENCE_END.search(line):
            return None
        return NumberedHeading(found["head"].strip(), 1 + found["number"].count("."), True)
    if (found := _NAMED.match(line)) and not _SENTENCE_END.search(line):
        return NumberedHeading(found["head"].strip(), 1, True)
    return None
