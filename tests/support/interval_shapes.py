"""Simulated evaluations with a known truth, by which intervals are tried: `python tests/support/interval_shapes.py`.

Prints the table of docs/evaluation.md: how often an interval holds the truth, in 2,000 trials of each setting.
"""

from typing import NamedTuple

import numpy as np

from qaloom.evaluate.intervals import paired, paired_by_class, rate

TRIALS = 2_000
# (questions, clusters), 0 where each question stands alone
SETTINGS = [(10, 0), (20, 0), (50, 0), (200, 0), (60, 3), (60, 5), (60, 20), (200, 60)]
_ALIKE = 0.5  # correlation of the answers in a cluster

Random = np.random.Generator


class Evaluation(NamedTuple):
    """Scores of base and tuned model, the cluster (and class) of each question, and the true difference."""

    base: np.ndarray
    tuned: np.ndarray
    groups: np.ndarray
    truth: float
    classes: np.ndarray | None = None


def _chances(random: Random, share: float, groups: np.ndarray) -> np.ndarray:
    """The chance of each question to be right; in clusters drawn around the share (beta-binomial)."""
    if groups.max() + 1 == groups.size:
        return np.full(groups.size, share)
    spread = 1 / _ALIKE - 1
    return random.beta(share * spread, (1 - share) * spread, groups.max() + 1)[groups]


def _right_or_wrong(base: tuple[float, float], tuned: tuple[float, float], equal: float = 0.0):
    """Zeros and ones; rates drawn from two bands, a share of the questions answered alike by both."""

    def draw(random: Random, groups: np.ndarray) -> Evaluation:
        shares = random.uniform(*base), random.uniform(*tuned)
        luck = random.random((2, groups.size))
        luck[1] = np.where(random.random(groups.size) < equal, luck[0], luck[1])
        first, second = (
            (one < _chances(random, share, groups)).astype(float)
            for one, share in zip(luck, shares, strict=True)
        )
        return Evaluation(first, second, groups, shares[1] - shares[0])

    return draw


def _full_marks(random: Random, groups: np.ndarray) -> Evaluation:
    """Scores between 0 and 1, the tuned model's full marks in whole clusters."""
    full, n = random.uniform(0.2, 0.9), groups.size
    hits = (random.random(n) < full)[groups]
    return Evaluation(
        random.beta(2, 5, n), np.where(hits, 1.0, random.beta(2, 3, n)), groups, full * 0.6 + 0.4 - 2 / 7
    )


def _shares(random: Random, groups: np.ndarray) -> Evaluation:
    """Scores between 0 and 1, seldom at the ends; clusters differ."""
    means = random.uniform(0.3, 0.7, 2)
    first, second = (random.beta(20 * m, 20 - 20 * m, groups.max() + 1)[groups] for m in means)
    scores = (random.beta(10 * one, 10 - 10 * one) for one in (first, second))
    return Evaluation(*scores, groups, float(means[1] - means[0]))


def _log_likelihoods(random: Random, groups: np.ndarray) -> Evaluation:
    """Scores without bounds and with a tail; clusters differ."""
    gained = random.gamma(4, 0.25, groups.max() + 1)[groups] + random.normal(0, 0.5, groups.size)
    return Evaluation(np.zeros(groups.size), gained, groups, 1.0)


def _two_classes(random: Random, groups: np.ndarray) -> Evaluation:
    """Right or wrong in two classes, one of them rare, classes of their own clusters."""
    classes = random.random(groups.max() + 1)[groups] < 0.3
    if classes.all() or not classes.any():
        return _two_classes(random, groups)
    shares = np.array([random.uniform(0, 0.4, 2), random.uniform(0.4, 1, 2)])
    first, second = (
        (random.random(groups.size) < _in_class(random, one, classes, groups)).astype(float) for one in shares
    )
    return Evaluation(first, second, groups, float((shares[1] - shares[0]).mean()), classes)


def _in_class(random: Random, shares: np.ndarray, classes: np.ndarray, groups: np.ndarray) -> np.ndarray:
    of_class = [_chances(random, share, groups) for share in shares]
    return np.where(classes, of_class[1], of_class[0])


SHAPES = {
    "hardly any right (0-5%, 0-10%)": _right_or_wrong((0, 0.05), (0, 0.1)),
    "much gained (0-20%, 50-95%)": _right_or_wrong((0, 0.2), (0.5, 0.95)),
    "nearly all gained (0-5%, 95-100%)": _right_or_wrong((0, 0.05), (0.95, 1)),
    "no difference (30-70%)": _right_or_wrong((0.3, 0.7), (0.3, 0.7)),
    "half of the answers equal (30-70%)": _right_or_wrong((0.3, 0.7), (0.3, 0.7), 0.5),
    "two classes, balanced accuracy": _two_classes,
    "scores with full marks": _full_marks,
    "scores seldom 0 or 1": _shares,
    "log-likelihoods": _log_likelihoods,
}


def coverage(name: str, n: int, clusters: int, trials: int) -> float:
    """The share of simulated evaluations whose interval holds the true difference."""
    random, covered = np.random.default_rng(n + 1_000 * clusters), 0
    for _ in range(trials):
        groups = (
            np.unique(random.integers(0, clusters, n), return_inverse=True)[1] if clusters else np.arange(n)
        )
        one = SHAPES[name](random, groups)
        if one.classes is None:
            found = paired(one.base, one.tuned, groups.tolist(), name != "log-likelihoods")
        else:
            found = paired_by_class(one.base, one.tuned, one.classes.tolist(), groups.tolist())
        covered += found.low - 1e-9 <= one.truth <= found.high + 1e-9
    return covered / trials


def rate_coverage(n: int, band: tuple[float, float], clusters: int, trials: int) -> float:
    """Share of trials whose interval holds the true rate, drawn anew from `band` for each trial.

    Single rates would not do: with few answers any interval covers one more and another less
    (Brown, Cai and DasGupta 2001).
    """
    random, covered = np.random.default_rng(n), 0
    for _ in range(trials):
        truth = random.uniform(*band)
        groups = (
            np.unique(random.integers(0, clusters, n), return_inverse=True)[1] if clusters else np.arange(n)
        )
        found = rate(random.random(n) < _chances(random, truth, groups), groups.tolist())
        covered += found.low <= truth <= found.high
    return covered / trials


def main() -> None:
    """Print the table, in per cent."""
    print("|", " | ".join(["", *(f"{n}{f' in {c}' * bool(c)}" for n, c in SETTINGS)]), "|")
    print("|", " | ".join(["---", *["---:"] * len(SETTINGS)]), "|")
    for low, high in ((0.01, 0.1), (0.1, 0.9), (0.9, 0.99)):
        cells = [f"{rate_coverage(n, (low, high), c, TRIALS):.1%}" for n, c in SETTINGS]
        print(f"| a rate, {low:.0%} to {high:.0%} |", " | ".join(cells).replace("%", ""), "|", flush=True)
    for name in SHAPES:
        cells = [f"{coverage(name, n, c, TRIALS):.1%}" for n, c in SETTINGS]
        print(f"| {name} |", " | ".join(cells).replace("%", ""), "|", flush=True)


if __name__ == "__main__":
    main()
