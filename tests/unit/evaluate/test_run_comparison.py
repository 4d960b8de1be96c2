"""Runs side by side: what they are compared on, and how the p-values are corrected."""

import random
from typing import Any

import msgspec
from predictions import prediction

from qaloom.evaluate.results import Prediction
from qaloom.evaluate.run_comparison import compare_runs as compare


def run(skill: float, n: int = 60, **more: Any) -> list[Prediction]:
    chance = random.Random(skill)
    return [
        prediction(
            (0.0, float(chance.random() < skill)),
            **{"id": f"{i:03}", "light": not i % 2} | more,
        )
        for i in range(n)
    ]


def compare_runs(*arguments: Any) -> dict[str, Any]:
    """The comparison as comparison.json holds it."""
    return msgspec.to_builtins(compare(*arguments))


def test_p_values_are_corrected_within_each_table() -> None:
    found = compare_runs({"a": run(0.2), "b": run(0.21), "c": run(0.9)})
    assert (found["n"], found["origin"]) == (30, "honest")
    for one in (*found["runs"].values(), *found["pairs"]):
        assert one["p"] <= one["p_holm"] <= 1
    assert [(one["a"], one["b"]) for one in found["pairs"]] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert found["pairs"][1]["p_holm"] < 0.05 < found["pairs"][0]["p_holm"]
    assert found["pairs"][1]["difference"] == found["pairs"][1]["b_score"] - found["pairs"][1]["a_score"]


def test_only_questions_that_all_runs_answered_count() -> None:
    found = compare_runs({"a": run(0.5), "b": list(reversed(run(0.5)))[:20]})
    assert found["n"] == 10
    assert found["pairs"][0]["difference"] == 0


def test_light_questions_count_where_there_is_nothing_else() -> None:
    found = compare_runs({"a": run(0.5, light=True)})
    assert (found["n"], found["origin"], found["pairs"]) == (60, "all", [])


def test_nothing_to_compare() -> None:
    assert compare_runs({})["runs"] == {}
    found = compare_runs({"a": run(0.5, split="unseen"), "b": run(0.5, split="unseen")})
    assert found["n"] == 0
    assert found["runs"]["a"]["p_holm"] is None and found["runs"]["a"]["base"] is None
