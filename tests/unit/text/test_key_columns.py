"""Comparison keys of many texts at once are those of each by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.text.key_columns import comparison_keys
from qaloom.text.normalize import comparison_key

PIECES = st.sampled_from(
    ["5", "March", "2024,", "10", "km", "오후", "6시", "영하", "twenty", "five", "of", "$", "100", "3만", "원", "사흘",
     "-", "...", "*p", "[0,", "1]", "AB-12", "X", "MW", "10²", "제", "3조", " ", "\n", "?", "가람이"]
)  # fmt: skip


@given(st.lists(st.lists(PIECES, max_size=7).map(" ".join), max_size=6))
def test_keys_are_those_of_each_text(texts):
    assert comparison_keys(texts) == list(map(comparison_key, texts))


@pytest.mark.parametrize("together", [1, 2, 3])
def test_texts_keep_their_keys_over_the_blocks(together, monkeypatch):
    monkeypatch.setattr("qaloom.text.words._TOGETHER", together)
    texts = ["10 km", "가 10", "km", "?", "", "5 March", "March", "나 다"]
    assert comparison_keys(texts) == list(map(comparison_key, texts))
