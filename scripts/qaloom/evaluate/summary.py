"""Metrics of a run from its scored predictions, as metrics.json holds them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from operator import attrgetter

import numpy as np

from qaloom.evaluate.answer_kinds import answer_kind, class_of_answer
from qaloom.evaluate.intervals import paired, paired_in_strata
from qaloom.evaluate.metrics import SCORES, WHY_NOT
from qaloom.evaluate.results import (
    MODELS,
    EvaluationMetrics,
    LookupComparison,
    Paired,
    PairedPerplexity,
    PartMetrics,
    Prediction,
    Values,
)

PARTS = ("recall", "unseen")  # the held-out sets
HEADLINE = "right"  # the score that a verdict rests on; see `compare`
_LENGTHS = ((10, "1-10"), (30, "11-30"), (100, "31-100"), (float("inf"), "101+"))  # characters


def wording(prediction: Prediction) -> str:
    """light, of any origin; else data (a wording of the sources) or probe (a form made by rule or model)."""
    if prediction.light:
        return "light"
    return "data" if prediction.origin == "data" else "probe"


_GROUPS: dict[str, Callable[[Prediction], str]] = {
    "wording": wording,
    "kind": lambda p: answer_kind(p.reference),
    "language": attrgetter("language"),
    "document": attrgetter("document"),
    "length": lambda p: next(name for most, name in _LENGTHS if len(p.reference) <= most),
}


def summarise(predictions: Sequence[Prediction]) -> EvaluationMetrics:
    """Metrics of one run: `honest`, `recall`, `unseen`, and `by` wording, kind, language, document and length.

    A score that could be computed for no question says `why`, a code. `by` is about recall alone: mixing in
    facts that the model never saw would make groups incomparable. `by.wording` tells the sources' own
    wordings, probes and light questions apart; the other groups hold all of them.
    """
    recall, unseen = ([p for p in predictions if p.split == name] for name in PARTS)
    by = {
        key: {name: _part(some) for name, some in _grouped(recall, group)} for key, group in _GROUPS.items()
    }
    by["length"] = {name: by["length"][name] for _, name in _LENGTHS if name in by["length"]}
    honest = _part(honest_questions(recall))
    if recall and not honest.n:
        honest.why = "light_only"
    return EvaluationMetrics(honest, _part(recall), _part(unseen), by)


def honest_questions(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Recall questions that differ from every trained one in more than an ending."""
    return [p for p in predictions if p.split == "recall" and not p.light]


def headline(metrics: EvaluationMetrics, name: str = "honest") -> str:
    """One line on the share of right answers in one part of a run: honest recall questions, or unseen."""
    part = metrics.part(name)
    score = part.scores[HEADLINE]
    if name == "unseen" and not part.n:
        return "unseen has no questions"
    if not part.n:
        return (
            "nothing was measured: recall has no question that differs from a trained one in more than its ending; "
            "add second wordings to some rows, or a provider to augment.providers"
        )
    between = "" if score.low is None else f" (95% {score.low:+.2f} to {score.high:+.2f})"
    return (
        f"right on {part.n} {'unseen' if name == 'unseen' else 'recall'} questions: base {score.base:.2f}, "
        f"tuned {score.tuned:.2f}, difference {score.difference:+.2f}{between}"
        f"{_beside_lookup(metrics) if name != 'unseen' else ''}"
    )


def _beside_lookup(metrics: EvaluationMetrics) -> str:
    found = metrics.lookup
    if not isinstance(found, LookupComparison) or found.right.base is None:
        return ""
    verdict = "" if found.helps else ", so tuning adds nothing for such questions"
    return f"; looking up the nearest training question {found.right.base:.2f}{verdict}"


def _part(predictions: Sequence[Prediction]) -> PartMetrics:
    nll = [p for p in predictions if isinstance(p.nll, dict)]
    return PartMetrics(
        len(predictions),
        {model: sum(p.cut[model] for p in predictions) for model in MODELS},
        {name: _score(predictions, name) for name in SCORES},
        perplexity([p.nll for p in nll if isinstance(p.nll, dict)], [_fact(p) for p in nll]),
    )


def _score(predictions: Sequence[Prediction], name: str) -> Paired:
    found = compare(predictions, name, *MODELS)
    if not found.n:
        found.why = WHY_NOT.get(name, "no_question") if predictions else "no_question"
    return found


def compare(predictions: Sequence[Prediction], score: str, one: str, other: str) -> Paired:
    """Two models' means of a score, and their difference (other - one); wordings of a fact are a cluster.

    `right` is the share of right answers, in which closed answers (yes, no, none, abstentions) count by
    balanced accuracy: each class as much as another, and all of them as much as their questions.
    """
    some = [p for p in predictions if p.scores[score][one] is not None]
    return compare_scores(some, score, score_values(some, score, one), score_values(some, score, other))


def compare_scores(
    predictions: Sequence[Prediction], score: str, one: np.ndarray, other: np.ndarray
) -> Paired:
    """Like `compare`, of two arrays of scores of the same questions, shape (n,)."""
    facts = [_fact(p) for p in predictions]
    if score != HEADLINE:
        return paired(one, other, facts)
    classes = [
        class_of_answer(p.reference) if answer_kind(p.reference) == "closed" else "" for p in predictions
    ]
    if len({name for name in classes if name}) < 2:  # with one class, balanced accuracy is accuracy
        return paired(one, other, facts)
    return paired_in_strata(one, other, _strata(classes), facts)


def _strata(classes: Sequence[str]) -> list[tuple[float, np.ndarray]]:
    """Weight and members of the open questions and of each closed class."""
    counts = Counter(classes)
    of_open = counts.pop("", 0)
    weights = dict.fromkeys(counts, (len(classes) - of_open) / len(classes) / len(counts))
    if of_open:
        weights[""] = of_open / len(classes)
    return [(weight, np.array([one == name for one in classes], bool)) for name, weight in weights.items()]


def compare_lookup(predictions: Sequence[Prediction]) -> LookupComparison:
    """Tuning against looking up the nearest training question, on recall."""
    honest = honest_questions(predictions)
    right = compare(honest, HEADLINE, "lookup", "tuned")
    recall = [p for p in predictions if p.split == "recall"]
    by = {name: compare(some, HEADLINE, "lookup", "tuned") for name, some in _grouped(recall, wording)}
    means: Values = {}
    for name in SCORES:
        values = score_values(honest, name, "lookup")
        means[name] = float(values.mean()) if values.size else None
    return LookupComparison(right, by, means, right.low is not None and right.low > 0)


def perplexity(nll: Sequence[Values], facts: Sequence[str] | None = None) -> PairedPerplexity:
    """Perplexity under base and tuned, each text counting the same, and their ratio with its 95% interval.

    `nll`: mean negative log-likelihood a token of each text, under `base` and `tuned`; None is left out.
    `facts`: what each text is about; texts about one are a cluster.
    """
    places = [i for i, pair in enumerate(nll) if None not in pair.values()]
    base, tuned = (np.array([nll[i][model] for i in places]) for model in MODELS)
    found = paired(base, tuned, [facts[i] for i in places] if facts else None, bounded=False)
    result = PairedPerplexity(
        found.n,
        _exp(found.base),
        _exp(found.tuned),
        _exp(found.difference),
        _exp(found.low),
        _exp(found.high),
        found.p,
    )
    if not places:
        result.why = "no_text" if nll else "no_question"
    return result


def _fact(prediction: Prediction) -> str:
    return prediction.fact or prediction.id


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
