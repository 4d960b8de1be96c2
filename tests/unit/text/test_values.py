"""Values: what reads the same in every notation, and what never does."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notations import FRAMES, KINDS

from qaloom.text.normalize import comparison_key
from qaloom.text.values import Kind, same_values, values

SAME = [
    ("30,000원", "3만 원", "삼만 원", "₩30,000", "KRW 30,000", "30000 원"),
    ("1998.3.5.", "1998년 3월 5일", "1998-03-05", "1998. 3. 5.", "March 5, 1998", "5th of March 1998"),
    ("25/12/2024", "2024-12-25", "12/25/2024"),
    ("오후 6시", "18시", "18:00", "6 p.m.", "6pm", "오후 6시 정각"),
    ("오후 6시 30분", "18:30", "오후 6시 반", "6:30 p.m."),
    ("10 km", "10km", "10킬로미터", "10 kilometers", "10㎞"),
    ("100㎡", "100 m²", "100m^2", "100 m2", "100제곱미터"),
    ("1,000원", "천 원", "1000원"),
    ("3~5일", "3∼5일", "3-5일", "3일~5일"),
    ("1/2컵", "1 / 2컵", "½컵", "2분의 1컵"),
    ("-5도", "−5도", "영하 5도"),
    ("1억 2,000만 원", "120,000,000원", "1.2억 원"),
    ("twenty-five days", "25 days", "25-day"),
    ("$305", "305 dollars", "three hundred and five dollars", "US$305"),
    ("02-123-4567", "02) 123-4567", "(02) 123-4567", "+82-2-123-4567"),
    ("a != b", "a ≠ b"),
    ("2*3", "2 × 3"),
    ("USB 메모리", "usb 메모리"),
    ("AB-12X", "AB 12X", "ab12x"),
    ("KS-X-1", "KS X 1", "KSX1"),
    ("220V", "220 v", "220볼트"),
    ("5 mL", "5 ml", "5밀리리터"),
    ("❤️", "❤"),
    ("10²", "10^2"),
]
DIFFERENT = [
    ("2024.1.11", "2024.11.1"), ("192.168.1.11", "192.168.11.1"), ("1/2컵", "12컵"), ("C#", "C", "C++"), ("5!", "5"),
    ("3.1.12절", "3.11.2절"), ("1, 2", "12", "1.2", "1,2", "1 2"), ("1:1", "11"), ("2,5 mg", "25 mg", "2.5 mg"),
    ("5 mW", "5 MW"), ("CO 농도", "Co 농도"), ("a != b", "a = b", "a == b"), ("A", "A+", "A−"), ("10 mΩ", "10 MΩ"),
    ("100 Mb/s", "100 MB/s"), ("*p", "&p", "p"), ("2*3", "23"), ("👍", "👎"), ("A/B", "AB"), ("-R", "-r", "R"),
    ("10²", "102"), ("10₂", "102"), ("1½", "11/2"), ("①②", "12"), ("03/04/2024", "2024년 3월 4일", "2024년 4월 3일"),
    ("3-5조", "35조"), ("12-3번지", "123번지", "1-23번지"), ("오전 6시", "오후 6시"), ("6시간", "6시"), ("-5도", "5도"),
    ("40만 원", "40억 원"), ("v1.2", "v12"), ("(0, 1]", "[0, 1)"), ("5:3", "53", "3:5"), ("Rh-", "Rh+"), ("k", "K"),
    ("10⁻³", "10³", "10-3"), ("x_1", "x1"), (":)", ":("), ("==", "!="), ("R&D", "RD"), ("#1", "1"), ("mA", "MA"),
    ("5 g", "5 G"), ("3.10", "3.1"), ("05", "5"), ("++i", "i"), ("!x", "x"), ("/etc/passwd", "etc passwd"),
]  # fmt: skip


@pytest.mark.parametrize("texts", SAME, ids=lambda texts: texts[0])
def test_equal_values_agree(texts):
    assert len({comparison_key(text) for text in texts}) == 1
    assert all(same_values(texts[0], text) and same_values(text, texts[0]) for text in texts)


@pytest.mark.parametrize("texts", DIFFERENT, ids=lambda texts: texts[0])
def test_different_values_never_agree(texts):
    assert len({comparison_key(text) for text in texts}) == len(texts)
    pairs = [(one, other) for one in texts for other in texts if one != other]
    assert not any(same_values(one, other) for one, other in pairs)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**9), frame=st.sampled_from(FRAMES))
def test_notations_of_one_value_agree_in_any_sentence(kind, seed, frame):
    _, notations = kind(random.Random(seed))
    keys = {comparison_key(frame.format(notation)): notation for notation in notations}
    assert len(keys) == 1, keys
    assert all(same_values(frame.format(notations[0]), frame.format(notation)) for notation in notations)


@settings(max_examples=600, deadline=None)
@given(
    seeds=st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)),
    kinds=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    frame=st.sampled_from(FRAMES),
)
def test_other_values_have_other_keys(seeds, kinds, frame):
    (one, ones), (other, others) = (
        kind(random.Random(seed)) for kind, seed in zip(kinds, seeds, strict=True)
    )
    if one != other:
        left, right = frame.format(ones[-1]), frame.format(others[0])
        assert comparison_key(left) != comparison_key(right)
        assert not same_values(left, right)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 10**9),
    at=st.integers(0, 99),
    digit=st.sampled_from("123456789"),
)
def test_one_digit_makes_another_value(kind, seed, at, digit):
    text = kind(random.Random(seed))[1][0]
    places = [n for n, c in enumerate(text) if c.isdigit()]
    place = places[at % len(places)]
    other = text[:place] + digit + text[place + 1 :]
    if other != text:
        assert comparison_key(other) != comparison_key(text)
        assert not same_values(other, text)


def test_values_are_typed():
    found = values("192.168.1.11의 KS-X-1은 −5℃, 3만 원 👍")
    assert [value.kind for value in found] == [
        Kind.SEQUENCE, Kind.CODE, Kind.NUMBER, Kind.NUMBER, Kind.MARK,
    ]  # fmt: skip
    assert found[3].text == "30000원"
