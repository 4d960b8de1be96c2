"""95% confidence intervals in closed form: of a rate, of a mean difference, and of a weighted mean of these.

Scores that belong together (questions about one fact) may be given as clusters. Coverage is simulated in
tests/unit/evaluate/test_intervals.py, for 10 to 200 questions, rates near 0 and 1 and clustered ones.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from qaloom.evaluate.results import Rate

_TAIL = 0.975


class Interval(NamedTuple):
    """An estimate and its 95% interval."""

    estimate: float
    low: float
    high: float


def rate(hits: Sequence[bool] | np.ndarray, clusters: Sequence[Hashable] | None = None) -> Rate:
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


def wilson(values: np.ndarray, clusters: Sequence[Hashable] | None = None) -> Interval:
    """Wilson's interval (1927) of the mean of zeros and ones, shape (n,), n > 0; see `rate`."""
    n, share, quantile = float(values.size), float(values.mean()), float(stats.norm.ppf(_TAIL))
    groups = _groups(values.size, clusters)
    count = int(groups.max()) + 1
    if 1 < count < values.size:
        n, quantile = _effective_size(values, groups), float(stats.t.ppf(_TAIL, count - 1))
    elif count < values.size:
        n = 1.0  # one cluster says as much as one answer
    square = quantile**2 / n
    middle = (share + square / 2) / (1 + square)
    reach = quantile * np.sqrt(share * (1 - share) / n + square / (4 * n)) / (1 + square)
    return Interval(share, max(0.0, float(middle - reach)), min(1.0, float(middle + reach)))


def _groups(n: int, clusters: Sequence[Hashable] | None) -> np.ndarray:
    """The cluster of each of n values as a number from 0, shape (n,); each its own without clusters."""
    if clusters is None:
        return np.arange(n)
    numbers = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    return np.array([numbers[name] for name in clusters])


def _effective_size(values: np.ndarray, groups: np.ndarray) -> float:
    """Kish's effective sample size of a mean: n over the ratio of clustered to independent variance."""
    n, sizes = values.size, np.bincount(groups)
    least = n**2 / float((sizes**2).sum())
    independent = float(values.var()) / n
    totals = np.bincount(groups, values - values.mean())
    clustered = sizes.size / (sizes.size - 1) * float((totals**2).sum()) / n**2
    if not independent:  # all alike, which may be what clusters do
        return least
    return float(np.clip(n * independent / clustered if clustered else n, least, n))
