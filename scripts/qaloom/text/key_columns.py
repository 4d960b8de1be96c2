"""Comparison keys of many texts at once: each distinct word of some thousand texts is looked up once."""

from collections.abc import Sequence
from string import ascii_lowercase, ascii_uppercase

import numpy as np

from qaloom.text.binding import BOUND
from qaloom.text.characters import normal
from qaloom.text.normalize import WordKeys, comparison_key, read_whole, runs, word_tables
from qaloom.text.words import WordColumns, blocks_of, column, joined

# Whether a word is read with the one after it, by the letter of its own class and that of the other.
_BOUND = np.zeros((128, 128), bool)
for _one in ascii_uppercase:
    for _other in f".{ascii_lowercase}":
        _BOUND[ord(_one), ord(_other)] = BOUND.match(_one + _other) is not None


def comparison_keys(texts: Sequence[str]) -> list[str]:
    """`comparison_key` of each text; none may hold half a surrogate pair."""
    plain = list(map(normal, texts))
    found = [""] * len(plain)
    for korean in (True, False):
        those = [at for at, text in enumerate(plain) if text.isascii() != korean and not read_whole(text)]
        for first, words in blocks_of([plain[at] for at in those]):
            for at, key in zip(those[first:], _keys_of(words, word_tables(korean)[0]), strict=False):
                found[at] = key
    return [key or comparison_key(text) for key, text in zip(found, plain, strict=True)]


def _keys_of(words: WordColumns, keys: WordKeys) -> list[str]:
    """The keys of texts that one table is for; empty for a text of punctuation alone."""
    parts = [*map(keys.__getitem__, words.distinct), ""]
    numbers, empty = words.numbers.tolist(), len(words.distinct)
    for first, last in runs(_read_with_the_one_before(words, keys).tolist()):
        together = [words.distinct[number] for number in numbers[first - 1 : last + 1]]
        numbers[first - 1 : last + 1] = [len(parts)] + [empty] * (len(together) - 1)
        parts.append(keys[" ".join(together)])
    return joined(column(parts), np.array(numbers, np.int32), words.starts.astype(np.int32))


def _read_with_the_one_before(words: WordColumns, keys: WordKeys) -> np.ndarray:
    """Places of the words that are read together with the word before them in their text."""
    kinds = "".join(map(keys.classes.__getitem__, words.distinct)).encode()
    left, right = np.frombuffer(kinds, np.uint8).reshape(-1, 2)[words.numbers].T
    bound = np.append(False, _BOUND[right[:-1], left[1:]])
    bound[words.starts[words.starts < len(bound)]] = False
    return np.flatnonzero(bound)
