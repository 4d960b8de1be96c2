"""From scored predictions to the figures of metrics.json."""

from collections import defaultdict
from typing import Any

import numpy as np

from qaloom.bootstrap import paired
from qaloom.metrics import SCORES

_GROUPS = ("origin", "language", "document")


def summarise(predictions: list[dict[str, Any]], resamples: int, seed: int) -> dict[str, Any]:
    """The figures of one run: `recall`, `unseen`, and `by` origin, language and document.

    `predictions` as in predictions.jsonl: split, origin, language, document, cut, and scores
    {name: {"base", "tuned"}}. Each part holds n, cut (answers at the length limit) and, for each score,
    what `bootstrap.paired` returns. `by` is about recall alone: mixing in facts that the model never saw
    would make groups incomparable.
    """
    split = {name: [p for p in predictions if p["split"] == name] for name in ("recall", "unseen")}
    parts: dict[str, Any] = {name: _part(some, resamples, seed) for name, some in split.items()}
    parts["by"] = {
        key: {name: _part(some, resamples, seed) for name, some in _grouped(split["recall"], key)}
        for key in _GROUPS
    }
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
        # A score is None for both models or for neither: whether it exists depends on the reference.
        pairs = [p["scores"][name] for p in predictions if p["scores"][name]["base"] is not None]
        base, tuned = (np.array([pair[side] for pair in pairs]) for side in ("base", "tuned"))
        part[name] = paired(base, tuned, resamples, seed)
    return part


def _cut(predictions: list[dict[str, Any]]) -> dict[str, int]:
    return {side: sum(p["cut"][side] for p in predictions) for side in ("base", "tuned")}


def _grouped(predictions: list[dict[str, Any]], key: str) -> list[tuple[str, list[dict[str, Any]]]]:
    groups = defaultdict(list)
    for prediction in predictions:
        groups[prediction[key]].append(prediction)
    return sorted(groups.items())
