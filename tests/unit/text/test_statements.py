"""Statements, and statements with a blank, of a question with its answer."""

import pytest

from qaloom.text.statements import cloze, statement

SAID = [
    ("How much does the red kettle cost?", "30 euros", "The red kettle costs 30 euros."),
    ("Where is the old boiler?", "in the cellar", "The old boiler is in the cellar."),
    (
        "What are the dimensions of the desk?",
        "2 by 1 metres",
        "The dimensions of the desk are 2 by 1 metres.",
    ),
    ("How long does the tour take?", "an hour", "The tour takes an hour."),
    ("Which room is the largest?", "the attic", "Which room is the largest: the attic"),
    ("How many seats does the hall have?", "ninety", "How many seats the hall has: ninety"),
    ("창고의 주소는 어디인가요?", "바다로 3", "창고의 주소는 바다로 3입니다."),
    ("회의는 언제 시작하나요?", "오전 9시", "회의는 언제 시작하는지: 오전 9시"),
    ("환불 조건을 알려 주세요.", "영수증 지참", "환불 조건: 영수증 지참"),
]


@pytest.mark.parametrize(("question", "answer", "said"), SAID)
def test_a_statement_holds_the_answer_word_for_word(question: str, answer: str, said: str) -> None:
    assert statement(question, answer) == said
    assert answer in said
    assert cloze(question, answer) == said.replace(answer, "____")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("I lost my badge. Where do I go?", "to the desk"),  # what stands before would be left out
        ("Which manager is the owner?", "Mr Hall"),  # either may be the subject
        ("Where is the boiler?", "In the cellar.\nAsk the porter."),
        ("Where is the boiler?", " "),
        ("", "x"),
    ],
)
def test_what_no_rule_is_sure_of_makes_none(question: str, answer: str) -> None:
    assert statement(question, answer) is None
    assert cloze(question, answer) is None


@pytest.mark.parametrize("answer", ["It stands in the cellar.", "Downstairs!"])
def test_a_sentence_as_answer_follows_a_colon(answer: str) -> None:
    assert statement("Where is the boiler?", answer) == f"Where the boiler is: {answer}"


def test_a_korean_sentence_as_answer_follows_a_colon() -> None:
    assert statement("담당자는 누구인가요?", "김 과장이 맡습니다.") == "담당자: 김 과장이 맡습니다."
