"""The plan's candidates, tried for a few steps each on this machine; the quickest is the plan.

A prediction knows neither the host's kernel launches nor the card's clock. The steps tried are the run's
own, through the same trainer (qaloom.train.autotune_process, a process of its own); what they learn is thrown away.
"""

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qaloom.console import duration, say
from qaloom.files import write_json
from qaloom.train.planning import launcher as launch
from qaloom.train.planning.plan import REACH

_WORTH = 1200  # seconds of training from which on a trial is worth its time
_SHARE, _LEAST = 0.02, 60  # of the training, and seconds, that a trial may take once the model is loaded
_STEPPING = 0.5  # of that time; in the rest a GPU's kernels are chosen and compiled
_NOISE = 1.03  # times the quickest's seconds within which the predicted one stays
_STEPS = 4  # different steps, each done twice, and once more where it is recorded


def quickest(
    candidates: Sequence[dict[str, Any]], task: dict[str, Any], lengths: Sequence[int],
    steps: Sequence[Sequence[int]], predicted: float, folder: Path,
) -> dict[str, Any]:  # fmt: skip
    """The candidate that measured quickest, with every candidate's figures; unmeasured, the first.

    `lengths` are the rows' tokens, `steps` the rows of every step, `predicted` the training's seconds by
    the first candidate. A trial that fails, or does not come to an end, changes nothing.
    """
    first, name = candidates[0], task["name"]
    allowed = max(_LEAST, _SHARE * predicted)
    count, each = extent(len(candidates), predicted / len(steps), allowed)
    if not task["settings"]["training"]["measure"] or predicted < _WORTH or first["gpus"] > 1 or count < 2:
        return first
    say(f"train: {name}: trying {count} ways to run a step, for {duration(allowed)} at most")
    events = _tried(candidates[:count], task, typical(steps, lengths, each), allowed, folder)
    return _chosen(name, candidates, events)


def extent(candidates: int, seconds: float, allowed: float) -> tuple[int, int]:
    """How many candidates, and different steps of each, are tried in `allowed` seconds.

    `seconds` is a step's predicted time. Fewer than two candidates are no choice.
    """
    doubles = _STEPPING * allowed / (2 * seconds)
    count = min(candidates, int(doubles))
    return count, min(_STEPS, int(doubles / count)) if count else 0


def typical(steps: Sequence[Sequence[int]], lengths: Sequence[int], count: int) -> list[list[int]]:
    """`count` of the steps: those in the middle of equal parts when sorted by tokens."""
    ordered = sorted(steps, key=lambda step: sum(lengths[row] for row in step))
    return [list(ordered[int((n + 0.5) * len(ordered) / count)]) for n in range(count)]


def _tried(
    candidates: Sequence[dict[str, Any]], task: dict[str, Any], steps: list[list[int]], allowed: float,
    folder: Path,
) -> list[dict[str, Any]]:  # fmt: skip
    """What the trial's process told before it ended, or was ended."""
    trial = folder / "trial"
    shutil.rmtree(trial, ignore_errors=True)
    trial.mkdir()
    write_json(trial / "job.json", task | {"candidates": list(candidates), "steps": steps})
    try:
        return launch.trial(trial, allowed)
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def _chosen(name: str, candidates: Sequence[dict[str, Any]], events: list[dict[str, Any]]) -> dict[str, Any]:
    heard = {event["candidate"]: event for event in events if "candidate" in event}
    figures = [_figures(c, heard.get(n, {})) for n, c in enumerate(candidates)]
    measured = {n: one["step_seconds"] for n, one in enumerate(figures) if one["step_seconds"]}
    if not measured:
        say(f"train: {name}: no way could be measured; the one predicted to be the quickest is taken")
        return candidates[0] | {"candidates": figures}
    best = pick(measured)
    shown = (f"{seconds:.3g} ({_named(candidates[n])})" for n, seconds in measured.items())
    why = f"tried here, seconds a step: {', '.join(shown)}"
    say(f"train: {name}: taken is {_named(candidates[best])}; {why}")
    return candidates[best] | {"candidates": figures, "why": [*candidates[best]["why"], why]}


def pick(measured: Mapping[int, float]) -> int:
    """The number of the candidate that is taken, of seconds a step by number: the quickest, or the first."""
    best = min(measured, key=measured.__getitem__)
    return 0 if measured.get(0, math.inf) <= _NOISE * measured[best] else best


def _named(candidate: dict[str, Any]) -> str:
    """How a plan reaches its step, such as 4 x 2, 8 x 1 recomputing (checkpointing) or 8 x 1 as graphs."""
    way = " recomputing" if candidate["checkpointing"] else " as graphs" if candidate["graphs"] else ""
    return f"{candidate['micro_batch']} x {candidate['accumulation']}{way}"


def _figures(candidate: dict[str, Any], heard: dict[str, Any]) -> dict[str, Any]:
    """What plan.json keeps of a candidate; `step_seconds` is null where none was measured."""
    reach = {key: candidate[key] for key in REACH}
    found = {key: heard.get(key) for key in ("step_seconds", "peak_memory_bytes", "failed")}
    return reach | {"predicted_memory_bytes": candidate["predicted_memory_bytes"]} | found
