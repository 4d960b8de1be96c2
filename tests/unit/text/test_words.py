"""Words of many texts at once: what `str.split` finds, and the numbers that stand for it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from qaloom.text.words import word_numbers, words_of

TEXTS = st.lists(st.text(st.sampled_from("ab가 \u3000\n\x1c"), max_size=9), max_size=5)


class Lengths(dict[str, tuple[int, ...]]):
    """Stands for each word as many times as it has letters."""

    def __missing__(self, word):
        return tuple(range(len(word)))


@given(TEXTS)
def test_the_words_are_those_of_split(texts):
    found = words_of(texts)
    words = [found.distinct[number] for number in found.numbers.tolist()]
    starts = found.starts.tolist()
    split = [words[start:end] for start, end in pairwise(starts)]
    assert split == [text.split() for text in texts]


@given(TEXTS)
def test_each_word_stands_for_its_numbers(texts):
    positions, held = word_numbers(texts, Lengths())
    expected = [(at, n) for at, text in enumerate(texts) for word in text.split() for n in range(len(word))]
    assert list(zip(positions.tolist(), held.tolist(), strict=True)) == expected


def test_numbers_go_on_over_the_blocks(monkeypatch):
    monkeypatch.setattr("qaloom.text.words._TOGETHER", 2)
    texts = ["a b", "", "c", "a", "d d"]
    positions, _ = word_numbers(texts, Lengths())
    assert positions.tolist() == [0, 0, 2, 3, 4, 4]
