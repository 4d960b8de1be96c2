"""Looking up the nearest training question, which needs no model."""

from typing import Any

import pytest
from predictions import prediction

import qaloom.evaluate.lookup
from qaloom.evaluate.lookup import add_lookup, nearest_rows
from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.retrieval import Index
from qaloom.inference.prompt import Question


def row(id: str, question: str, answer: str, input: str = "") -> dict[str, Any]:
    return {"id": id, "instruction": question, "input": input, "output": answer}


CODES = [
    row(f"{n}", f"오류 코드 E-{n}의 조치 방법은 무엇입니까?", f"밸브 {n}번을 잠급니다")
    for n in range(100, 140)
]


@pytest.mark.parametrize("by_bm25", [False, True])
def test_the_nearest_question_has_the_same_code(by_bm25: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question differs from 39 others in one or two digits, and from its own in many letters."""
    if by_bm25:
        monkeypatch.setattr(qaloom.evaluate.lookup, "_MOST_CELLS", 0)
    asked = [Question(f"E-{n} 코드가 뜨면 어떤 조치 방법을 써야 하나요?") for n in range(100, 140)]
    found = nearest_rows(asked, Index(CODES))
    assert [one["id"] for one in found] == [f"{n}" for n in range(100, 140)]


def test_without_the_same_values_the_most_similar_is_looked_up() -> None:
    rows = [row("1", "휴가는 며칠입니까?", "15일"), row("2", "본원의 주소는 어디입니까?", "가람시")]
    far = row("3", "2024년 예산안 심의 결과를 말해 주세요.", "의결")
    asked = [Question("본원 주소가 어디예요?"), Question("본원 주소는 2024년에 어디였나요?")]
    assert [one["id"] for one in nearest_rows(asked, Index([*rows, far]))] == ["2", "2"]


def test_a_question_with_a_text_is_compared_with_its_text() -> None:
    rows = [row("1", "누가 승인합니까?", "부서장", "출장"), row("2", "누가 승인합니까?", "소장", "휴가")]
    assert [one["id"] for one in nearest_rows([Question("누가 승인합니까?", "휴가")], Index(rows))] == ["2"]


def test_the_arm_is_scored_like_a_model() -> None:
    asked = prediction(reference="가람시")
    add_lookup([asked], [Question("본원 주소가 어디예요?")], Index([row("7", "본원의 주소는?", "가람시")]))
    assert (asked.lookup, asked.looked_up) == ("가람시", "7")
    assert {name: asked.scores[name]["lookup"] for name in SCORES}["right"] == 1


def test_without_a_training_row_nothing_is_looked_up() -> None:
    asked = prediction(reference="가람시")
    add_lookup([asked], [Question("어디?")], Index([]))
    assert (asked.lookup, asked.looked_up, asked.scores["right"]["lookup"]) == ("", "", 0)
