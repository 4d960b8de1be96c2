"""Verdict on a run: the score it rests on, and the points to know before the model is used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from qaloom.evaluate.results import (
    EvaluationMetrics,
    Forgetting,
    LookupComparison,
    MadeUp,
    Paired,
    RetrievalComparison,
)
from qaloom.evaluate.summary import HEADLINE

_OVER_REFUSAL = 0.05  # share of taught questions from which abstaining is a fault, its interval considered
FEW = 30  # questions below which a verdict is called a hint


Kind = Literal["better", "worse", "unclear", "none", "light_only"]


class Headline(NamedTuple):
    """Right answers to the honest recall questions; `kind` of verdict, see `_kind`."""

    score: Paired
    n: int
    kind: Kind


@dataclass(frozen=True)
class Point:
    """One thing to know before use: strings `point.CODE` and `next.CODE`, filled with `values`.

    `section` is where the page says more; `serious` points qualify a good verdict. `labels` are values that
    are codes, as (kind, code) of the strings.
    """

    code: str
    section: str
    serious: bool
    values: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)


def headline_score(metrics: EvaluationMetrics) -> Headline:
    """The score that the verdict rests on.

    Questions that differ from a trained one in the ending alone do not count: looking up answers them.
    """
    score = metrics.honest.scores[HEADLINE]
    return Headline(score, metrics.honest.n, _kind(score, metrics.recall.n))


def _kind(score: Paired, recall: int) -> Kind:
    if score.base is None:
        return "light_only" if recall else "none"
    if score.low is not None and score.low > 0:
        return "better"
    return "worse" if score.high is not None and score.high < 0 else "unclear"


def metric_points(metrics: EvaluationMetrics) -> list[Point]:
    """Points from a run's metrics, the most serious first."""
    found = []
    n = headline_score(metrics).n
    if 0 < n < FEW:
        found.append(Point("few", "scores", True, {"n": n}))
    if isinstance(metrics.lookup, LookupComparison):
        found += _lookup_point(metrics.lookup)
    if isinstance(metrics.forgetting, Forgetting) and metrics.forgetting.kind in ("changed", "lost"):
        share = metrics.forgetting.agreement.tuned
        found.append(Point(metrics.forgetting.kind, "scores", True, {"share": share}))
    if isinstance(metrics.retrieval, RetrievalComparison):
        found += _retrieval_point(metrics.retrieval)
    found += _made_up_points(metrics.made_up)
    cut = metrics.recall.cut["tuned"] + metrics.unseen.cut["tuned"]
    if cut:
        found.append(Point("cut", "predictions", False, {"n": cut}))
    return found


def _made_up_points(found: Mapping[str, MadeUp]) -> list[Point]:
    """Made-up answers about things that are not known, and over-refusal of things that were taught."""
    points = []
    if (one := found.get("lookalike")) and one.n and one.models["tuned"].made_up.count:
        points.append(
            Point("made_up", "scores", False, {"share": one.models["tuned"].made_up.share, "n": one.n})
        )
    if (one := found.get("recall")) and one.n:
        rate = one.models["tuned"].abstains
        if rate.low is not None and rate.low > _OVER_REFUSAL:
            points.append(Point("over_refusal", "scores", True, {"share": rate.share, "n": one.n}))
    return points


def _lookup_point(found: LookupComparison) -> list[Point]:
    """That looking up the nearest training question answers as well as the tuned model, where it does."""
    if found.helps or found.right.base is None:
        return []
    worse = found.right.high is not None and found.right.high < 0
    values = {"lookup": found.right.base, "tuned": found.right.tuned, "difference": found.right.difference}
    return [Point("lookup_better" if worse else "lookup_as_good", "scores", True, values)]


def _retrieval_point(found: RetrievalComparison) -> list[Point]:
    """How tuning compares to retrieval, unless tuning alone is clearly best."""
    labels = {"first": ("condition", found.best), "second": ("condition", found.second)}
    values = {"difference": found.difference, "by": found.by}
    if not found.clear:
        return [Point("retrieval_unclear", "scores", True, values, labels)]
    if found.best == "tuning":
        return []
    return [Point(f"retrieval_{found.best}", "scores", found.best != "both", values, labels)]


def split_points(manifest: dict[str, Any] | None, audit: dict[str, Any] | None) -> list[Point]:
    """Points from the split: leaks, and facts that were kept out of training."""
    found = []
    if audit and audit["leaks"]:
        found.append(Point("leaks", "split", True, {"n": audit["leaks"]}))
    if manifest and manifest["facts"].get("unseen"):
        facts, rows = manifest["facts"]["unseen"], manifest["unseen"]["rows"]
        found.append(Point("never_taught", "split", False, {"facts": facts, "rows": rows}))
    return found


def data_points(contradictions: int, wrong: int, causes: list[tuple[str, int]]) -> list[Point]:
    """Points from contradictions and from wrong answers, with their most frequent main cause."""
    found = []
    if contradictions:
        found.append(Point("contradictions", "contradictions", False, {"n": contradictions}))
    if causes:
        cause, n = causes[0]
        labels = {"cause": ("cause", cause), "remedy": ("remedy", cause)}
        found.append(Point("wrong", "failures", False, {"n": wrong, "main": n}, labels))
    return found
