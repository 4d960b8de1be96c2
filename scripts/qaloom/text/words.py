"""Words of many texts at once, in Arrow's columns: each distinct word is looked up once, not wherever it stands."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qaloom.text.postings import gathered

_TOGETHER = 1 << 12  # texts whose words are held at once; Arrow holds up to 2 GiB of them


class WordColumns(NamedTuple):
    """Words of some texts, as `str.split` finds them."""

    distinct: list[str]
    numbers: np.ndarray  # int64[total]: for each word, the texts end to end, its position in `distinct`
    starts: np.ndarray  # int64[texts + 1]: where the words of each text start


def blocks_of(texts: Sequence[str]) -> Iterator[tuple[int, WordColumns]]:
    """The words of some thousand texts after the other, and how many texts stand before them."""
    for first in range(0, len(texts), _TOGETHER):
        yield first, words_of(texts[first : first + _TOGETHER])


def words_of(texts: Sequence[str]) -> WordColumns:
    """The words of texts. Raises UnicodeEncodeError for half a surrogate pair, which no row of a stage holds."""
    # Stripped, as Arrow reads on beyond the last text where that ends in a space.
    split = pc.utf8_split_whitespace(column([text.strip() for text in texts]))
    encoded = split.values.dictionary_encode()
    distinct, numbers = encoded.dictionary.to_pylist(), _numbers(encoded.indices)
    starts = _numbers(split.offsets)
    if "" not in distinct:
        return WordColumns(distinct, numbers, starts)
    there = numbers != distinct.index("")  # between two spaces side by side, Arrow has an empty word
    return WordColumns(distinct, numbers[there], np.append(0, np.cumsum(there))[starts])


def column(texts: Sequence[str]) -> pa.StringArray:
    """Texts as a column of Arrow's, without `pa.array`, which imports pandas."""
    builder = pa.lib.StringBuilder()
    builder.append_values(texts)
    return builder.finish()


def joined(parts: pa.StringArray, numbers: np.ndarray, starts: np.ndarray) -> list[str]:
    """Texts of parts put together: of `numbers`, int32, from each of `starts`, int32, to the next."""
    indices, offsets = (
        pa.Array.from_buffers(pa.int32(), len(values), [None, pa.py_buffer(values)])
        for values in (numbers, starts)
    )
    nothing = column([""])[0]
    return pc.binary_join(pa.ListArray.from_arrays(offsets, parts.take(indices)), nothing).to_pylist()


def _numbers(column: pa.Int32Array) -> np.ndarray:
    return np.frombuffer(column.buffers()[1], np.int32, len(column)).astype(np.int64)


def word_numbers(
    texts: Sequence[str], numbers: Mapping[str, tuple[int, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the texts, and the numbers of their words, both int32, the texts end to end.

    `numbers` has those that stand for what is written between two spaces: none, one or several.
    """
    positions, held = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for first, words in blocks_of(texts):
        each = list(map(numbers.__getitem__, words.distinct))
        starts = np.append(0, np.cumsum(np.fromiter(map(len, each), np.int64, len(each))))
        at, places = gathered(starts, words.numbers)
        texts_of_words = np.repeat(np.arange(len(words.starts) - 1, dtype=np.int32), np.diff(words.starts))
        positions.append(first + texts_of_words[at])
        held.append(np.fromiter(chain.from_iterable(each), np.int32, starts[-1])[places])
    return np.concatenate(positions), np.concatenate(held)
