"""Recommendation on a run: whether to use the model, why, what to do next, and the few figures behind it."""

from dataclasses import dataclass, field
from functools import partial
from typing import Literal, NamedTuple

from qaloom.commands import command_line
from qaloom.evaluate.results import LOOK_ALIKE, EvaluationMetrics, Forgetting, LookupComparison, Retention
from qaloom.evaluate.summary import HEADLINE
from qaloom.report.fact_table import FactTable
from qaloom.report.format import percent, points, text_in
from qaloom.report.verdict import Headline, Point

Decision = Literal["ready", "reserved", "not_yet", "unmeasured"]

# Findings that speak against a model, the weightiest first; with the first of them it is of no use yet.
_AGAINST = (
    "leaks", "worse", "unclear", "mostly_wrong", "lookup_better", "lookup_as_good", "retrieval_retrieval",
    "retrieval_neither",
)  # fmt: skip
# Findings that limit what it may be used for.
_LIMITS = ("control", "lost", "forgotten", "made_up", "over_refusal", "few", "changed", "retrieval_unclear")
_REASONS = 3  # named in the sentence; the page lists all points below it
_MADE_UP = 0.1  # share of made-up answers from which they are a reason
_FORGOTTEN = 0.8  # share of the base model's right answers below which forgetting is a reason


@dataclass(frozen=True)
class Phrase:
    """A string of the table, with its values as text."""

    key: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ShownFigure:
    """A figure with what it counts (`figure.CODE`) and how that is meant (`figure.CODE.about`)."""

    code: str
    text: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recommendation:
    """A decision with the answers it rests on, the reasons against, the string of the next step, and the figures."""

    decision: Decision
    answers: Phrase
    reasons: list[Phrase]
    next_step: str
    figures: list[ShownFigure]


def recommend(
    metrics: EvaluationMetrics,
    head: Headline,
    found: list[Point],
    facts: FactTable | None,
    untaught: int,
) -> Recommendation:
    """The recommendation by a run's metrics and points; `untaught` facts were kept from the model that is used."""
    figures = _figures(metrics, facts, untaught)
    if head.score.base is None:
        code = f"unmeasured.{head.kind}"
        return Recommendation("unmeasured", Phrase(f"because.{code}"), [], f"next.{code}", figures)
    by_code = _findings(metrics, head, found)
    reasons = [code for code in (*_AGAINST, *_LIMITS) if code in by_code]
    against = any(code in _AGAINST for code in reasons)
    decision: Decision = "not_yet" if against else "reserved" if reasons else "ready"
    values = {"base": percent(head.score.base), "tuned": percent(head.score.tuned), "n": f"{head.n:,}"}
    phrases = [Phrase(f"because.{code}", by_code[code]) for code in reasons[:_REASONS]]
    return Recommendation(
        decision,
        Phrase("because.answers", values),
        phrases,
        f"next.{reasons[0] if reasons else 'ready'}",
        figures,
    )


def _findings(metrics: EvaluationMetrics, head: Headline, found: list[Point]) -> dict[str, dict[str, str]]:
    """Findings by code, each with its values as text."""
    by_code = {point.code: {key: _text(key, value) for key, value in point.values.items()} for point in found}
    score = head.score
    if head.kind in ("worse", "unclear"):
        by_code[head.kind] = {"tuned": percent(score.tuned), "base": percent(score.base)}
    if score.tuned is not None and score.tuned < 0.5:
        by_code["mostly_wrong"] = {"tuned": percent(score.tuned)}
    control = metrics.unseen.scores[HEADLINE]
    if control.low is not None and control.low > 0:
        by_code["control"] = {"share": percent(control.tuned), "n": f"{control.n:,}"}
    if (kept := _kept(metrics)) is not None and kept < _FORGOTTEN:
        by_code["forgotten"] = {"share": percent(kept)}
    if (invented := _made_up(metrics)) and invented[1] >= _MADE_UP:
        by_code["made_up"] = {"share": percent(invented[1])}
    else:
        by_code.pop("made_up", None)
    return by_code


def _text(key: str, value: object) -> str:
    if isinstance(value, float):
        return points(value) if key == "difference" else percent(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _kept(metrics: EvaluationMetrics) -> float | None:
    """Share of the base model's right answers to general questions that the tuned model gives, too."""
    return metrics.retention.kept.share if isinstance(metrics.retention, Retention) else None


def _made_up(metrics: EvaluationMetrics) -> tuple[int, float] | None:
    """Questions that nothing known answers, and the share of them that the tuned model makes something up for."""
    for part in ("unseen", LOOK_ALIKE):
        one = metrics.made_up.get(part)
        if one and one.n and (share := one.models["tuned"].made_up.share) is not None:
            return one.n, share
    return None


def _figures(metrics: EvaluationMetrics, facts: FactTable | None, untaught: int) -> list[ShownFigure]:
    found = (
        _known(facts),
        _retention(metrics),
        _language(metrics),
        _invention(metrics),
        _lookup(metrics),
        ShownFigure("untaught", f"{untaught:,}") if untaught else None,
    )
    return [figure for figure in found if figure]


def _known(facts: FactTable | None) -> ShownFigure | None:
    asked = sum(facts.counts.get(name, 0) for name in ("all", "some", "none")) if facts else 0
    if not facts or not asked:
        return None
    return ShownFigure("known", f"{facts.counts.get('all', 0):,} / {asked:,}")


def _retention(metrics: EvaluationMetrics) -> ShownFigure | None:
    kept = _kept(metrics)
    if kept is None or not isinstance(metrics.retention, Retention):
        return None
    return ShownFigure("kept", percent(kept), {"known": f"{metrics.retention.known:,}"})


def _language(metrics: EvaluationMetrics) -> ShownFigure | None:
    if not isinstance(metrics.forgetting, Forgetting) or metrics.forgetting.agreement.tuned is None:
        return None
    return ShownFigure("language", percent(metrics.forgetting.agreement.tuned))


def _invention(metrics: EvaluationMetrics) -> ShownFigure | None:
    found = _made_up(metrics)
    return ShownFigure("made_up", percent(found[1]), {"n": f"{found[0]:,}"}) if found else None


def _lookup(metrics: EvaluationMetrics) -> ShownFigure | None:
    if not isinstance(metrics.lookup, LookupComparison) or metrics.lookup.right.base is None:
        return None
    return ShownFigure(
        "lookup", percent(metrics.lookup.right.base), {"tuned": percent(metrics.lookup.right.tuned)}
    )


# ---------------------------------------------------------------- in words


class Words(NamedTuple):
    """A recommendation as text: decision with its reasons, next step, and figures."""

    sentence: str
    next_step: str
    figures: str


def in_words(one: Recommendation, language: str) -> Words:
    """A recommendation in a language (en or ko)."""
    said = partial(text_in, language)
    reasons = _joined([said(phrase.key, **phrase.values) for phrase in one.reasons], language)
    sentence = said(
        "decision.sentence_but" if reasons else "decision.sentence",
        decision=said(f"decision.{one.decision}"),
        answers=said(one.answers.key, **one.answers.values),
        **({"reasons": reasons} if reasons else {}),
    )
    figures = [said(f"figure.{figure.code}.line", text=figure.text) for figure in one.figures]
    return Words(sentence, said(one.next_step, serve=command_line("serve")), ", ".join(figures))


def _joined(reasons: list[str], language: str) -> str:
    if language == "en" and len(reasons) > 1:
        return f"{', '.join(reasons[:-1])} and {reasons[-1]}"
    return ", ".join(reasons)
