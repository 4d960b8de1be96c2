"""Retention: the built-in questions, what counts as right, and the share of what the base knew."""

from types import SimpleNamespace

import pytest
from msgspec import UNSET

from qaloom.evaluate.intervals import rate
from qaloom.evaluate.results import AnswerRates, MadeUp, Retention, RetentionPart
from qaloom.evaluate.retention import (
    general_questions,
    is_right_answer,
    measure_retention,
    retention_line,
    verdict_line,
)
from qaloom.inference.decoding import Answer
from qaloom.text.near_pairs import question_key
from qaloom.train.keep_prompts import general_prompts


def test_the_questions_are_many_in_both_languages_and_give_no_answer_away():
    questions = general_questions()
    spoken = [q.language for q in questions]
    assert len(questions) >= 400 and min(spoken.count("ko"), spoken.count("en")) >= 190
    assert len({text for q in questions for text in q.wordings}) == 2 * len(questions)
    assert [q for q in questions if any(is_right_answer(text, q.answers) for text in q.wordings)] == []


def test_what_measures_is_not_among_what_is_kept():
    keys = {question_key(text, "") for text in general_prompts("built-in")}
    assert not [q for q in general_questions() if any(question_key(w, "") in keys for w in q.wordings)]


@pytest.mark.parametrize(
    ("text", "answers", "right"),
    [
        ("The capital of France is Paris.", ["Paris"], True),
        ("파리입니다.", ["파리"], True),
        ("It is Lyon.", ["Paris"], False),
        ("The sum is 15.", ["5"], False),
        ("Kyiv (Kiev)", ["Kyiv", "Kiev"], True),
        ("", ["Paris"], False),
    ],
)
def test_an_answer_that_holds_one_of_the_answers_as_a_word_is_right(text, answers, right):
    assert is_right_answer(text, answers) is right


class Models:
    """A base that knows the first three questions, and the fourth in one wording; tuned forgot the second half."""

    prompt = "chat"

    class trained:
        system = ""

    def __init__(self):
        questions = general_questions()
        self.known = {text: q.answers[0] for q in questions[:3] for text in q.wordings}
        self.base = self.known | {questions[3].wordings[0]: questions[3].answers[0]}
        self.tuned = self.known | {questions[1].wordings[1]: "?", questions[2].wordings[0]: "?"}
        self.asked = []

    def answers(self, model, kind, questions, what, most):
        self.asked.append((model, len(questions)))
        given = getattr(self, model)
        return [Answer("", given.get(q.instruction, "?"), False, 0, [], 0, 0.0) for q in questions]


def test_what_the_base_knew_in_both_wordings_is_asked_again():
    models = Models()
    found = measure_retention(models)
    asked = len(general_questions())
    assert models.asked == [("base", asked), ("base", 4), ("tuned", 6)]
    assert (found.asked, found.known) == (asked, 3) and found.by["ko"].known == 0
    assert (found.kept.n, found.kept.count) == (6, 4)
    assert found.kept.low < 4 / 6 < found.kept.high
    assert "keeps 67%" in retention_line(found) and f"3 of {asked}" in retention_line(found)
    assert "knows none" in retention_line(found.by["ko"])


def test_the_verdict_says_what_is_known_kept_and_made_up():
    rates = AnswerRates(*(rate([True, False, False, False]) for _ in range(3)))
    kept = RetentionPart(400, 100, rate([True] * 90 + [False] * 10))
    facts = [SimpleNamespace(learned=name) for name in ("all", "all", "none", "not_taught")]
    metrics = SimpleNamespace(
        retention=Retention(kept.asked, kept.known, kept.kept),
        made_up={"unseen": MadeUp(0, {}), "lookalike": MadeUp(4, {"tuned": rates})},
    )
    said = verdict_line(facts, metrics)
    assert said.startswith("knows 2 of 3 facts, keeps 90% (95% 8") and "makes up 25% (95% " in said
    metrics.made_up, metrics.retention = {}, UNSET
    assert verdict_line(facts, metrics) == "knows 2 of 3 facts"
    assert verdict_line([], metrics) == "nothing could be asked"
