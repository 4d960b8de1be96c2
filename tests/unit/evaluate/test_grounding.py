"""Grounding: which rows are near enough to answer, and which of them an answer rests on."""

import numpy as np
import pytest

from qaloom.evaluate.grounding import Cited, Grounding, abstention, cited
from qaloom.evaluate.retrieval import Index
from qaloom.inference.prompt import Question


def row(id, question, answer, **more):
    return {"id": id, "instruction": question, "input": "", "output": answer, **more}


ROWS = [
    row("1", "한빛도서관은 평일 몇 시에 여나요?", "오전 9시"),
    row("2", "오류 코드 E31은 무슨 뜻인가요?", "용지 걸림"),
    row("3", "오류 코드 E32는 무슨 뜻인가요?", "토너 부족"),
    row("4", "What load may the Norwick hoist carry?", "250 kg"),
    row("5", "Who signs for travel of the hoist crew?", "the yard master"),
    row("6", "한빛도서관은 평일 언제 문을 여나요?", "오전 9시"),
]


def near(question, most=3, likeness=0.2, **more):
    found = Grounding(Index(ROWS), most, likeness, **more).near([Question(question)])[0]
    return [one["id"] for one in found]


def test_the_row_that_answers_is_near_and_one_a_fact():
    assert near("E31 오류 코드의 뜻이 궁금합니다.") == ["2"]
    assert near("한빛도서관 평일 여는 시각을 알려 주세요.")[0] in ("1", "6")
    assert len(near("한빛도서관 평일 여는 시각을 알려 주세요.")) == 1
    assert near("What may the Norwick hoist carry?")[0] == "4"


@pytest.mark.parametrize(
    "question",
    [
        "오류 코드 E33은 무슨 뜻인가요?",
        "무지개도서관은 평일 몇 시에 여나요?",
        "What load may the Willowmere hoist carry?",
        "한빛도서관은 주말 몇 시에 여나요?",
        "점심은 뭐 먹지?",
        "zzz",
        "?",
    ],
)
def test_a_question_about_another_thing_has_no_near_row(question):
    assert near(question, likeness=0.05) == []


def test_rows_less_alike_than_one_that_asks_for_another_thing_do_not_count():
    """Without the look-alike of its own row, the question would be given another row of the hoist."""
    assert near("What load may the Willowmere hoist carry?", likeness=0.01) == []
    grounding = Grounding(Index(ROWS), 3, 0.01)
    assert grounding.likeness_of("What load may the Willowmere hoist carry?", ROWS[4]) > 0.01


def test_likeness_is_one_for_the_rows_own_question_and_nothing_without_common_words():
    grounding = Grounding(Index(ROWS), 3, 0.2)
    assert grounding.likeness_of(ROWS[3]["instruction"], ROWS[3]) == pytest.approx(1)
    assert grounding.likeness_of("점심은?", ROWS[3]) == grounding.likeness_of("", ROWS[3]) == 0


def test_a_near_enough_threshold_shuts_all_out():
    assert near("What may the Norwick hoist carry?", likeness=1) == []
    assert Grounding(Index([]), 3, 0.2).near([Question("a")]) == [[]]
    assert Grounding(Index(ROWS), 3, 0.2).near([]) == []


class Encoder:
    """An embedding model to which every question is like the row about travel, and no other."""

    threshold = 0.9

    def vectors(self, texts):
        alike = [text == ROWS[4]["instruction"] or "permits" in text for text in texts]
        return np.array([[1.0, 0.0] if one else [0.0, 1.0] for one in alike], np.float32)


def test_an_embedding_model_finds_what_words_do_not_and_another_name_still_counts():
    assert near("the one who permits trips") == []
    assert near("the one who permits trips", embedder=Encoder()) == ["5"]
    assert near("the one who permits trips to Willowmere", embedder=Encoder()) == []


# ---------------------------------------------------------------- the ground of an answer


@pytest.mark.parametrize(
    ("answer", "rows", "found"),
    [
        ("250 kg", [ROWS[4], ROWS[3]], Cited([2], True)),
        ("It may carry 250 kg. The yard master signs.", [ROWS[3], ROWS[4]], Cited([1, 2], True)),
        ("It may carry 250 kg. Lunch is at noon.", [ROWS[3]], Cited([1], False)),
        ("260 kg", [ROWS[3]], Cited([], False)),
        ("E32는 용지 걸림입니다.", [ROWS[1], ROWS[2]], Cited([], False)),
        ("The documents do not say.", [ROWS[3]], Cited([], True)),
        ("", [ROWS[3]], Cited([], True)),
        ("250 kg", [], Cited([], False)),
        ("...", [ROWS[3]], Cited([], False)),
        (
            "Yes. Lunch is at noon in the yard, and there is soup.",
            [row("7", "Is it open?", "Yes.")],
            Cited([], False),
        ),
    ],
)
def test_an_answer_rests_on_rows_that_say_it(answer, rows, found):
    assert cited(answer, "What?", rows) == found


def test_the_abstention_is_in_the_questions_language():
    text = {"ko": "모릅니다.", "en": "Unknown."}
    assert abstention("언제 여나요?", text) == "모릅니다."
    assert abstention("When does it open?", text) == "Unknown."
