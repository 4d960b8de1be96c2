"""Metrics of a judge's verdicts: shares that are right, agreement with exact match, and preferences."""

from collections.abc import Sequence

import numpy as np

from qaloom.evaluate.intervals import paired
from qaloom.evaluate.results import (
    MODELS,
    Agreement,
    Judgement,
    JudgeMetrics,
    Prediction,
    Preferences,
    Unjudged,
    Verdict,
)


def summarise_verdicts(model: str, predictions: Sequence[Prediction]) -> JudgeMetrics:
    """Metrics of judged predictions; those without `judge` are left out.

    `right`: shares that are right, of questions with both verdicts. `agreement`: with exact match, by model.
    `unjudged`: answers and pairs without a readable verdict; `why` is no_verdict when none has one.
    """
    judged = [(p, p.judge) for p in predictions if isinstance(p.judge, Judgement)]
    judgements = [judgement for _, judgement in judged]
    both = [j for j in judgements if j.base and j.tuned]
    base, tuned = (np.array([float(_right(_of(j, model))) for j in both]) for model in MODELS)
    found = JudgeMetrics(
        model,
        len(judged),
        paired(base, tuned),
        {model: _with_exact_match(judged, model) for model in MODELS},
        preferences(judgements),
        Unjudged(
            sum(_of(j, model) is None for j in judgements for model in MODELS),
            sum(j.better is None for j in judgements),
        ),
    )
    if not any(j.base or j.tuned or (j.orders and j.better) for j in judgements):
        found.why = "no_verdict"
    return found


def agreement(pairs: Sequence[tuple[bool, bool]]) -> Agreement:
    """Agreement of two judges: n, the four counts, the `share` that agrees, and Cohen's `kappa`.

    kappa = (p - e) / (1 - e), p the share that agrees and e the share that would by chance (Cohen 1960, doi
    10.1177/001316446002000104): 1 is full agreement, 0 no more than chance. None where e is 1, which is when
    both always say the same one thing, and without pairs, as is the share.
    """
    n = len(pairs)
    found = Agreement(
        n,
        both=sum(a and b for a, b in pairs),
        judge_only=sum(a and not b for a, b in pairs),
        exact_only=sum(b and not a for a, b in pairs),
        neither=sum(not (a or b) for a, b in pairs),
    )
    if not n:
        return found
    found.share = (found.both + found.neither) / n
    first, second = (sum(pair[side] for pair in pairs) / n for side in (0, 1))
    chance = first * second + (1 - first) * (1 - second)
    found.kappa = None if chance == 1 else (found.share - chance) / (1 - chance)
    return found


def preferences(judgements: Sequence[Judgement]) -> Preferences:
    """Pairwise preferences: wins of tuned, ties and losses, and the difference of the shares.

    `alike`: equal answers, ties that nobody was asked about. `disagreed`: pairs whose two orders gave two
    verdicts, which are ties too; `first` and `second` count those where one place won both times.
    """
    decided = [j for j in judgements if j.better]
    base, tuned = (np.array([float(j.better == model) for j in decided]) for model in MODELS)
    orders = [tuple(j.orders) for j in decided if j.orders]
    difference = paired(base, tuned)
    return Preferences(
        n=len(decided),
        wins=int(tuned.sum()),
        ties=sum(j.better == "tie" for j in decided),
        losses=int(base.sum()),
        alike=len(decided) - len(orders),
        disagreed=sum(one != other for one, other in orders),
        first=orders.count(("base", "tuned")),
        second=orders.count(("tuned", "base")),
        difference=difference.difference,
        low=difference.low,
        high=difference.high,
        p=difference.p,
    )


def judge_headline(found: JudgeMetrics) -> str:
    """The judge's metrics in one line."""
    if found.why:
        return "no verdict that can be read; ask a larger model, or raise evaluate.judge.max_tokens"
    right, agreed, better = found.right, found.agreement["tuned"], found.better
    parts = [
        f"tuned better in {better.wins}, base in {better.losses} of {better.n}",
        f"the two orders disagreed on {better.disagreed}",
    ]
    if agreed.kappa is not None:
        parts.insert(0, f"agrees with exact match on {agreed.share:.2f} (kappa {agreed.kappa:.2f})")
    if right.n:
        parts.insert(0, f"right: base {right.base:.2f}, tuned {right.tuned:.2f}")
    return ", ".join(parts)


def _of(judgement: Judgement, model: str) -> Verdict | None:
    return judgement.base if model == "base" else judgement.tuned


def _right(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.verdict == "right"


def _with_exact_match(judged: Sequence[tuple[Prediction, Judgement]], model: str) -> Agreement:
    return agreement(
        [
            (_right(_of(judgement, model)), prediction.scores["exact_match"][model] == 1)
            for prediction, judgement in judged
            if _of(judgement, model)
        ]
    )
