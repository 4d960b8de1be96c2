"""The comparison key: two texts with one key say the same, and other values have other keys."""

import re
import unicodedata

from qaloom.text.binding import BOUND, word_class
from qaloom.text.canonical import canonical_notation
from qaloom.text.characters import normal
from qaloom.text.marks import UNCASED, marked

_LAST = "\uffff"
_KINDS = ("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs", "Zl", "Zp", "Cc", "Cf")
_FULL_WIDTH = range(0xFF01, 0xFFF0)  # the stand-ins of `marks.marked`, which NFKC leaves in no text
# The planes between hold Han characters and nothing else, the last two are for private use.
_MAY_BE_MARKS = (*range(0x20000), *range(0xE0000, 0xE1000))
_MARKS = [
    chr(point)
    for point in _MAY_BE_MARKS
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
    if read_whole(text):
        return _key(text, korean) or "".join(text.split())
    words = text.split()
    keys, classes = word_tables(korean)
    parts = list(map(keys.__getitem__, words))
    kinds = "".join(map(classes.__getitem__, words))
    if BOUND.search(kinds, 1):
        _read_together(words, parts, kinds, keys)
    return "".join(parts) or "".join(words)


def read_whole(text: str) -> bool:
    """Whether a text holds marks that its words cannot be read without: emphasis, a pointer, an interval."""
    return "*" in text or "[" in text or "]" in text


class WordKeys(dict[str, str]):
    """The key of each word, and of words read together, in texts with Hangul, or in those without."""

    def __init__(self, korean: bool):
        super().__init__()
        self.korean = korean
        self.classes: dict[str, str] = {}

    def __missing__(self, word: str) -> str:
        self[word] = key = _key(word, self.korean)
        if " " not in word:
            self.classes[word] = _class(word, key)
        return key


def _class(word: str, key: str) -> str:
    """The class of a word, by its key, too: a number in letters (사흘 is 3일), a capital that counts (Mb)."""
    left, right = tuple(word_class(word))
    if left == "." and key[:1].isdigit():
        left = "n"
    if right == "Z":
        right = "D" if key[-1:].isdigit() else "U" if any(ord(c) in UNCASED for c in key) else "Z"
    return left + right


def word_tables(korean: bool) -> tuple[WordKeys, dict[str, str]]:
    """Keys by word, and the classes of the words, in texts with Hangul or in those without."""
    keys = _KEYS[korean]
    if len(keys) > _REMEMBERED:
        keys.clear()
        keys.classes.clear()
    return keys, keys.classes


_REMEMBERED = 300_000  # words
_KEYS = {korean: WordKeys(korean) for korean in (True, False)}


def _read_together(words: list[str], parts: list[str], kinds: str, keys: WordKeys) -> None:
    """Give the first of words that are read together the key of all of them, the others none."""
    bound = [match.start() // 2 + 1 for match in BOUND.finditer(kinds, 1)]  # words read with the one before
    for first, last in runs(bound):
        parts[first - 1 : last + 1] = [
            keys[" ".join(words[first - 1 : last + 1])],
            *[""] * (last - first + 1),
        ]


def runs(places: list[int]) -> list[list[int]]:
    """First and last of each run of successive places."""
    found: list[list[int]] = []
    for place in places:
        if found and place == found[-1][1] + 1:
            found[-1][1] = place
        else:
            found.append([place, place])
    return found


def _key(text: str, korean: bool) -> str:
    """The comparison key of a text in NFKC, read as a whole."""
    key = marked(canonical_notation(text), korean).casefold()
    if "." in key:
        key = _POINT.sub("", key)
    key = key.encode("utf-8", "surrogatepass").translate(None, _ASCII_MARKS).decode("utf-8", "surrogatepass")
    if not key.isascii():
        key = _DROPPED.sub("", key)
        key = key.translate(_DROPPED_BEYOND) if _BEYOND.search(key) else key
    return key


def key_digits(key: str) -> list[str]:
    """The runs of digits of a comparison key: texts with the same values have the same ones."""
    return key.encode("utf-8", "surrogatepass").translate(_DIGITS).decode().split()


_DIGITS = bytes(code if chr(code) in "0123456789" else ord(" ") for code in range(256))


def jamo(key: str) -> str:
    """A comparison key with each Hangul syllable taken apart, so that a changed ending costs less."""
    return unicodedata.normalize("NFD", key)
