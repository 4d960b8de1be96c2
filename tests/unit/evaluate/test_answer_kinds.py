"""Kinds of answers, and when an answer of each kind is right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.evaluate.answer_kinds import answer_kind, class_of_answer
from qaloom.evaluate.metrics import right

LONG = "신청서를 작성하여 총무과에 제출하면 3일 이내에 처리됩니다. 수수료는 없습니다."
ENGLISH = "Send the form to Kim Haneul, who answers within 3 days."


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("가람시 솔내구 물빛로 27", "short"),
        ("Lantern Street, second floor", "short"),
        ("예", "closed"),
        ("해당 없음", "closed"),
        ("문서에서 확인할 수 없습니다.", "closed"),
        (LONG, "long"),
        ("a b c d e f g h i", "long"),
        ("", "short"),
    ],
)
def test_the_reference_tells_the_kind(reference: str, kind: str) -> None:
    assert answer_kind(reference) == kind


@pytest.mark.parametrize(
    ("said", "reference", "is_right"),
    [
        ("예, 평일에 엽니다.", "예", True),
        ("네", "예", True),
        ("아니요, 닫습니다.", "예", False),
        ("평일에 엽니다.", "예", False),
        ("Yes, it is.", "yes", True),
        ("본 문서에는 해당 내용이 없어 답변할 수 없습니다.", "문서에서 확인할 수 없습니다.", True),
        ("가람시", "문서에서 확인할 수 없습니다.", False),
    ],
)
def test_closed_answers_are_right_by_class(said: str, reference: str, is_right: bool) -> None:
    assert right(said, reference) == is_right


@pytest.mark.parametrize(
    ("said", "reference", "is_right"),
    [
        ("「가람시」.", "가람시", False),
        ("가람시.", "가람시", True),
        ("15", "1.5", False),
        ("가람시입니다", "가람시", False),
    ],
)
def test_short_answers_match_exactly_with_their_figures(said: str, reference: str, is_right: bool) -> None:
    assert right(said, reference) == is_right


@pytest.mark.parametrize(
    ("said", "reference", "is_right"),
    [
        ("신청서를 작성하여 총무과에 내면 3일 안에 처리되며 수수료는 없습니다.", LONG, True),
        ("신청서를 작성하여 총무과에 제출하면 5일 이내에 처리됩니다. 수수료는 없습니다.", LONG, False),
        ("신청서를 작성하여 총무과에 제출하면 3일 이내에 처리됩니다. 수수료는 있습니다.", LONG, False),
        ("3일이 걸리며 따로 내는 돈은 없습니다.", LONG, False),
        ("You send the form to Kim Haneul, who answers in 3 days.", ENGLISH, True),
        ("You send the form to Lee Haneul, who answers in 3 days.", ENGLISH, False),
        (f"{ENGLISH} Fees are not.", f"{ENGLISH} Fees aren’t", True),
    ],
)
def test_long_answers_keep_figures_names_denials_and_wording(
    said: str, reference: str, is_right: bool
) -> None:
    assert right(said, reference) == is_right


@given(st.text("가나다라 은는 예아니요없습니다.,0123456789 abcKLM-", max_size=90))
def test_a_reference_is_right_of_itself(text: str) -> None:
    assert right(text, text) == 1


def test_the_first_clause_tells_the_class() -> None:
    assert [class_of_answer(a) for a in ("예. 엽니다", "No: closed", "엽니다. 예", "", "...")] == [
        "yes",
        "no",
        "",
        "",
        "",
    ]
