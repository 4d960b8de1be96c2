"""The failure list: what is on it, in which order, and what it says could mend it."""

from typing import Any

import msgspec
import pytest
from placements import contradiction
from predictions import prediction

from qaloom.evaluate.error_analysis import failures
from qaloom.evaluate.metrics import scores
from qaloom.evaluate.model_pair import Question
from qaloom.evaluate.retrieval import Index

TRAIN = [
    {"id": f"t{i}", "instruction": question, "input": "", "output": answer}
    for i, (question, answer) in enumerate(
        [
            ("본원의 주소는?", "가람시 물빛로 27"),
            ("본원의 주소를 알려 주세요.", "가람시 물빛로 27"),
            ("본원은 어디에 있나요?", "가람시 물빛로 27"),
            ("별관의 주소는?", "나루시 솔길 5"),
        ]
    )
]


def listed(
    *answers: tuple[str, str, str], contradictions: list | None = None, **more: Any
) -> list[dict[str, Any]]:
    """The failures among (question, reference, tuned model's answer)."""
    predictions = [
        prediction(
            id=f"p{i}",
            question=question,
            reference=reference,
            tuned=answer,
            scores={name: {"base": 0.0, "tuned": s} for name, s in scores(answer, reference).items()},
            **more,
        )
        for i, (question, reference, answer) in enumerate(answers)
    ]
    questions = [Question(question) for question, *_ in answers]
    return msgspec.to_builtins(failures(predictions, questions, Index(TRAIN), contradictions or []))


def test_right_answers_and_unseen_facts_are_none() -> None:
    assert listed(("본원 주소?", "가람시 물빛로 27", "가람시 물빛로 27.")) == []
    assert listed(("본원 주소?", "가람시 물빛로 27", "모름"), split="unseen") == []


def test_the_worst_come_first() -> None:
    found = listed(
        ("본원 주소?", "가람시 물빛로 27", "가람시 물빛로 72번지"),
        ("본원 주소?", "가람시 물빛로 27", "없음"),
        ("본원 주소?", "가람시 물빛로 27", "가람시"),
    )
    assert [one["tuned"] for one in found] == ["없음", "가람시", "가람시 물빛로 72번지"]


def test_it_names_the_nearest_row_and_counts_the_wordings() -> None:
    (one,) = listed(("별관 주소를 알고 싶어요", "나루시 솔길 5", "없음"))
    assert one["nearest"] == {"id": "t3", "question": "별관의 주소는?", "answer": "나루시 솔길 5"}
    assert one["wordings"] == 1


@pytest.mark.parametrize(
    ("reference", "said", "causes"),
    [
        ("가람시 물빛로 27", "없음", ["not_learned"]),
        ("가람시 물빛로 27", "가람시 물빛로 27입니다", ["form"]),
        ("가람시 물빛로 27", "나루시 솔길 5", ["mixed_up"]),
        ("나루시 솔길 5", "없음", ["few_wordings"]),
        ("나루시 솔길 5", "가람시 물빛로 27", ["few_wordings", "mixed_up"]),
    ],
)
def test_causes(reference: str, said: str, causes: list[str]) -> None:
    (one,) = listed(("본원의 주소는?", reference, said))
    assert one["causes"] == causes


def test_an_answer_that_was_cut() -> None:
    (one,) = listed(("본원?", "가람시 물빛로 27", "그것은"), cut={"base": False, "tuned": True})
    assert (one["cut"], one["causes"][0]) == (True, "cut")


def test_a_contradiction_of_the_nearest_row_or_of_the_question_itself() -> None:
    others = (("t8", "b.jsonl", 2, "가람시 물빛로 72"), ("t9", "c.jsonl", 3, "가람시 물빛로 27."))
    answer = ("본원의 주소는?", "가람시 물빛로 27", "가람시 물빛로 72")
    (one,) = listed(answer, contradictions=[contradiction(("t0", "a.jsonl", 1, "가람시 물빛로 27"), *others)])
    assert one["contradicted_by"] == [{"source": "b.jsonl", "line": 2, "output": "가람시 물빛로 72"}]
    assert one["causes"][0] == "contradicted"
    own_row = ("p0", "a.jsonl", 1, "가람시 물빛로 27")
    (own,) = listed(("누구?", *answer[1:]), contradictions=[contradiction(own_row, *others)])
    assert own["causes"][0] == "contradicted"


def test_no_training_row_is_like_it() -> None:
    (one,) = listed(("zzz", "가람시 물빛로 27", ""))
    assert one["nearest"] is None and one["contradicted_by"] == []
