"""95% confidence intervals without resampling: of a rate, of a paired difference, and of a weighted mean of these.

Scores that belong together (questions about one fact) may be given as clusters. Coverage is simulated by
tests/support/interval_shapes.py, for 10 to 200 questions, rates near 0 and 1 and clustered scores.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import stats
from scipy.optimize import bisect

from qaloom.evaluate.results import Paired, Rate

K = TypeVar("K", bound=Hashable)
Clusters = Sequence[Hashable] | None
_TAIL = 0.975
_NORMAL = float(stats.norm.ppf(_TAIL))
_FEW_CLUSTERS = 10  # below, their skewness is not known, and what other clusters would bring may not show
_MANY_CLUSTERS = 200  # above, unequal sizes make no difference to the degrees of freedom
_NOTHING = 1e-12  # a variance of rounding alone
_OFTEN = 0.2  # share of full marks and zeros from which scores are nearly right or wrong


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
    n, degrees = _size_and_degrees(values, _groups(values.size, clusters))
    return Interval(float(values.mean()), *_wilson(float(values.mean()), n, _quantile(degrees)))


def paired(base: np.ndarray, tuned: np.ndarray, clusters: Clusters = None, bounded: bool = True) -> Paired:
    """Means of two models' scores on the same questions, their difference, its 95% interval and p-value.

    `base` and `tuned`: (n,) scores, question by question. Right or wrong (0 or 1), or equal differences: Tango's
    score interval, see `_tango`. Other scores: Student's t by clusters, see `_student`; where a few clusters have
    scores that are often full marks or zero, the wider of the two. p is below 0.05 where the
    interval excludes zero. No interval for n < 2, nor for equal differences of scores that are not `bounded` by 0
    and 1, which show no spread.
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
    is_equal = np.ptp(difference) < 1e-12
    if is_equal and not bounded:
        return found
    if bounded and (is_equal or np.isin((base, tuned), (0, 1)).all()):
        found.low, found.high, found.p = _tango(difference, groups)
        return found
    low, high, p = _student(difference, groups)
    if bounded and _may_hide_spread(base, tuned, groups):
        least, most, other = _tango(difference, groups, base, tuned)
        low, high, p = min(low, least), max(high, most), max(p, other)
    found.low, found.high, found.p = (max(-1.0, low), min(1.0, high), p) if bounded else (low, high, p)
    return found


def _may_hide_spread(base: np.ndarray, tuned: np.ndarray, groups: np.ndarray) -> bool:
    """Whether a few clusters, each of them right or wrong as a whole, could look more alike than further ones."""
    count = int(groups.max()) + 1
    return count < min(_FEW_CLUSTERS, groups.size) and bool(np.isin((base, tuned), (0, 1)).mean() > _OFTEN)


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
        low, high, _ = _tango(difference, np.unique(groups[which], return_inverse=True)[1])
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


def _tango(difference: np.ndarray, groups: np.ndarray, *further: np.ndarray) -> tuple[float, float, float]:
    """Interval and p-value of a mean of -1, 0 and 1: the values that a score test does not refuse.

    Tango 1998 (doi 10.1002/(sici)1097-0258(19980430)17:8<891::aid-sim780>3.0.co;2-b); its p-value is McNemar's. Of
    clustered answers with their effective sample size, or the least of that and those of `further` scores.
    """
    sizes, degrees = zip(*(_size_and_degrees(one, groups) for one in (difference, *further)), strict=True)
    n, mean, quantile = min(sizes), float(difference.mean()), _quantile(degrees[0])
    lost = n * float(np.maximum(-difference, 0).mean())

    def score(truth: float) -> float:
        """The standardised distance of the mean from a true difference, under which `fits` is the likeliest loss."""
        apart = mean - truth
        if abs(apart) < _NOTHING:
            return 0.0
        slope, rest = 2 * lost + n * mean - n * (2 - mean) * truth, lost * truth * (1 - truth)
        fits = (np.sqrt(max(0.0, slope**2 + 8 * n * rest)) + slope) / (4 * n)
        variance = (2 * fits + truth * (1 - truth)) / n
        return float(apart / np.sqrt(variance)) if variance > _NOTHING else float(np.copysign(np.inf, apart))

    low = bisect(lambda truth: score(truth) - quantile, -1, mean) if mean > -1 else -1.0
    high = bisect(lambda truth: score(truth) + quantile, mean, 1) if mean < 1 else 1.0
    p = 2 * stats.t.sf(abs(score(0)), degrees[0]) if mean else 1.0
    return float(low), float(high), float(p)


