"""The recommendation: a decision that follows from the findings, and the same figures wherever it stands."""

import runpy
from pathlib import Path

import pytest

from qaloom.evaluate.results import Rate, Retention
from qaloom.evaluate.summary import summarise
from qaloom.report.format import STRINGS
from qaloom.report.recommendation import _AGAINST, _LIMITS, in_words, recommend
from qaloom.report.verdict import Point, headline_score

PREDICTION = runpy.run_path(str(Path(__file__).parents[2] / "data" / "make_results.py"))["prediction"]


def recommended(right: int, wrong: int, points: list[Point], kept: float | None = None):
    answers = [PREDICTION(i, "틀림", "답 1" if i < right else "틀림", "답 1") for i in range(right + wrong)]
    metrics = summarise(answers)
    if kept is not None:
        metrics.retention = Retention(100, 80, Rate(80, round(80 * kept), kept))
    return recommend(metrics, headline_score(metrics), points, None, 4)


@pytest.mark.parametrize(
    ("right", "points", "kept", "decision", "first"),
    [
        (38, [], None, "ready", None),
        (38, [], 0.95, "ready", None),
        (38, [], 0.5, "reserved", "because.forgotten"),
        (38, [Point("changed", "scores", True, {"share": 0.5})], None, "reserved", "because.changed"),
        (38, [Point("lookup_as_good", "scores", True, {"lookup": 0.9})], None, "not_yet", "because.lookup_as_good"),
        (15, [Point("lost", "scores", True, {"share": 0.1})], None, "not_yet", "because.mostly_wrong"),
        (38, [Point("leaks", "split", True, {"n": 2})], None, "not_yet", "because.leaks"),
    ],
)  # fmt: skip
def test_the_decision_follows_from_the_weightiest_finding(right, points, kept, decision, first) -> None:
    found = recommended(right, 40 - right, points, kept)
    assert found.decision == decision
    assert (found.reasons[0].key if found.reasons else None) == first
    assert found.next_step == (first or "because.ready").replace("because", "next")


def test_figures_that_were_not_measured_are_left_out() -> None:
    assert [figure.code for figure in recommended(38, 2, []).figures] == ["untaught"]
    words = in_words(recommended(38, 2, [], 0.5), "en")
    assert words.sentence.endswith("(base model 0.0%), but it keeps only 50.0% of what its base model knew.")
    assert words.figures.startswith("keeps 50.0% of what its base model knew, never taught (control): 4")
    assert "베이스 모델의 지식 50.0% 유지" in in_words(recommended(38, 2, [], 0.5), "ko").figures


def test_every_finding_has_its_words() -> None:
    for code in (*_AGAINST, *_LIMITS):
        assert f"because.{code}" in STRINGS and f"next.{code}" in STRINGS, code
