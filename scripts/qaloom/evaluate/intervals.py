"""95% confidence intervals in closed form: of a rate, of a paired difference, and of a weighted mean of these.

Scores that belong together (questions about one fact) may be given as clusters. Coverage is simulated in
tests/unit/evaluate/test_intervals.py, for 10 to 200 questions, rates near 0 and 1 and clustered scores.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import stats

from qaloom.evaluate.results import Paired, Rate

K = TypeVar("K", bound=Hashable)
Clusters = Sequence[Hashable] | None
_TAIL = 0.975
_NORMAL = float(stats.norm.ppf(_TAIL))


class Interval(NamedTuple):
    """An estimate and its 95% interval."""

    estimate: float
    low: float
    high: float


def rate(hits: Sequence[bool] | np.ndarray, clusters: Clusters = None) -> Rate:
    """Share of `hits` with Wilson's 95% score interval; `clusters` names what each one belongs to.

    Clustered answers say less than as many independent ones: Wilson's n is then the effective sample size
    (n over the design effect, between all alike in a cluster and all independent) and its quantile Student's,
    by the number of clusters (after Korn and Graubard 1998). Rate and interval are None for n = 0.
    """
    values = np.asarray(hits, float)
    if not values.size:
        return Rate(0, 0)
    found = wilson(values, clusters)
    return Rate(values.size, int(values.sum()), *found)


def wilson(values: np.ndarray, clusters: Clusters = None) -> Interval:
    """Wilson's interval (1927) of the mean of zeros and ones, shape (n,), n > 0; see `rate`."""
    n, quantile = _size_and_quantile(values, _groups(values.size, clusters))
    share, square = float(values.mean()), quantile**2 / n
    middle = (share + square / 2) / (1 + square)
    reach = quantile * np.sqrt(share * (1 - share) / n + square / (4 * n)) / (1 + square)
    return Interval(share, max(0.0, float(middle - reach)), min(1.0, float(middle + reach)))


def paired(base: np.ndarray, tuned: np.ndarray, clusters: Clusters = None, bounded: bool = True) -> Paired:
    """Means of two models' scores on the same questions, their difference, its 95% interval and p-value.

    `base` and `tuned`: (n,) scores, question by question. Right or wrong (0 or 1): Bonett and Price's interval
    (2012, doi 10.1002/sim.4328), one agreement less certain on either side, so that few or equal differences
    still leave doubt. Other scores: Student's t, corrected for skewness (Hall 1992, doi
    10.1111/j.2517-6161.1992.tb01872.x). p is below 0.05 where the interval excludes zero. No interval for
    n < 2, nor for equal differences of scores that are not `bounded` by 0 and 1, which show no spread.
    Raises ValueError when the shapes differ.
    """
    base, tuned = np.asarray(base, float), np.asarray(tuned, float)
    if base.shape != tuned.shape or base.ndim != 1:
        raise ValueError(f"scores must be paired: {base.shape} and {tuned.shape}")
    if not base.size:
        return Paired()
    difference = tuned - base
    found = Paired(base.size, float(base.mean()), float(tuned.mean()), float(difference.mean()))
    groups = _groups(base.size, clusters)
    if not groups.any():
        return found
    if np.ptp(difference) < 1e-12 and not bounded:
        return found
    is_binary = bounded and (np.isin(difference, (-1, 0, 1)).all() or np.ptp(difference) < 1e-12)
    low, high, found.p = _binary(difference, groups) if is_binary else _skewed(difference, groups)
    found.low, found.high = (max(-1.0, low), min(1.0, high)) if bounded else (low, high)
    return found


def weighted(parts: Sequence[tuple[float, Interval]]) -> tuple[Interval, float]:
    """Weighted mean of independent estimates, its interval, and the p-value for zero; weights sum to 1.

    Zou and Donner's method of variance estimates recovery (2008, doi 10.1002/sim.3095).
    """
    mean = sum(weight * one.estimate for weight, one in parts)
    below = np.sqrt(sum((weight * (one.estimate - one.low)) ** 2 for weight, one in parts))
    above = np.sqrt(sum((weight * (one.high - one.estimate)) ** 2 for weight, one in parts))
    reach = below if mean > 0 else above
    p = float(2 * stats.norm.sf(_NORMAL * abs(mean) / reach)) if reach else float(not mean)
    return Interval(mean, float(mean - below), float(mean + above)), p


