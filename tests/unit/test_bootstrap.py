"""The paired bootstrap: does its interval hold the truth as often as it says?"""

import time

import numpy as np
import pytest

from qaloom.bootstrap import paired
from qaloom.scores import summarise


@pytest.mark.parametrize("n", [20, 60])
def test_intervals_cover_the_truth(n: int) -> None:
    """300 simulated experiments with right-or-wrong scores; 95 % minus and plus three standard errors."""
    random, covered = np.random.default_rng(n), 0
    for seed in range(300):
        base, tuned = random.random((2, n)) < [[0.2], [0.7]]
        interval = paired(base, tuned, 1000, seed)
        covered += interval["low"] <= 0.5 + 1e-9 and interval["high"] >= 0.5 - 1e-9
    assert 0.91 <= covered / 300 <= 0.995


def test_pairing_counts() -> None:
    """A small gain on every question is clear, though questions differ far more among themselves."""
    base = np.random.default_rng(1).random(100) * 0.8
    gain = np.random.default_rng(2).random(100) * 0.1
    result = paired(base, base + gain, 2000, 7)
    assert 0 < result["low"] < result["difference"] < result["high"] < 0.1
    shuffled = paired(base, np.random.default_rng(3).permutation(base + gain), 2000, 7)
    assert shuffled["low"] < 0 < shuffled["high"]


def test_means_and_seed() -> None:
    base, tuned = np.array([0, 0, 1, 0]), np.array([1, 0, 1, 1])
    result = paired(base, tuned, 1000, 7)
    assert (result["n"], result["base"], result["tuned"], result["difference"]) == (4, 0.25, 0.75, 0.5)
    assert result == paired(base, tuned, 1000, 7)


def test_no_question_and_one_question() -> None:
    assert paired(np.array([]), np.array([]), 100, 7)["difference"] is None
    one = paired(np.array([0]), np.array([1]), 100, 7)
    assert (one["difference"], one["low"], one["high"]) == (1, None, None)


@pytest.mark.parametrize(("base", "tuned", "difference"), [(0, 1, 1), (1, 0, -1), (1, 1, 0), (0, 0, 0)])
def test_equal_differences_still_leave_doubt(base: float, tuned: float, difference: float) -> None:
    few, many = (paired(np.full(n, base), np.full(n, tuned), 100, 7) for n in (5, 500))
    assert few["low"] <= many["low"] <= difference <= many["high"] <= few["high"]
    assert few["high"] - few["low"] > 0.5
    assert 0 < many["high"] - many["low"] < 0.05
    assert few["low"] >= -1 and few["high"] <= 1


def test_unpaired_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="paired"):
        paired(np.zeros(3), np.zeros(4), 100, 7)


def test_ten_thousand_resamples_of_five_thousand_questions_are_quick() -> None:
    random, start = np.random.default_rng(0), time.monotonic()
    paired(random.random(5000), random.random(5000), 10_000, 7)
    assert time.monotonic() - start < 5


def prediction(split: str, base: float, tuned: float, **more: object) -> dict:
    names = ("exact_match", "char_f1", "token_f1", "contains_reference")
    scores = {name: {"base": base, "tuned": tuned} for name in names}
    scores["number_accuracy"] = {"base": None, "tuned": None}
    about = {"origin": "data", "language": "ko", "document": "a", "cut": {"base": True, "tuned": False}}
    return {"split": split, "scores": scores, **about, **more}


def test_summary_by_split_and_group() -> None:
    rows = [prediction("recall", 0, 1), prediction("recall", 0, 0, origin="rule"), prediction("unseen", 1, 0)]
    figures = summarise(rows, 100, 7)
    assert (figures["recall"]["n"], figures["unseen"]["n"]) == (2, 1)
    assert figures["recall"]["cut"] == {"base": 2, "tuned": 0}
    assert figures["recall"]["exact_match"]["tuned"] == 0.5
    assert figures["unseen"]["exact_match"]["difference"] == -1
    assert list(figures["by"]["origin"]) == ["data", "rule"]
    assert figures["by"]["origin"]["data"]["exact_match"]["tuned"] == 1
    assert figures["by"]["language"]["ko"]["n"] == 2
    assert figures["recall"]["number_accuracy"]["base"] is None


def test_summary_of_nothing() -> None:
    figures = summarise([], 100, 7)
    assert figures["recall"]["n"] == 0
    assert figures["recall"]["exact_match"]["base"] is None
    assert figures["by"] == {"origin": {}, "language": {}, "document": {}}
