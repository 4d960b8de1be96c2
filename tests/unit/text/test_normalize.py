"""The comparison key: word by word as read whole, for any text, and blind to spaces, case and punctuation alone."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaloom.text import normalize as module
from qaloom.text.characters import normal
from qaloom.text.normalize import comparison_key, key_digits


def read_whole(text):
    """The key of a text that is read at once, not word by word."""
    text = " ".join(normal(text).split())
    return module._key(text, not text.isascii()) or "".join(text.split())


# No text has all combinations of these; a mark or a magnitude alone between others has no one reading.
PIECES = st.sampled_from(
    [
        "가",
        "두",
        "세",
        "명",
        "원",
        "시",
        "반",
        "오후",
        "제3조",
        "-5",
        "3",
        "12",
        "1.5",
        "2,5",
        "1,",
        "10²",
        "½",
        "km",
        "MW",
        "Mb",
        "Co",
        "CO",
        "A+",
        "A-",
        "-r",
        "C#",
        "a&b",
        "5!",
        "March",
        "of",
        "5th",
        "pm",
        "twenty",
        "%",
        "2024.1.11",
        "사흘",
        "퍼센트",
        "°C",
        "m2",
        "B",
    ]
)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=7).map(" ".join))
def test_word_by_word_gives_what_reading_the_whole_gives(text):
    assert comparison_key(text) == read_whole(text)


@settings(max_examples=1000, deadline=None)
@given(st.text() | st.lists(PIECES | st.characters(), max_size=12).map("".join))
def test_any_text_has_a_key(text):
    key = comparison_key(text)
    assert comparison_key(text + " ") == comparison_key("\n" + text) == key
    assert bool(key) == bool(normal(text).split())


def test_every_character_has_a_key():
    for point in range(sys.maxunicode + 1):
        if unicodedata.category(chr(point)) not in ("Cn", "Co"):
            comparison_key(f"가{chr(point)}1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("본원의 주소는?", "본원의주소는"),
        ("What is it?", "WHAT IS IT"),
        ("안내 데스크, 1층", "안내데스크 1층."),
        ("e-mail", "email"),
        ("한글", unicodedata.normalize("NFD", "한글")),
        ("**중요** 사항", "중요 사항"),
        ("- 첫째 항목", "첫째 항목"),
    ],
)
def test_spaces_case_and_punctuation_do_not_count(one, other):
    assert comparison_key(one) == comparison_key(other)


def test_digits_of_a_key():
    assert key_digits(comparison_key("1,200원을 2024.3.5.까지")) == ["1200", "2024", "3", "5"]
