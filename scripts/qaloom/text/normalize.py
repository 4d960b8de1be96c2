"""The comparison key: two texts with one key say the same, and other values have other keys."""

import re
import sys
import unicodedata

from qaloom.text.binding import BINDING_ALONE, BOUND_PAIRS, PLAIN, word_class
from qaloom.text.canonical import canonical_notation
from qaloom.text.characters import normal
from qaloom.text.marks import UNCASED, marked

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
    keys, classes = _KOREAN if korean else _ENGLISH
    if len(keys) > _REMEMBERED:
        keys.clear()
        classes.clear()
    parts = [keys[word] for word in words]
    special = [at for at, word in enumerate(words) if word in classes]
    if len(special) > 1 or (special and classes[words[special[0]]] in BINDING_ALONE):
        _read_together(words, parts, special, keys, classes)
    return "".join(parts) or "".join(words)


_REMEMBERED = 300_000  # words


class _Keys(dict[str, str]):
    """The key of each word, and of words read together, in texts with Hangul, or in those without."""

    def __init__(self, korean: bool, classes: dict[str, str]):
        super().__init__()
        self.korean, self.classes = korean, classes

    def __missing__(self, word: str) -> str:
        self[word] = key = _key(word, self.korean)
        if " " not in word and (found := _class(word, key)) != PLAIN:
            self.classes[word] = found
        return key


def _class(word: str, key: str) -> str:
    """The class of a word, by its key, too: a number in letters (사흘 is 3일), a capital that counts (Mb)."""
    left, right = tuple(word_class(word))
    if left == "." and key[:1].isdigit():
        left = "n"
    if right == "Z":
        right = "D" if key[-1:].isdigit() else "U" if any(ord(c) in UNCASED for c in key) else "Z"
    return left + right


def _word_tables(korean: bool) -> tuple[_Keys, dict[str, str]]:
    """Keys by word, and the classes of those words that may be read with others."""
    classes: dict[str, str] = {}
    return _Keys(korean, classes), classes


_KOREAN, _ENGLISH = _word_tables(True), _word_tables(False)


def _read_together(
    words: list[str], parts: list[str], special: list[int], keys: _Keys, classes: dict[str, str]
) -> None:
    """Give the first of words that are read together the key of all of them, the others none."""
    bound: set[int] = set()  # places of words that are read with the one before them
    for at in special:
        kind = classes[words[at]]
        left, right = kind[0], kind[1]
        if at and classes.get(words[at - 1], PLAIN)[1] + left in BOUND_PAIRS:
            bound.add(at)
        if at + 1 < len(words) and right + classes.get(words[at + 1], PLAIN)[0] in BOUND_PAIRS:
            bound.add(at + 1)
    for at in sorted(bound):
        if at - 1 in bound:
            continue
        end = at + 1
        while end in bound:
            end += 1
        parts[at - 1 : end] = [keys[" ".join(words[at - 1 : end])], *[""] * (end - at)]


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
    return _DIGITS.findall(key)


_DIGITS = re.compile("[0-9]+")


def jamo(key: str) -> str:
    """A comparison key with each Hangul syllable taken apart, so that a changed ending costs less."""
    return unicodedata.normalize("NFD", key)
