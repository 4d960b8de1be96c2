"""Numbers in one spelling: Korean and English numerals, dates, units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.text.canonical import canonical_notation
from qaloom.text.numbers import korean_value

SAME = [
    ("3만 5천 원", "삼만 오천 원", "₩35,000", "35,000원", "3만5000원"),
    ("1억 2,000만 원", "120,000,000원", "일억 이천만 원"),
    ("사흘 전", "3일 전"),
    ("두 시간", "2시간", "2 시간"),
    ("열두 명", "12명"),
    ("2019년 3월 14일", "2019.3.14", "2019-03-14"),
    ("14 March 2019", "March 14th, 2019", "2019-03-14"),
    ("twenty-five days", "25 days", "25-day"),
    ("three hundred and five dollars", "305 dollars", "$305"),
    ("15 percent", "15%", "15 per cent"),
    ("two thousand", "2,000"),
]
DIFFERENT = [
    ("3만 원", "3천 원"), ("30,000원", "3,000원"), ("14 March 2019", "14 May 2019"), ("두 명", "세 명"),
    ("사흘", "나흘"), ("25 days", "25 hours"), ("14 March 2019", "14 Course 2019"),
]  # fmt: skip
NO_NUMBERS = [
    "이 층에는 무엇이 있나요?", "사원은 누구에게 보고하나요?", "세대 수를 알려 주세요.", "한국어 세부 사항",
    "천장이 높은 방", "Which one of them may open it?", "조원이 모였다",
]  # fmt: skip


@pytest.mark.parametrize("texts", SAME, ids=lambda texts: texts[0])
def test_one_amount_has_one_spelling(texts):
    assert len({canonical_notation(text).replace(" ", "") for text in texts}) == 1


@pytest.mark.parametrize("one, other", DIFFERENT)
def test_other_amounts_stay_apart(one, other):
    assert canonical_notation(one) != canonical_notation(other)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_words_that_only_look_like_numbers_stay(text):
    assert canonical_notation(text) == text


def reading(number: int) -> str:
    """A number as Korean reads it, built the other way round from how it is parsed."""
    digits, small = "영일이삼사오육칠팔구", ["", "십", "백", "천"]
    groups = []
    for large in ("", "만", "억", "조"):
        number, group = divmod(number, 10_000)
        said = "".join(
            ("" if figure == "1" and power else digits[int(figure)]) + small[power]
            for power, figure in zip(range(3, -1, -1), f"{group:04}", strict=True)
            if figure != "0"
        )
        groups.insert(0, said + large if group else "")
    return "".join(groups)


@given(st.integers(1, 10**16 - 1))
def test_a_number_s_reading_gives_the_number(number):
    assert korean_value(reading(number)) == number


@given(st.integers(10, 10**12 - 1))
def test_a_price_in_letters_is_the_price_in_figures(number):
    assert canonical_notation(f"{reading(number)} 원").replace(" ", "") == canonical_notation(f"{number:,}원")