def paired_by_class(
    base: np.ndarray, tuned: np.ndarray, classes: Sequence[Hashable], clusters: Clusters = None
) -> Paired:
    """Balanced accuracy of two models on the same questions: the mean over classes of the share that is right.

    `base` and `tuned`: (n,) zeros and ones; `classes`: of each question, by its reference.
    """
    names = list(dict.fromkeys(classes))
    members = [np.array([one == name for one in classes], bool) for name in names]
    return paired_in_strata(base, tuned, [(1 / len(names), which) for which in members], clusters)


def paired_in_strata(
    base: np.ndarray, tuned: np.ndarray, strata: Sequence[tuple[float, np.ndarray]], clusters: Clusters = None
) -> Paired:
    """Like `paired`, of zeros and ones, with a weighted mean over strata: (weight, mask of shape (n,)) each."""
    if not base.size:
        return Paired()
    of_base, of_tuned = (
        sum((weight * float(one[which].mean()) for weight, which in strata), 0.0) for one in (base, tuned)
    )
    groups, parts = _groups(base.size, clusters), []
    for weight, which in strata:
        difference = (np.asarray(tuned, float) - np.asarray(base, float))[which]
        low, high, _ = _binary(difference, np.unique(groups[which], return_inverse=True)[1])
        parts.append((weight, Interval(float(difference.mean()), low, high)))
    found, p = weighted(parts)
    if base.size < 2:
        return Paired(base.size, of_base, of_tuned, found.estimate)
    return Paired(base.size, of_base, of_tuned, found.estimate, max(-1.0, found.low), min(1.0, found.high), p)


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


def _binary(difference: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    """Interval and p-value of a mean of -1, 0 and 1: as if one more question were won and one more lost."""
    n, quantile = _size_and_quantile(difference, groups)
    mean = n * float(difference.mean()) / (n + 2)
    spread = (n * float((difference**2).mean()) + 2) / (n + 2) - mean**2
    error = float(np.sqrt(spread / (n + 2)))
    degrees = int(groups.max()) if int(groups.max()) + 1 < groups.size else np.inf
    p = float(2 * stats.t.sf(abs(mean) / error, max(1, degrees)))
    # A mean on the edge is never outside its interval.
    low = min(mean - quantile * error, float(difference.mean()))
    high = max(mean + quantile * error, float(difference.mean()))
    return max(-1.0, low), min(1.0, high), p


def _skewed(difference: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    """Interval and p-value of a mean: Hall's cubic transformation of Student's t, by clusters."""
    mean, totals = float(difference.mean()), np.bincount(groups, difference - difference.mean())
    count = totals.size
    shares = totals * count / difference.size
    error = float(shares.std(ddof=1) / np.sqrt(count))
    if not error:  # clusters that cancel out within
        return mean, mean, float(not mean)
    skew = float((shares**3).mean() / shares.std() ** 3) / np.sqrt(count)

    def transformed(t: float) -> float:
        return t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6

    def untransformed(t: float) -> float:
        return 3 / skew * (np.cbrt(1 + skew * (t - skew / 6)) - 1) if abs(skew) > 1e-6 else t

    quantile = float(stats.t.ppf(_TAIL, count - 1))
    low, high = (mean - float(untransformed(t)) * error for t in (quantile, -quantile))
    return low, high, float(2 * stats.t.sf(abs(transformed(mean / error)), count - 1))


def _groups(n: int, clusters: Clusters) -> np.ndarray:
    """The cluster of each of n values as a number from 0, shape (n,); each its own without clusters."""
    if clusters is None:
        return np.arange(n)
    numbers = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    return np.array([numbers[name] for name in clusters], int)


def _size_and_quantile(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Effective sample size of a mean (Kish: n over the ratio of clustered to independent variance), and quantile."""
    n, sizes = values.size, np.bincount(groups)
    if sizes.size == n:
        return float(n), _NORMAL
    if sizes.size == 1:
        return 1.0, _NORMAL  # one cluster says as much as one answer
    least, quantile = n**2 / float((sizes**2).sum()), float(stats.t.ppf(_TAIL, sizes.size - 1))
    independent = float(values.var()) / n
    if not independent:  # all alike, which may be what clusters do
        return least, quantile
    totals = np.bincount(groups, values - values.mean())
    clustered = sizes.size / (sizes.size - 1) * float((totals**2).sum()) / n**2
    return float(np.clip(n * independent / clustered if clustered else n, least, n)), quantile
