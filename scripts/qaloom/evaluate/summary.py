"""From scored predictions to the figures of metrics.json."""

from collections import defaultdict
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np

from qaloom.evaluate.bootstrap import paired
from qaloom.evaluate.metrics import SCORES, WHY_NOT

PARTS = ("recall", "unseen")  # the held-out sets
_LENGTHS = ((10, "1-10"), (30, "11-30"), (100, "31-100"), (float("inf"), "101+"))  # characters
_GROUPS: dict[str, Callable[[dict[str, Any]], str]] = {
    "origin": itemgetter("origin"),
    "language": itemgetter("language"),
    "document": itemgetter("document"),
    "length": lambda p: next(name for most, name in _LENGTHS if len(p["reference"]) <= most),
}


def summarise(predictions: list[dict[str, Any]], resamples: int, seed: int) -> dict[str, Any]:
    """The figures of one run: `recall`, `unseen`, and `by` origin, language, document and answer's length.

    `predictions` as in predictions.jsonl: split, origin, language, document, reference, cut, and scores
    {name: {"base", "tuned"}}. Each part holds n, cut (answers at the length limit) and, for each score,
    what `bootstrap.paired` returns; one that could be computed for no question also says `why`, a code.
    `by` is about recall alone: mixing in facts that the model never saw would make groups incomparable.
    """
    split = {name: [p for p in predictions if p["split"] == name] for name in PARTS}
    parts: dict[str, Any] = {name: _part(some, resamples, seed) for name, some in split.items()}
    parts["by"] = {
        key: {name: _part(some, resamples, seed) for name, some in _grouped(split["recall"], group)}
        for key, group in _GROUPS.items()
    }
    by_length = parts["by"]["length"]
    parts["by"]["length"] = {name: by_length[name] for _, name in _LENGTHS if name in by_length}
    return parts


def headline(metrics: dict[str, Any], part: str) -> str:
    """Exact match on one part (`recall` or `unseen`) of a run's metrics, in one line."""
    score = metrics[part]["exact_match"]
    if not metrics[part]["n"]:
        return f"{part} has no questions"
    between = "" if score["low"] is None else f" (95% {score['low']:+.2f} to {score['high']:+.2f})"
    return (
        f"exact match on {metrics[part]['n']} {part} questions: base {score['base']:.2f}, "
        f"tuned {score['tuned']:.2f}, difference {score['difference']:+.2f}{between}"
    )


def _part(predictions: list[dict[str, Any]], resamples: int, seed: int) -> dict[str, Any]:
    part: dict[str, Any] = {"n": len(predictions), "cut": _cut(predictions)}
    for name in SCORES:
        part[name] = paired(*sides(predictions, name), resamples, seed)
        if not part[name]["n"]:
            part[name]["why"] = WHY_NOT.get(name, "no_question") if predictions else "no_question"
    part["perplexity"] = perplexity([p["nll"] for p in predictions if "nll" in p], resamples, seed)
    return part


def perplexity(nll: list[dict[str, float | None]], resamples: int, seed: int) -> dict[str, Any]:
    """Perplexity under base and tuned, each text counting the same, and their ratio with its 95% interval.

    `nll`: mean negative log-likelihood a token of each text, under `base` and `tuned`; None is left out.
    """
    known = [pair for pair in nll if None not in pair.values()]
    base, tuned = (np.array([pair[side] for pair in known]) for side in ("base", "tuned"))
    found = paired(base, tuned, resamples, seed)
    names = {"base": "base", "tuned": "tuned", "ratio": "difference", "low": "low", "high": "high"}
    values = {name: None if found[key] is None else float(np.exp(found[key])) for name, key in names.items()}
    why = {} if known else {"why": "no_text" if nll else "no_question"}
    return {"n": found["n"], **values, "p": found["p"], **why}


def sides(predictions: list[dict[str, Any]], name: str, *arms: str) -> list[np.ndarray]:
    """One score of several arms (base and tuned, if none is named), where it could be computed: (n,) each."""
    arms = arms or ("base", "tuned")
    # A score is None for all models or for none: whether it exists depends on the reference.
    found = [p["scores"][name] for p in predictions if p["scores"][name][arms[0]] is not None]
    return [np.array([score[arm] for score in found]) for arm in arms]


def _cut(predictions: list[dict[str, Any]]) -> dict[str, int]:
    return {side: sum(p["cut"][side] for p in predictions) for side in ("base", "tuned")}


def _grouped(
    predictions: list[dict[str, Any]], group: Callable[[dict[str, Any]], str]
) -> list[tuple[str, list[dict[str, Any]]]]:
    groups = defaultdict(list)
    for prediction in predictions:
        groups[group(prediction)].append(prediction)
    return sorted(groups.items())