def _wilson(rate: float, n: float, quantile: float) -> tuple[float, float]:
    square = quantile**2 / n
    middle = (rate + square / 2) / (1 + square)
    reach = quantile * np.sqrt(rate * (1 - rate) / n + square / (4 * n)) / (1 + square)
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))


def _student(difference: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    """Interval and p-value of a mean: Student's t by clusters, corrected for skewness where it can be known.

    Variance CR2 with Satterthwaite's degrees of freedom (Bell and McCaffrey 2002; Pustejovsky and Tipton 2018, doi
    10.1080/07350015.2016.1247004); Hall's cubic transformation (1992, doi 10.1111/j.2517-6161.1992.tb01872.x).
    """
    mean, totals = float(difference.mean()), np.bincount(groups, difference - difference.mean())
    count, sizes = totals.size, np.bincount(groups)
    error = float(np.sqrt((totals**2 / (1 - sizes / difference.size)).sum())) / difference.size
    if not error:  # clusters that cancel out within
        return mean, mean, float(not mean)
    known = count >= min(_FEW_CLUSTERS, difference.size)
    skew = float((totals**3).mean() / totals.std() ** 3) / np.sqrt(count) if known else 0.0

    def transformed(t: float) -> float:
        return t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6

    def untransformed(t: float) -> float:
        return 3 / skew * (np.cbrt(1 + skew * (t - skew / 6)) - 1) if abs(skew) > 1e-6 else t

    degrees = _degrees(sizes)
    quantile = _quantile(degrees)
    low, high = (mean - float(untransformed(t)) * error for t in (quantile, -quantile))
    return low, high, float(2 * stats.t.sf(abs(transformed(mean / error)), degrees))


def _degrees(sizes: np.ndarray) -> float:
    """Satterthwaite's degrees of freedom of CR2's variance of a mean, as if values of one cluster were all alike."""
    count = sizes.size
    if not np.ptp(sizes) or count > _MANY_CLUSTERS:
        return count - 1
    shares = sizes / sizes.sum()
    residuals = (np.eye(count) - shares[:, None]) * sizes / np.sqrt(1 - shares)[:, None]
    products = residuals @ residuals.T
    return float(np.trace(products) ** 2 / (products**2).sum())


def _groups(n: int, clusters: Clusters) -> np.ndarray:
    """The cluster of each of n values as a number from 0, shape (n,); each its own without clusters."""
    if clusters is None:
        return np.arange(n)
    numbers = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    return np.array([numbers[name] for name in clusters], int)


def _quantile(degrees: float) -> float:
    return float(stats.t.ppf(_TAIL, degrees))


def _size_and_degrees(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Effective sample size of a mean (Kish: n over the ratio of clustered to independent variance).

    With the degrees of freedom of Student's t; infinitely many where values stand alone.
    """
    n, sizes = values.size, np.bincount(groups)
    if sizes.size == n:
        return float(n), np.inf
    if sizes.size == 1:
        return 1.0, np.inf  # one cluster says as much as one answer
    least, degrees = n**2 / float((sizes**2).sum()), float(sizes.size - 1)
    independent = float(values.var()) / n
    if not independent:  # all alike, which may be what clusters do
        return least, degrees
    totals = np.bincount(groups, values - values.mean())
    clustered = sizes.size / (sizes.size - 1) * float((totals**2).sum()) / n**2
    return float(np.clip(n * independent / clustered if clustered else n, least, n)), degrees
