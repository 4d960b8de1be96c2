"""Weights of words and the rows that hold them, against a plain count of sets."""

import re
from math import log

from hypothesis import given
from hypothesis import strategies as st

from qaloom.split.word_weights import Weights, shortened

WORDS = ["가람호는", "가람", "가", "나래호", "나", "Garam", "garams", "cats", "cat", "e31", "31", "·", "the"]
QUESTIONS = st.lists(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), max_size=8)


def held(question: str) -> set[str]:
    return set(map(shortened, re.findall(r"(?<![가-힣])[가-힣]{1,2}|[a-z0-9]+", question.casefold())))


@given(QUESTIONS, st.sampled_from(["가람", "가", "나래", "garam", "cats", "e31", "없", "zz"]))
def test_a_word_weighs_by_the_rows_that_hold_it(questions: list[str], word: str) -> None:
    rows = [held(question) for question in questions]
    alone = len(word) == 1 and word >= "가"
    count = sum(any(w[0] == word for w in row) if alone else shortened(word) in row for row in rows)
    assert Weights(questions).of(word) == log(1 + len(rows) / max(1, count))


@given(QUESTIONS, st.lists(st.sampled_from(["가람", "가", "나래", "garam", "cats", "e31", "없"]), max_size=3))
def test_rows_that_hold_all_of_some_words(questions: list[str], words: list[str]) -> None:
    wanted = {shortened(word) for word in words}
    expected = [row for row, question in enumerate(questions) if words and wanted <= held(question)]
    assert Weights(questions).rows_with(words).tolist() == expected
