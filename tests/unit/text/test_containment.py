"""Answers that hold one another."""

import pytest

from qaloom.text.containment import holds


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("과장이 결재한다.", "과장"),
        ("1989년 2월 15일", "1989년"),
        ("구입일부터 2년", "2년"),
        ("별관 1층 103호", "별관 1층"),
        ("소나무회(PINE)", "소나무회"),
        ("It is 5 km from here.", "5km"),
        ("답은 3일입니다. 이상입니다.", "답은 3일입니다."),
        ("가람시에 있습니다", "가람시"),
        ("제5조 2항", "제5조"),
    ],
)
def test_held(long, short):
    assert holds(long, short)


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("140만 원", "40만 원"),
        ("1시간 30분", "30분"),
        ("1시간 30분", "1시간"),
        ("불가능합니다", "가능합니다"),
        ("A+", "A"),
        ("C#", "C"),
        ("A/B", "A"),
        ("-5도", "5도"),
        ("2년 6개월", "2년"),
        ("승인이 필요 없다", "승인이 필요"),
        ("12컵", "2컵"),
        ("예약하세요", "예"),
        ("...", "."),
    ],
)
def test_not_held(long, short):
    assert not holds(long, short)
