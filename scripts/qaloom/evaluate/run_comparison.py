"""Comparison of runs: each against its base model and against each other, on the questions they share."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import msgspec

from qaloom.evaluate.intervals import holm
from qaloom.evaluate.results import Paired, Prediction
from qaloom.evaluate.summary import HEADLINE, compare_scores, score_values


class ComparedRun(Paired):
    """A run against its base model, `p_holm` corrected for the number of runs."""

    p_holm: float | None = None


class ComparedPair(msgspec.Struct):
    """Run `b` against run `a`, `p_holm` corrected for the number of pairs; see `Paired`."""

    a: str
    b: str
    n: int
    a_score: float | None
    b_score: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None


class RunComparison(msgspec.Struct):
    """The content of comparison.json, see `compare_runs`."""

    score: str
    origin: str
    n: int
    runs: dict[str, ComparedRun]
    pairs: list[ComparedPair]


def compare_runs(runs: Mapping[str, Sequence[Prediction]]) -> RunComparison:
    """Right answers to recall of several runs, with p-values corrected for the number of comparisons (Holm).

    `runs`: each run's predictions. Only questions that all runs answered count; of these, the honest ones if
    there are any, since light questions are easier. `difference` of a pair is b - a; p_holm
    is None where there is no p.
    """
    shared = _shared(runs)
    first = next(iter(shared.values()), [])
    tuned = {name: score_values(some, HEADLINE, "tuned") for name, some in shared.items()}
    against_base = {
        name: compare_scores(first, HEADLINE, score_values(some, HEADLINE, "base"), tuned[name])
        for name, some in shared.items()
    }
    pairs = {(a, b): compare_scores(first, HEADLINE, tuned[a], tuned[b]) for a, b in combinations(shared, 2)}
    return RunComparison(
        HEADLINE,
        "honest" if any(not p.light for p in first) else "all",
        len(first),
        _with_holm(against_base),
        _compared_pairs(pairs),
    )


def _shared(runs: Mapping[str, Sequence[Prediction]]) -> dict[str, list[Prediction]]:
    """Each run's predictions on the questions of recall that all have, in one order."""
    by_id = {name: {p.id: p for p in some if p.split == "recall"} for name, some in runs.items()}
    ids = sorted(set.intersection(*map(set, by_id.values()))) if by_id else []
    first = next(iter(by_id.values()), {})
    ids = [id for id in ids if not first[id].light] or ids
    return {name: [some[id] for id in ids] for name, some in by_id.items()}


def _with_holm(found: Mapping[str, Paired]) -> dict[str, ComparedRun]:
    corrected = holm({name: one.p for name, one in found.items() if one.p is not None})
    return {
        name: ComparedRun(**msgspec.structs.asdict(one), p_holm=corrected.get(name))
        for name, one in found.items()
    }


def _compared_pairs(found: Mapping[tuple[str, str], Paired]) -> list[ComparedPair]:
    corrected = holm({pair: one.p for pair, one in found.items() if one.p is not None})
    return [
        ComparedPair(
            a, b, one.n, one.base, one.tuned, one.difference, one.low, one.high, one.p, corrected.get((a, b))
        )
        for (a, b), one in found.items()
    ]
