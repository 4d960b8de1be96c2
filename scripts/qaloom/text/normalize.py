"""The comparison key: two texts with one key say the same, and other values have other keys."""

import re
import sys
import unicodedata

from qaloom.text.binding import BOUND, BOUND_PAIRS, word_class
from qaloom.text.canonical import canonical
from qaloom.text.characters import normal
from qaloom.text.marks import marked

_LAST = "\uffff"
_KINDS = ("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs", "Zl", "Zp", "Cc", "Cf")
_FULL_WIDTH = range(0xFF01, 0xFFF0)  # the stand-ins of `marks.marked`, which NFKC leaves in no text
_MARKS = [
    chr(point)
    for point in range(sys.maxunicode + 1)
    if unicodedata.category(chr(point)) in _KINDS and chr(point) not in "%‰." and point not in _FULL_WIDTH
] + ["\N{VARIATION SELECTOR-15}", "\N{VARIATION SELECTOR-16}"]
# Of UTF-8 the marks in ASCII go quickest, as bytes. A character class is quick up to U+FFFF only, so the
# marks beyond are dropped where a text goes so far.
_ASCII_MARKS = "".join(mark for mark in _MARKS if mark.isascii()).encode()
_WIDER_MARKS = "".join(mark for mark in _MARKS if not mark.isascii() and mark <= _LAST)
_DROPPED = re.compile(f"[{re.escape(_WIDER_MARKS)}]+")
_BEYOND = re.compile(f"[^\0-{_LAST}]")
_DROPPED_BEYOND = {ord(mark): None for mark in _MARKS if mark > _LAST}
_POINT = re.compile(r"(?<!\d)\.+|\.+(?!\d)")


def comparison_key(text: str) -> str:
    """The comparison key of a text: its values in one notation, casefolded, without spaces and punctuation.

    Kept, since they change what a text says, are the marks and capitals for which `marks.marked` puts a
    stand-in, per cent, operators and symbols. A text of punctuation alone is its own key, without spaces.
    """
    text = normal(text)
    korean = not text.isascii()
    if "*" in text or "[" in text or "]" in text:
        return _key(text, korean) or "".join(text.split())
    words = text.split()
    known = _KOREAN_WORDS if korean else _ENGLISH_WORDS
    if len(known) > _REMEMBERED:
        known.clear()
    found = [known[word] for word in words]
    if BOUND.search("".join([kind for _, kind in found])):
        key = "".join([known[together][0] for together in _together(words, found)])
    else:
        key = "".join([part for part, _ in found])
    return key or "".join(words)


_REMEMBERED = 300_000  # words


class _Words(dict[str, tuple[str, str]]):
    """The key and the class of each word (or of words read together) in texts with Hangul, or in those without."""

    def __init__(self, korean: bool):
        super().__init__()
        self.korean = korean

    def __missing__(self, word: str) -> tuple[str, str]:
        self[word] = found = _key(word, self.korean), word_class(word)
        return found


_KOREAN_WORDS, _ENGLISH_WORDS = _Words(True), _Words(False)


def _together(words: list[str], found: list[tuple[str, str]]) -> list[str]:
    """The words, with those in one that are read together."""
    joined = [words[0]]
    for word, (_, kind), (_, last) in zip(words[1:], found[1:], found, strict=False):
        if last[1] + kind[0] in BOUND_PAIRS:
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    return joined


def _key(text: str, korean: bool) -> str:
    """The comparison key of a text in NFKC, read as a whole."""
    key = marked(canonical(text), korean).casefold()
    if "." in key:
        key = _POINT.sub("", key)
    key = key.encode("utf-8", "surrogatepass").translate(None, _ASCII_MARKS).decode("utf-8", "surrogatepass")
    if not key.isascii():
        key = _DROPPED.sub("", key)
        key = key.translate(_DROPPED_BEYOND) if _BEYOND.search(key) else key
    return key


def key_digits(key: str) -> list[str]:
    """The runs of digits of a comparison key: texts with the same values have the same ones."""
    return _DIGITS.findall(key)


_DIGITS = re.compile("[0-9]+")


def jamo(key: str) -> str:
    """A comparison key with each Hangul syllable taken apart, so that a changed ending costs less."""
    return unicodedata.normalize("NFD", key)
