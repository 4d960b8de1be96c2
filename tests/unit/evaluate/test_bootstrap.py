"""The paired bootstrap: does its interval hold the truth as often as it says?"""

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.evaluate.bootstrap import holm, paired

SHAPES = {
    # name: questions, and two models' scores (shape (2, n)) with a true mean difference of 0.5, 0.2 and 0
    "right or wrong": (50, 0.5, lambda random, n: random.random((2, n)) < [[0.2], [0.7]]),
    "shares": (40, 0.2, lambda random, n: random.beta([[2], [4]], [[8], [6]], (2, n))),
    "no difference": (80, 0.0, lambda random, n: random.random((2, n)) < 0.4),
}


def coverage(name: str, experiments: int) -> float:
    """The share of simulated experiments whose interval holds the true difference."""
    n, truth, draw = SHAPES[name]
    random, covered = np.random.default_rng(n), 0
    for seed in range(experiments):
        base, tuned = draw(random, n)
        found = paired(base, tuned, 1000, seed)
        covered += found.low <= truth + 1e-9 and found.high >= truth - 1e-9
    return covered / experiments


@pytest.mark.parametrize("name", SHAPES)
def test_intervals_cover_the_truth(name: str) -> None:
    """300 experiments; 95 % minus and plus three standard errors."""
    assert 0.91 <= coverage(name, 300) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_intervals_cover_the_truth_in_two_thousand_experiments(name: str) -> None:
    assert 0.93 <= coverage(name, 2000) <= 0.97


def test_p_is_below_five_per_cent_where_the_interval_leaves_zero_out() -> None:
    random, found = np.random.default_rng(0), []
    for seed in range(200):
        base, tuned = random.random((2, 30)) < [[0.4], [random.uniform(0.2, 0.8)]]
        one = paired(base, tuned, 2000, seed)
        found.append((one.p < 0.05, one.low > 0 or one.high < 0, one.p))
    clear = [(p, interval) for p, interval, value in found if abs(value - 0.05) > 0.005]
    assert all(p == interval for p, interval in clear)
    assert 20 < sum(p for p, _ in clear) < 180


def test_p_is_even_where_there_is_no_difference() -> None:
    """Under no difference a p-value below x comes up in about x of all experiments."""
    random = np.random.default_rng(3)
    found = [paired(*random.random((2, 60)), 1000, seed).p for seed in range(400)]
    for level in (0.05, 0.25, 0.5):
        assert abs(np.mean(np.array(found) < level) - level) < 4 * np.sqrt(level * (1 - level) / 400)


@pytest.mark.parametrize(("n", "value"), [(5, 1.0), (4, -1.0), (9, 0.0), (3, 0.5)])
def test_p_of_equal_differences_agrees_with_their_interval(n: int, value: float) -> None:
    base, tuned = (np.zeros(n), np.full(n, value)) if value >= 0 else (np.full(n, -value), np.zeros(n))
    one = paired(base, tuned, 100, 7)
    assert (one.p < 0.05) == (one.low > 0 or one.high < 0)
    assert value or one.p == 1


def test_drawing_counts_is_drawing_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    base, tuned = np.random.default_rng(1).random((2, 100)) < [[0.3], [0.6]]
    by_counts = paired(base, tuned, 20_000, 7)
    monkeypatch.setattr("qaloom.evaluate.bootstrap._FEW_VALUES", 0)
    by_questions = paired(base, tuned, 20_000, 7)
    for key in ("low", "high"):
        wanted = getattr(by_questions, key)
        assert getattr(by_counts, key) == pytest.approx(wanted, abs=0.011)  # a step is 0.01


def holm_by_hand(p: dict[str, float]) -> dict[str, float]:
    """Closed testing: a finding stands if every set of comparisons that holds it is found by Bonferroni."""
    sets = [s for size in range(1, len(p) + 1) for s in combinations(p, size)]
    return {name: min(1.0, max(len(s) * min(p[n] for n in s) for s in sets if name in s)) for name in p}


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1)))
def test_holm_is_closed_testing(p: dict[str, float]) -> None:
    assert holm(p) == pytest.approx(holm_by_hand(p))
    assert list(holm(p)) == list(p)


def test_holm_of_a_published_example() -> None:
    """Holm's method on 0.01, 0.04, 0.03, 0.005, as worked through in the usual textbook example."""
    assert holm({"1": 0.01, "2": 0.04, "3": 0.03, "4": 0.005}) == pytest.approx(
        {"1": 0.03, "2": 0.06, "3": 0.06, "4": 0.02}
    )


def test_pairing_counts() -> None:
    """A small gain on every question is clear, though questions differ far more among themselves."""
    base = np.random.default_rng(1).random(100) * 0.8
    gain = np.random.default_rng(2).random(100) * 0.1
    result = paired(base, base + gain, 2000, 7)
    assert 0 < result.low < result.difference < result.high < 0.1
    shuffled = paired(base, np.random.default_rng(3).permutation(base + gain), 2000, 7)
    assert shuffled.low < 0 < shuffled.high


def test_means_and_seed() -> None:
    base, tuned = np.array([0, 0, 1, 0]), np.array([1, 0, 1, 1])
    result = paired(base, tuned, 1000, 7)
    assert (result.n, result.base, result.tuned, result.difference) == (4, 0.25, 0.75, 0.5)
    assert result == paired(base, tuned, 1000, 7)


def test_no_question_and_one_question() -> None:
    assert paired(np.array([]), np.array([]), 100, 7).difference is None
    one = paired(np.array([0]), np.array([1]), 100, 7)
    assert (one.difference, one.low, one.high, one.p) == (1, None, None, None)


@pytest.mark.parametrize(("base", "tuned", "difference"), [(0, 1, 1), (1, 0, -1), (1, 1, 0), (0, 0, 0)])
def test_equal_differences_still_leave_doubt(base: float, tuned: float, difference: float) -> None:
    few, many = (paired(np.full(n, base), np.full(n, tuned), 100, 7) for n in (5, 500))
    assert few.low <= many.low <= difference <= many.high <= few.high
    assert few.high - few.low > 0.5
    assert 0 < many.high - many.low < 0.05
    assert few.low >= -1 and few.high <= 1


def test_unpaired_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="paired"):
        paired(np.zeros(3), np.zeros(4), 100, 7)


def test_ten_thousand_resamples_of_five_thousand_questions_are_quick() -> None:
    random, start = np.random.default_rng(0), time.monotonic()
    paired(random.random(5000), random.random(5000), 10_000, 7)
    assert time.monotonic() - start < 5
