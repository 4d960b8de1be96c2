"""Metrics of a run from its scored predictions, as metrics.json holds them."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from operator import attrgetter

import numpy as np

from qaloom.evaluate.intervals import paired
from qaloom.evaluate.metrics import SCORES, WHY_NOT
from qaloom.evaluate.results import (
    MODELS,
    EvaluationMetrics,
    Paired,
    PairedPerplexity,
    PartMetrics,
    Prediction,
    Values,
)

PARTS = ("recall", "unseen")  # the held-out sets
_LENGTHS = ((10, "1-10"), (30, "11-30"), (100, "31-100"), (float("inf"), "101+"))  # characters
_GROUPS: dict[str, Callable[[Prediction], str]] = {
    "origin": attrgetter("origin"),
    "language": attrgetter("language"),
    "document": attrgetter("document"),
    "length": lambda p: next(name for most, name in _LENGTHS if len(p.reference) <= most),
}


def summarise(predictions: Sequence[Prediction]) -> EvaluationMetrics:
    """Metrics of one run: `recall`, `unseen`, and `by` origin, language, document and reference length.

    A score that could be computed for no question says `why`, a code. `by` is about recall alone: mixing in
    facts that the model never saw would make groups incomparable.
    """
    recall, unseen = ([p for p in predictions if p.split == name] for name in PARTS)
    by = {
        key: {name: _part(some) for name, some in _grouped(recall, group)} for key, group in _GROUPS.items()
    }
    by["length"] = {name: by["length"][name] for _, name in _LENGTHS if name in by["length"]}
    return EvaluationMetrics(_part(recall), _part(unseen), by)


def headline(metrics: EvaluationMetrics, name: str) -> str:
    """One line on exact match in one part (`recall` or `unseen`) of a run."""
    part = metrics.part(name)
    score = part.scores["exact_match"]
    if not part.n:
        return f"{name} has no questions"
    between = "" if score.low is None else f" (95% {score.low:+.2f} to {score.high:+.2f})"
    return (
        f"exact match on {part.n} {name} questions: base {score.base:.2f}, "
        f"tuned {score.tuned:.2f}, difference {score.difference:+.2f}{between}"
    )


def _part(predictions: Sequence[Prediction]) -> PartMetrics:
    nll = [p.nll for p in predictions if isinstance(p.nll, dict)]
    return PartMetrics(
        len(predictions),
        {model: sum(p.cut[model] for p in predictions) for model in MODELS},
        {name: _score(predictions, name) for name in SCORES},
        perplexity(nll),
    )


def _score(predictions: Sequence[Prediction], name: str) -> Paired:
    base, tuned = (score_values(predictions, name, model) for model in MODELS)
    found = paired(base, tuned)
    if not found.n:
        found.why = WHY_NOT.get(name, "no_question") if predictions else "no_question"
    return found


def perplexity(nll: Sequence[Values]) -> PairedPerplexity:
    """Perplexity under base and tuned, each text counting the same, and their ratio with its 95% interval.

    `nll`: mean negative log-likelihood a token of each text, under `base` and `tuned`; None is left out.
    """
    complete = [pair for pair in nll if None not in pair.values()]
    base, tuned = (np.array([pair[model] for pair in complete]) for model in MODELS)
    found = paired(base, tuned, bounded=False)
    result = PairedPerplexity(
        found.n,
        _exp(found.base),
        _exp(found.tuned),
        _exp(found.difference),
        _exp(found.low),
        _exp(found.high),
        found.p,
    )
    if not complete:
        result.why = "no_text" if nll else "no_question"
    return result


def _exp(value: float | None) -> float | None:
    return None if value is None else float(np.exp(value))


def score_values(predictions: Sequence[Prediction], name: str, model: str) -> np.ndarray:
    """One score of one model over the questions for which it exists, shape (n,).

    Whether a score exists depends on the reference alone, so that arrays of two models are paired.
    """
    values = (p.scores[name][model] for p in predictions)
    return np.array([value for value in values if value is not None])


def _grouped(
    predictions: Sequence[Prediction], group: Callable[[Prediction], str]
) -> list[tuple[str, list[Prediction]]]:
    groups = defaultdict(list)
    for prediction in predictions:
        groups[group(prediction)].append(prediction)
    return sorted(groups.items())
