"""Confidence intervals: do they hold the truth as often as they say?"""

import numpy as np
import pytest
from scipy.stats import binomtest

from qaloom.evaluate.intervals import rate

LOW, MIDDLE, HIGH = (0.01, 0.1), (0.1, 0.9), (0.9, 0.99)


def clustered(random: np.random.Generator, n: int, size: int, alike: float) -> np.ndarray:
    """The cluster of each of n values, about `size` in each, shape (n,); all apart where none are alike."""
    return random.integers(0, max(2, n // size), n) if alike else np.arange(n)


def rate_coverage(n: int, band: tuple[float, float], size: int, alike: float, trials: int) -> float:
    """Share of trials whose interval holds the true rate, drawn anew from `band` for each trial.

    Single rates would not do: with few answers any interval covers one more and another less
    (Brown, Cai and DasGupta 2001). `alike`: correlation of answers of one cluster (beta-binomial).
    """
    random, covered = np.random.default_rng(n), 0
    for _ in range(trials):
        truth, groups = random.uniform(*band), clustered(random, n, size, alike)
        chances = np.full(n, truth)
        if alike:
            spread = 1 / alike - 1
            chances = random.beta(truth * spread, (1 - truth) * spread, n)[groups]
        found = rate(random.random(n) < chances, groups.tolist())
        covered += found.low <= truth <= found.high
    return covered / trials


@pytest.mark.parametrize("band", [LOW, MIDDLE, HIGH])
@pytest.mark.parametrize(("n", "size", "alike"), [(10, 1, 0), (40, 1, 0), (60, 3, 0.5), (100, 5, 0.3)])
def test_rates_are_covered(band: tuple[float, float], n: int, size: int, alike: float) -> None:
    """400 trials; 93 to 97 % and three standard errors."""
    assert 0.905 <= rate_coverage(n, band, size, alike, 400) <= 0.99


def test_a_rate_is_wilsons() -> None:
    for n, count in ((10, 0), (10, 3), (200, 199), (1, 1)):
        found = rate([i < count for i in range(n)])
        assert (found.n, found.count, found.share) == (n, count, count / n)
        assert (found.low, found.high) == pytest.approx(
            tuple(binomtest(count, n).proportion_ci(method="wilson"))
        )


def test_answers_of_one_cluster_say_less() -> None:
    hits = [True, False] * 20
    apart, together = rate(hits), rate(sorted(hits), [i // 4 for i in range(40)])
    assert together.low < apart.low < apart.share < apart.high < together.high
    same = rate([True] * 40, [i // 4 for i in range(40)])
    assert same.low < rate([True] * 40).low
    assert rate([True] * 40, ["one"] * 40).low < 0.3


def test_no_answer_has_no_rate() -> None:
    found = rate([])
    assert (found.n, found.share, found.low, found.high) == (0, None, None, None)
