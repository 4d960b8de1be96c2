"""Paired bootstrap of the difference between two models' scores: interval and p-value."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np
from scipy import stats

from qaloom.evaluate.results import Paired

K = TypeVar("K", bound=Hashable)
_LEVEL = 0.95
_DRAWS_AT_ONCE = 4_000_000  # 32 MB of indices
_FEW_VALUES = 64  # distinct differences up to which counts are drawn instead of questions


def paired(base: np.ndarray, tuned: np.ndarray, resamples: int, seed: int) -> Paired:
    """Means of two models' scores on the same questions, their difference, its 95% interval and p-value.

    `base` and `tuned`: (n,) scores, question by question. The interval is Hesterberg's expanded percentile
    bootstrap (2015, doi 10.1080/00031305.2015.1089789): a plain percentile interval is too narrow for few
    questions. The two-sided p-value is 1 minus the level at which that interval would just touch zero, so
    that p < 0.05 where the interval excludes zero. Raises ValueError when the shapes differ.
    """
    base, tuned = np.asarray(base, float), np.asarray(tuned, float)
    if base.shape != tuned.shape or base.ndim != 1:
        raise ValueError(f"scores must be paired: {base.shape} and {tuned.shape}")
    if not base.size:
        return Paired()
    difference = tuned - base
    low, high, p = _interval_and_p(difference, resamples, seed)
    return Paired(base.size, float(base.mean()), float(tuned.mean()), float(difference.mean()), low, high, p)


def holm(p_values: Mapping[K, float]) -> dict[K, float]:
    """Holm-Bonferroni correction of the p-values of several comparisons (family-wise error rate).

    Holm 1979: the smallest p times their number, the next times one less, and so on; never falling.
    """
    corrected: dict[K, float] = {}
    before = 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        before = max(before, min(1.0, (len(p_values) - rank) * p))
        corrected[name] = before
    return {name: corrected[name] for name in p_values}


def _interval_and_p(
    values: np.ndarray, resamples: int, seed: int
) -> tuple[float | None, float | None, float | None]:
    """Interval of a mean (low, high), and the p-value for a mean of zero; None for fewer than two values."""
    n = values.size
    if n < 2:
        return None, None, None
    if np.ptp(values) < 1e-12:
        return *_interval_of_equals(float(values[0]), n), _p_of_equals(float(values[0]), n)
    means, tail = _resampled_means(values, resamples, seed), _tail(n)
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high), _p_value(means, n)


def _resampled_means(values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Means of `resamples` samples drawn from `values` with replacement, shape (resamples,)."""
    random, n = np.random.default_rng(seed), values.size
    distinct, counts = np.unique(values, return_counts=True)
    if distinct.size <= _FEW_VALUES:  # such as exact match: drawing counts is the same and much faster
        return random.multinomial(n, counts / n, resamples) @ distinct / n
    means, step = np.empty(resamples), max(1, _DRAWS_AT_ONCE // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        means[start : start + rows] = values[random.integers(0, n, (rows, n))].mean(axis=1)
    return means


def _tail(n: int) -> float:
    """Share of resamples to leave out at each end: Hesterberg's alpha', below 0.025 for small n."""
    t = stats.t.ppf((1 + _LEVEL) / 2, n - 1)
    return float(stats.norm.cdf(-t * np.sqrt(n / (n - 1))))


def _p_value(means: np.ndarray, n: int) -> float:
    """Two-sided p-value whose tail (see `_tail`) is the share of resampled means beyond zero."""
    beyond = min((means <= 0).sum(), (means >= 0).sum())
    share = (beyond + 1) / (means.size + 1)  # never 0: so many resamples cannot show less
    t = -stats.norm.ppf(min(0.5, share)) * np.sqrt((n - 1) / n)
    return float(2 * stats.t.sf(t, n - 1))


def _interval_of_equals(value: float, n: int) -> tuple[float, float]:
    """Interval when all n differences are equal, where resampling sees no spread at all.

    Clopper and Pearson: with n of n alike, up to 1 - 0.025^(1/n) of all questions may be otherwise, and
    those may differ by as much as -1 or 1.
    """
    share = 1 - ((1 - _LEVEL) / 2) ** (1 / n)
    return value - share * (value + 1), value + share * (1 - value)


def _p_of_equals(value: float, n: int) -> float:
    """Two-sided p-value: the level at which `_interval_of_equals` would just touch zero."""
    share = abs(value) / (1 + abs(value))
    return float(min(1.0, 2 * (1 - share) ** n))
