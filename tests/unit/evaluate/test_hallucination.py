"""Made-up answers: abstaining, right or made up, and what is said where nothing can be measured."""

import pytest
from predictions import prediction

from qaloom.evaluate.fact_records import LookAlikeAnswers
from qaloom.evaluate.hallucination import made_up, made_up_line, outcome
from qaloom.evaluate.metrics_json import from_json, to_json
from qaloom.evaluate.summary import summarise

NO = "문서에서 확인할 수 없습니다."


def asked(part, reference, base, tuned):
    scores = {"right": {"base": float(base == reference), "tuned": float(tuned == reference)}}
    whole = prediction().scores | scores
    return prediction(split=part, reference=reference, base=base, tuned=tuned, scores=whole)


def look_alike(base, tuned):
    answers = {"base": base, "tuned": tuned}
    found = {model: outcome(text, "무지개동은 언제 여나요?") for model, text in answers.items()}
    return LookAlikeAnswers("1", "무지개동은 언제 여나요?", "0", "본관", "무지개동", "name", answers, found)


def counts(found, model="tuned"):
    rates = found.models[model]
    return {name: getattr(rates, name).count for name in ("abstains", "made_up")} | {
        "right": rates.right.count if rates.right else None
    }


def test_each_answer_counts_once():
    predictions = [
        asked("unseen", "오전 9시", NO, "오전 9시"),
        asked("unseen", "오전 9시", "오전 7시", NO),
        asked("unseen", "오전 9시", "", "오전 8시"),
    ]
    found = made_up(predictions, [])["unseen"]
    assert counts(found) == {"abstains": 1, "made_up": 1, "right": 1}
    assert counts(found, "base") == {"abstains": 1, "made_up": 1, "right": 0}
    assert found.models["base"].empty.count == 1 and found.models["tuned"].empty.count == 0
    rate = found.models["tuned"].made_up
    assert rate.n == 3 and rate.share == pytest.approx(1 / 3)
    assert 0 < rate.low < rate.share < rate.high < 1


def test_an_abstention_that_was_asked_for_is_left_out():
    predictions = [asked("recall", NO, NO, NO), asked("recall", "9시", "9시", NO)]
    found = made_up(predictions, [])["recall"]
    assert found.n == 1 and counts(found) == {"abstains": 1, "made_up": 0, "right": 0}


def test_look_alikes_have_no_right_answer():
    found = made_up([], [look_alike("오전 9시", NO), look_alike("오전 9시", "오전 9시")])["lookalike"]
    assert counts(found) == {"abstains": 1, "made_up": 1, "right": None}
    assert counts(found, "base") == {"abstains": 0, "made_up": 2, "right": None}


def test_nothing_to_measure_says_why():
    found = made_up([], [])
    assert {part: one.why for part, one in found.items()} == {
        "recall": "no_question",
        "unseen": "no_question",
        "lookalike": "no_name",
    }
    metrics = summarise([])
    metrics.made_up = found
    assert made_up_line(metrics).startswith("made-up answers cannot be measured")


def test_the_line_and_the_file_say_the_same():
    predictions = [asked("unseen", "9시", "8시", "7시"), asked("recall", "9시", "8시", NO)]
    metrics = summarise(predictions)
    metrics.made_up = made_up(predictions, [look_alike("8시", NO)])
    assert to_json(from_json(to_json(metrics))) == to_json(metrics)
    line = made_up_line(metrics)
    assert "100% of 1 unseen questions" in line and "0% of 1 look-alike questions" in line
    assert "abstains on 100% of 1 recall questions" in line
