"""Closed-class answers."""

import pytest

from qaloom.text.closed_answers import closed_class


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("예.", "yes"),
        ("Yes", "yes"),
        ("아니오", "no"),
        ("아닙니다.", "no"),
        ("No.", "no"),
        ("해당 없음", "none"),
        ("N/A", "none"),
        ("문서에서 확인할 수 없습니다.", "abstention"),
        ("해당 내용은 자료에 나와 있지 않습니다.", "abstention"),
        ("모르겠습니다.", "abstention"),
        ("I don't know.", "abstention"),
        ("The document does not say.", "abstention"),
        ("본관 3층", ""),
        ("예산팀", ""),
        ("법인 카드는 쓸 수 없습니다.", ""),
        ("3번 창구에서 답변을 받습니다.", ""),
        ("파손된 물품은 교환이 불가능합니다.", ""),
        ("Nolan", ""),
    ],
)
def test_class_of_an_answer(answer, name):
    assert closed_class(answer) == name
