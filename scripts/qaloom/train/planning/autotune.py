"""Autotune: the plan's candidates, timed for a few steps each on this machine; the quickest becomes the plan.

A prediction knows neither the host's kernel launches nor the card's clock. The steps timed are the run's
own, through the same trainer (qaloom.train.autotune_process, a process of its own), which is then discarded.
"""

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import asdict, replace

from qaloom.console import duration, say
from qaloom.train.planning import launcher
from qaloom.train.planning.plan import Candidate, Plan
from qaloom.train.planning.task import AnyEvent, AutotuneJob, Measured, TrainingTask, write_struct

_WORTH = 1200  # seconds of training from which on autotune is worth its time
_SHARE, _LEAST = 0.02, 60  # of the training, and seconds, that it may take once the model is loaded
_STEPPING = 0.5  # of that time; in the rest a GPU's kernels are chosen and compiled
_NOISE = 1.03  # times the quickest's seconds within which the predicted one stays
_STEPS = 4  # different steps, each done twice, and once more where it is captured


def quickest(
    candidates: Sequence[Plan], task: TrainingTask, lengths: Sequence[int],
    steps: Sequence[Sequence[int]], predicted: float, folder: Path,
) -> Plan:  # fmt: skip
    """The candidate that measured quickest, with every candidate's figures; unmeasured, the first.

    `lengths` are the rows' tokens, `steps` the rows of every step, `predicted` the training's seconds by
    the first candidate. An autotune process that fails, or does not come to an end, changes nothing.
    """
    first = candidates[0]
    allowed = max(_LEAST, _SHARE * predicted)
    count, each = extent(len(candidates), predicted / len(steps), allowed)
    if not task.settings.training.measure or predicted < _WORTH or first.gpus > 1 or count < 2:
        return first
    say(f"train: {task.name}: timing a few steps of {count} plans, for {duration(allowed)} at most")
    events = _timed(candidates[:count], task, typical(steps, lengths, each), allowed, folder)
    return _chosen(task.name, candidates, events)


def extent(candidates: int, seconds: float, allowed: float) -> tuple[int, int]:
    """How many candidates, and different steps of each, are timed in `allowed` seconds.

    `seconds` is a step's predicted time. Fewer than two candidates are no choice.
    """
    doubles = _STEPPING * allowed / (2 * seconds)
    count = min(candidates, int(doubles))
    return count, min(_STEPS, int(doubles / count)) if count else 0


def typical(steps: Sequence[Sequence[int]], lengths: Sequence[int], count: int) -> list[list[int]]:
    """`count` of the steps: those in the middle of equal parts when sorted by tokens."""
    ordered = sorted(steps, key=lambda step: sum(lengths[row] for row in step))
    return [list(ordered[int((n + 0.5) * len(ordered) / count)]) for n in range(count)]


def pick(seconds: Mapping[int, float]) -> int:
    """The number of the candidate to use, of seconds a step by number: the quickest, or the first."""
    best = min(seconds, key=seconds.__getitem__)
    return 0 if seconds.get(0, math.inf) <= _NOISE * seconds[best] else best


def _timed(
    candidates: Sequence[Plan], task: TrainingTask, steps: list[list[int]], allowed: float, folder: Path
) -> list[AnyEvent]:
    """The events of the autotune process until it ended, or was ended."""
    work = folder / "autotune"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    write_struct(work / "job.json", AutotuneJob(task, list(candidates), steps))
    try:
        return launcher.run_autotune(work, allowed)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _chosen(name: str, plans: Sequence[Plan], events: Sequence[AnyEvent]) -> Plan:
    measured = {event.candidate: event for event in events if isinstance(event, Measured)}
    figures = [_figures(plan, measured.get(n)) for n, plan in enumerate(plans)]
    seconds = {n: one.step_seconds for n, one in enumerate(figures) if one.step_seconds}
    if not seconds:
        say(f"train: {name}: no plan could be timed; using the one predicted to be the quickest")
        return replace(plans[0], candidates=figures)
    best = plans[pick(seconds)]
    shown = ", ".join(f"{value:.3g} ({_label(plans[n])})" for n, value in seconds.items())
    why = f"measured here, seconds a step: {shown}"
    say(f"train: {name}: using {_label(best)}; {why}")
    return replace(best, candidates=figures, why=[*best.why, why])


def _label(plan: Plan) -> str:
    """Micro-batch x accumulation, as in 4 x 2, 8 x 1 with checkpointing or 8 x 1 with CUDA graphs."""
    how = " with checkpointing" if plan.checkpointing else " with CUDA graphs" if plan.graphs else ""
    return f"{plan.micro_batch} x {plan.accumulation}{how}"


def _figures(plan: Plan, measured: Measured | None) -> Candidate:
    """A candidate as plan.json keeps it; `step_seconds` is null where none was measured."""
    found = measured or Measured(-1)
    return Candidate(
        **asdict(plan.division),
        predicted_memory_bytes=plan.predicted_memory_bytes,
        step_seconds=found.step_seconds,
        peak_memory_bytes=found.peak_memory_bytes,
        failed=found.failed,
    )
