"""The guard: one character may be another fact."""

import pytest

from qaloom.text.facts import Difference, factual_difference, same_facts, without_labels


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("보존 기간은 3년입니다", "보존 기간은 5년입니다"),
        ("제3조 2항", "제2조 3항"),
        ("1.5 m", "15 m"),
        ("-5도에서", "5도에서"),
        ("40만 원", "40억 원"),
        ("40 만원", "41 만원"),
        ("5 kg까지", "5 g까지"),
        ("10 minutes", "10 hours"),
        ("세 명이 필요합니다", "네 명이 필요합니다"),
        ("사흘 전까지", "나흘 전까지"),
        ("three weeks", "five weeks"),
        ("10²", "102"),
    ],
)
def test_other_numbers(one, other):
    assert not same_facts(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000원", "1000원"),
        ("842.5㎡", "842.5 m²"),
        ("2024.3.5", "2024. 3. 5."),
        ("한국의 수도", "한국의  수도는"),
        ("안내 데스크", "안내데스크"),
    ],
)
def test_same_numbers(one, other):
    assert same_facts(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AB-12X의 가격", "AB-12Y의 가격"),
        ("TCP 포트", "UDP 포트"),
        ("A동 위치", "B동 위치"),
        ("grade B steel", "grade C steel"),
        ("the RX rope", "the RZ rope"),
        ("Rh- 혈액", "Rh+ 혈액"),
    ],
)
def test_other_codes(one, other):
    assert not same_facts(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("AB-12X", "AB 12X"), ("usb 메모리", "USB 메모리"), ("ab12x", "AB-12X")]
)
def test_same_codes(one, other):
    assert same_facts(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("반출할 수 있습니다", "반출할 수 없습니다"),
        ("승인을 받아야 합니다", "승인을 받지 않아야 합니다"),
        ("사용이 허용됩니다", "사용이 금지됩니다"),
        ("해도 됩니다", "해서는 안 됩니다"),
        ("가능합니까", "불가능합니까"),
        ("10일 이상", "10일 이하"),
        ("최대 하중", "최소 하중"),
        ("오전 9시", "오후 9시"),
        ("무료입니다", "유료입니다"),
        ("불을 켜는 때", "불을 끄는 때"),
        ("요금이 인상된 날", "요금이 인하된 날"),
        ("it is covered", "it is not covered"),
        ("it can be used", "it can't be used"),
        ("with approval", "without approval"),
        ("safe to use", "unsafe to use"),
        ("a valid pass", "an invalid pass"),
        ("before the audit", "after the audit"),
        ("the maximum load", "the minimum load"),
    ],
)
def test_other_polarity(one, other):
    assert not same_facts(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("보안 교육", "보안교육"),
        ("하면 안 됩니다", "하면 안됩니다"),
        ("it isn't covered", "it is not covered"),
        ("can’t", "can't"),
        ("the unit under test", "the units under test"),
        ("연구원 본원의 주소는 어디인가요?", "연구원 본원의 주소가 어디인가요?"),
        ("안내 데스크는 어디에 있나요?", "안내 데스크는 어디 있나요?"),
    ],
)
def test_same_polarity(one, other):
    assert same_facts(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("몇 mg인가요?", "몇 mL인가요?"),
        ("이 년마다", "삼 년마다"),
        ("ㄱ12 서가", "ㄴ12 서가"),
        ("납부자", "미납자"),
    ],
)
def test_other_words_where_the_values_are_the_same(one, other):
    assert factual_difference(one, other) == factual_difference(other, one) == Difference.OTHER


@pytest.mark.parametrize(
    "text",
    [
        "Q. 2년입니다.",
        "A. 2년입니다.",
        "답변: 2년입니다.",
        "2년입니다. 이상입니다.",
        "2년입니다. That is all.",
    ],
)
def test_labels_and_closings_are_left_out(text):
    assert without_labels(text) == "2년입니다."
    assert factual_difference(text, "2년입니다.") == Difference.HARMLESS
