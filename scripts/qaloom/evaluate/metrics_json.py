"""metrics.json, in which the scores of a part stand beside its counts: written and read."""

from pathlib import Path
from typing import Any

import msgspec

from qaloom.errors import DataError, first_line
from qaloom.evaluate.results import EvaluationMetrics
from qaloom.files import read_values


def to_json(metrics: EvaluationMetrics) -> dict[str, Any]:
    """Metrics as metrics.json holds them, each part's scores beside its counts."""
    values = msgspec.to_builtins(metrics)
    for part in _parts(values):
        scores, perplexity = part.pop("scores"), part.pop("perplexity")
        why = {"why": part.pop("why")} if "why" in part else {}
        part |= {**scores, "perplexity": perplexity, **why}
    return values


def read_metrics(path: Path) -> EvaluationMetrics:
    """The metrics of a metrics.json. Raises DataError when it is damaged or of another version."""
    values = read_values(path, dict[str, Any])
    try:
        return from_json(values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: was written by another version of QA Loom or is damaged ({first_line(error)}); remove it and "
            "run the workflow again"
        ) from None


def from_json(values: dict[str, Any]) -> EvaluationMetrics:
    """Metrics from the content of metrics.json. Raises msgspec.ValidationError where a key is missing."""
    values = values | {"by": {key: dict(groups) for key, groups in values["by"].items()}}
    about = ("n", "cut", "perplexity", "why")
    for holder, key in _places(values):
        part = holder[key]
        scores = {name: value for name, value in part.items() if name not in about}
        holder[key] = {name: part[name] for name in about if name in part} | {"scores": scores}
    return msgspec.convert(values, EvaluationMetrics)


def _parts(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [holder[key] for holder, key in _places(values)]


def _places(values: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Where parts stand in metrics.json: each dictionary that holds one, and its key there."""
    groups = [(group, name) for group in values["by"].values() for name in group]
    return [(values, "honest"), (values, "recall"), (values, "unseen"), *groups]
