"""Runs side by side: each against its base model and against each other, on the questions they share."""

from itertools import combinations
from typing import Any

from qaloom.evaluate.bootstrap import holm, paired
from qaloom.evaluate.summary import sides

_SCORE = "exact_match"


def compare_runs(runs: dict[str, list[dict[str, Any]]], resamples: int, seed: int) -> dict[str, Any]:
    """Exact match on recall of several runs, with p-values corrected for the number of comparisons (Holm).

    `runs`: each run's predictions. Only questions that all runs answered count; of these, wordings found in
    the sources if there are any, since a rule's wordings are easier. Returns score, origin, n, `runs`: {name:
    what `bootstrap.paired` returns, and p_holm}, and `pairs`: the same for each two runs, `difference` being
    b - a. p_holm is None where there is no p.
    """
    shared = _shared(runs)
    against_base = {name: paired(*sides(some, _SCORE), resamples, seed) for name, some in shared.items()}
    pairs = {
        (a, b): paired(*(sides(shared[run], _SCORE, "tuned")[0] for run in (a, b)), resamples, seed)
        for a, b in combinations(shared, 2)
    }
    first = next(iter(shared.values()), [])
    return {
        "score": _SCORE,
        "origin": "data" if any(p["origin"] == "data" for p in first) else "all",
        "n": len(first),
        "runs": _corrected(against_base),
        "pairs": [{"a": a, "b": b, **_renamed(one)} for (a, b), one in _corrected(pairs).items()],
    }


def _shared(runs: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Each run's predictions on the questions of recall that all have, in one order."""
    by_id = {name: {p["id"]: p for p in some if p["split"] == "recall"} for name, some in runs.items()}
    ids = sorted(set.intersection(*map(set, by_id.values()))) if by_id else []
    first = next(iter(by_id.values()), {})
    ids = [id for id in ids if first[id]["origin"] == "data"] or ids
    return {name: [some[id] for id in ids] for name, some in by_id.items()}


def _corrected(found: dict[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    corrected = holm({name: one["p"] for name, one in found.items() if one["p"] is not None})
    return {name: one | {"p_holm": corrected.get(name)} for name, one in found.items()}


def _renamed(one: dict[str, Any]) -> dict[str, Any]:
    """Of two tuned models none is the base."""
    names = {"base": "a_score", "tuned": "b_score"}
    return {names.get(key, key): value for key, value in one.items()}
