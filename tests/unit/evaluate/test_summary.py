"""Metrics of a run: its parts, its groups, and scores that exist for no question."""

from typing import Any

from predictions import prediction

from qaloom.evaluate.metrics import SCORES
from qaloom.evaluate.results import Prediction, from_json, to_json
from qaloom.evaluate.summary import summarise


def scored(split: str, base: float, tuned: float, **more: Any) -> Prediction:
    scores: dict[str, Any] = {name: {"base": base, "tuned": tuned} for name in SCORES}
    scores["number_accuracy"] = {"base": None, "tuned": None}
    return prediction(split=split, scores=scores, cut={"base": True, "tuned": False}, **more)


def test_metrics_json_is_read_as_it_was_written() -> None:
    metrics = summarise([scored("recall", 0, 1), scored("unseen", 1, 0)])
    assert from_json(to_json(metrics)) == metrics


def test_by_split_and_group() -> None:
    rows = [scored("recall", 0, 1), scored("recall", 0, 0, origin="rule"), scored("unseen", 1, 0)]
    metrics = to_json(summarise(rows))
    assert (metrics["recall"]["n"], metrics["unseen"]["n"]) == (2, 1)
    assert metrics["recall"]["cut"] == {"base": 2, "tuned": 0}
    assert metrics["recall"]["exact_match"]["tuned"] == 0.5
    assert metrics["unseen"]["exact_match"]["difference"] == -1
    assert list(metrics["by"]["origin"]) == ["data", "rule"]
    assert metrics["by"]["origin"]["data"]["exact_match"]["tuned"] == 1
    assert metrics["by"]["language"]["ko"]["n"] == 2
    missing = metrics["recall"]["number_accuracy"]
    assert (missing["n"], missing["base"], missing["why"]) == (0, None, "no_figure")
    assert "why" not in metrics["recall"]["exact_match"]


def test_by_length_of_the_answer() -> None:
    rows = [scored("recall", 0, 1, reference="가" * n) for n in (200, 1, 10, 11, 100)]
    by = to_json(summarise(rows))["by"]["length"]
    assert {name: part["n"] for name, part in by.items()} == {"1-10": 2, "11-30": 1, "31-100": 1, "101+": 1}
    assert list(by) == ["1-10", "11-30", "31-100", "101+"]


def test_metrics_of_nothing() -> None:
    metrics = to_json(summarise([]))
    assert metrics["recall"]["n"] == 0
    assert metrics["recall"]["exact_match"]["base"] is None
    assert metrics["recall"]["exact_match"]["why"] == "no_question"
    assert metrics["by"] == {"origin": {}, "language": {}, "document": {}, "length": {}}
