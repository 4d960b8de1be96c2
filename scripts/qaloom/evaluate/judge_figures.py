"""From a judge's verdicts to figures: how many are right, how far to trust it, and who is better."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from qaloom.evaluate.bootstrap import paired


def verdicts(predictions: Sequence[dict[str, Any]], resamples: int, seed: int) -> dict[str, Any]:
    """The figures of judged predictions, each with `judge` (see `judge.judge`) and `scores`.

    `right`: shares that are right, as `bootstrap.paired` returns them, of questions with both verdicts.
    `agreement`: with exact match, of base and tuned, see `agreement`. `better`: see `preferences`.
    `unjudged`: answers and pairs without a readable verdict; `why` is no_verdict when none has one.
    """
    judged = [p["judge"] for p in predictions]
    both = [j for j in judged if j["base"] and j["tuned"]]
    right = {arm: np.array([float(_right(j, arm)) for j in both]) for arm in ("base", "tuned")}
    found = {
        "right": paired(right["base"], right["tuned"], resamples, seed),
        "agreement": {arm: _with_exact_match(predictions, arm) for arm in ("base", "tuned")},
        "better": preferences(judged, resamples, seed),
        "unjudged": {
            "answers": sum(not j[arm] for j in judged for arm in ("base", "tuned")),
            "pairs": sum(j["better"] is None for j in judged),
        },
    }
    silent = not any(j["base"] or j["tuned"] or (j["orders"] and j["better"]) for j in judged)
    return found | ({"why": "no_verdict"} if silent else {})


def agreement(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """How often two judges agree: n, the four counts, the `share` that agrees, and Cohen's `kappa`.

    kappa = (p - e) / (1 - e), p the share that agrees and e the share that would by chance (Cohen 1960, doi
    10.1177/001316446002000104): 1 is full agreement, 0 no more than chance. None where e is 1, which is when
    both always say the same one thing, and without pairs, as is the share.
    """
    n = len(pairs)
    counts = {
        "both": sum(a and b for a, b in pairs),
        "judge_only": sum(a and not b for a, b in pairs),
        "exact_only": sum(b and not a for a, b in pairs),
        "neither": sum(not (a or b) for a, b in pairs),
    }
    if not n:
        return {"n": 0, **counts, "share": None, "kappa": None}
    share = (counts["both"] + counts["neither"]) / n
    first, second = (sum(pair[side] for pair in pairs) / n for side in (0, 1))
    chance = first * second + (1 - first) * (1 - second)
    kappa = None if chance == 1 else (share - chance) / (1 - chance)
    return {"n": n, **counts, "share": share, "kappa": kappa}


def preferences(judged: Sequence[dict[str, Any]], resamples: int, seed: int) -> dict[str, Any]:
    """Who is better: wins of tuned, ties and losses, and the difference of the shares with its interval.

    `alike`: equal answers, ties that nobody was asked about. `disagreed`: pairs whose two orders gave two
    verdicts, which are ties too; `first` and `second` count those where one place won both times.
    """
    known = [j for j in judged if j["better"]]
    won = {arm: np.array([float(j["better"] == arm) for j in known]) for arm in ("base", "tuned")}
    orders = [tuple(j["orders"]) for j in known if j["orders"]]
    difference = paired(won["base"], won["tuned"], resamples, seed)
    return {
        "n": len(known),
        "wins": int(won["tuned"].sum()),
        "ties": sum(j["better"] == "tie" for j in known),
        "losses": int(won["base"].sum()),
        "alike": len(known) - len(orders),
        "disagreed": sum(one != other for one, other in orders),
        "first": orders.count(("base", "tuned")),
        "second": orders.count(("tuned", "base")),
        **{key: difference[key] for key in ("difference", "low", "high", "p")},
    }


def judge_headline(found: dict[str, Any]) -> str:
    """The figures in one line."""
    if "why" in found:
        return "no verdict that can be read; ask a larger model, or raise evaluate.judge.max_tokens"
    right, agreed, better = found["right"], found["agreement"]["tuned"], found["better"]
    parts = [
        f"tuned better in {better['wins']}, base in {better['losses']} of {better['n']}",
        f"the two orders disagreed on {better['disagreed']}",
    ]
    if agreed["kappa"] is not None:
        parts.insert(0, f"agrees with exact match on {agreed['share']:.2f} (kappa {agreed['kappa']:.2f})")
    if right["n"]:
        parts.insert(0, f"right: base {right['base']:.2f}, tuned {right['tuned']:.2f}")
    return ", ".join(parts)


def _right(judged: dict[str, Any], arm: str) -> bool:
    return judged[arm]["verdict"] == "right"


def _with_exact_match(predictions: Sequence[dict[str, Any]], arm: str) -> dict[str, Any]:
    return agreement(
        [
            (_right(p["judge"], arm), p["scores"]["exact_match"][arm] == 1)
            for p in predictions
            if p["judge"][arm]
        ]
    )
