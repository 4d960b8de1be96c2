"""The plan of a run on the device that is here (plan.json): precision, micro-batch, checkpointing, and why.

The effective batch is the user's and is kept exactly; how it is reached is decided here.
`python -m qaloom.fit` answers whether a model would fit, also on a card that is not here.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from qaloom.config.settings import RunSettings
from qaloom.errors import DeviceError
from qaloom.inference.architecture import Architecture
from qaloom.train.planning.choices import (
    ADAM,
    NOTHING_KEPT,
    RECOMPUTING,
    Choice,
    KeptAnswers,
    cost,
    fitting_choices,
    lengths_to_try,
    never_captured,
    number_format,
    precisions,
    smallest,
    usable_bytes,
    usable_gpus,
)
from qaloom.train.planning.device import GB, Device

_EFFICIENCY = 0.5  # of a single matrix product's speed, that a whole step reaches
_LAUNCHES = 0.0075  # seconds a layer and micro-batch, 1.6 times that with checkpointing (one H100)
_FIRST_STEP = 30  # seconds that a GPU's kernels take to be chosen and compiled (one H100)
_UNKNOWN_SPEED = 5e13  # FLOP/s, for a card that is not here
_CANDIDATES = 4  # of the ways to run a step, how many become candidates

Checkpointing = Literal["unsloth"] | bool


class Division(Struct, frozen=True, kw_only=True):
    """How a plan reaches the effective batch: rows in a micro-batch, micro-batches in a step on each GPU."""

    micro_batch: int
    accumulation: int
    checkpointing: Checkpointing
    graphs: bool


class Candidate(Division, frozen=True, kw_only=True):
    """One entry of `candidates` in plan.json: a plan, and a mean step's seconds where autotune timed it."""

    predicted_memory_bytes: int
    step_seconds: float | None = None
    peak_memory_bytes: int | None = None
    failed: str | None = None


class FailedPlan(Division, frozen=True, kw_only=True):
    """How the plan that failed reached the effective batch."""

    precision: str


class Fallback(Struct, frozen=True):
    """One entry of `fallbacks` in plan.json: the plan that failed at `step`, why, and what changed then."""

    step: int
    failed: FailedPlan
    why: str
    then: str


class Plan(Struct, frozen=True, kw_only=True):
    """How a run is trained on one device, as plan.json holds it. Lengths are in tokens.

    `accumulation` counts the micro-batches (packed: packs) of a step on each GPU; `most_packs` is how many
    packs the fullest step can be divided into; `cut_rows` counts rows longer than `longest_row`. Every step takes
    `keep_rows` answers of the base model of up to `keep_tokens` tokens, `keep_at_once` of them together.
    """

    device: Device
    gpus: int
    precision: str
    dtype: str
    micro_batch: int
    accumulation: int
    effective_batch: int | None
    effective_tokens: int | None
    checkpointing: Checkpointing
    graphs: bool
    packing: bool
    optimizer: str
    offload_embedding: bool
    attention: str
    max_length: int
    longest_row: int
    cut_rows: int
    predicted_memory_bytes: int
    why: list[str]
    fallbacks: list[Fallback] = []
    steps: int = 0
    prompt: str = ""
    system: str = ""  # the system message of rows without one
    most_packs: int | None = None
    keep_rows: int = 0
    keep_tokens: int = 0
    keep_at_once: int = 0
    candidates: list[Candidate] | UnsetType = UNSET
    measured_memory_bytes: int | UnsetType = UNSET

    @property
    def division(self) -> Division:
        """How it reaches the effective batch."""
        return Division(
            micro_batch=self.micro_batch,
            accumulation=self.accumulation,
            checkpointing=self.checkpointing,
            graphs=self.graphs,
        )


def plan(size: Architecture, run: RunSettings, lengths: Sequence[int], device: Device, gpus: int = 1) -> Plan:
    """The plan of a run: the first of its candidates.

    Raises DeviceError when not even the smallest choice fits.
    """
    return candidates(size, run, lengths, device, gpus)[0]


def candidates(
    size: Architecture,
    run: RunSettings,
    lengths: Sequence[int],
    device: Device,
    gpus: int = 1,
    keep: KeptAnswers = NOTHING_KEPT,
) -> list[Plan]:
    """A few plans of equal results, the one whose step is predicted the quickest first. Memory is in bytes.

    `lengths` are the training rows' token counts, `gpus` how many may be used. All are of the highest
    precision that fits, and differ in micro-batch and checkpointing. Rows are cut shorter than max_length
    only where nothing else fits, and only few.
    Raises DeviceError when not even the smallest choice fits.
    """
    gpus = usable_gpus(gpus, run, device)
    for longest in lengths_to_try(lengths):
        for precision in precisions(run, device):
            fitting = fitting_choices(size, run, longest, precision, device, gpus, keep)
            if fitting:
                # Of equal costs the first, which is eager, takes less memory.
                best = sorted(fitting, key=lambda choice: cost(choice, lengths, run))
                return [_plan(c, run, lengths, longest, device, gpus, keep) for c in _few(best)]
    least, step = smallest(size, run, lengths, device, keep)
    free, usable = device.free_bytes / GB, usable_bytes(step, run, device) / GB
    raise DeviceError(
        f"the model needs about {least / GB:.1f} GB even one row at a time, and of the "
        f"{free:.1f} GB free on {device.name} {usable:.1f} GB can be used; "
        "close what holds memory, take a smaller base model, or lower max_length"
    )


def predicted_seconds(size: Architecture, r: int, planned: Plan, tokens: float) -> float:
    """Training time over `tokens` of rows and of what is kept, from the device's own matrix speed.

    FLOP a token: 4 a frozen parameter (forward, and backward without its gradient), 6 an adapter's. On a
    GPU a micro-batch takes at least as long as its kernels' launches.
    """
    tokens += planned.steps * planned.keep_rows * planned.keep_tokens
    work = (4 * (size.linear + size.vocabulary * size.hidden) + 6 * size.adapter(r)) * tokens
    speed = planned.device.speeds.get(planned.dtype) or _UNKNOWN_SPEED
    computing = work / (_EFFICIENCY * speed) / planned.gpus
    if planned.device.kind == "cpu":
        return computing
    checkpointing = planned.checkpointing
    each = 0 if planned.graphs else _LAUNCHES * (1.6 if checkpointing else 1)
    kept = -(-planned.keep_rows // planned.keep_at_once) if planned.keep_rows else 0
    launches = each * size.layers * planned.steps * (planned.accumulation + kept)
    return _FIRST_STEP + max(computing * (RECOMPUTING if checkpointing else 1), launches)


def _few(best: list[Choice]) -> list[Choice]:
    """The first of them; at least one runs eagerly, in case the model cannot be captured."""
    few = best[:_CANDIDATES]
    if all(choice.step.graphs for choice in few):
        few[-1] = next(choice for choice in best if not choice.step.graphs)
    return few


def _plan(
    choice: Choice,
    run: RunSettings,
    lengths: Sequence[int],
    longest: int,
    device: Device,
    gpus: int,
    keep: KeptAnswers,
) -> Plan:
    step, tokens = choice.step, run.training.effective_tokens
    return Plan(
        device=device,
        gpus=gpus,
        precision=step.precision,
        dtype=number_format(device),
        micro_batch=choice.micro,
        accumulation=choice.accumulation,
        effective_batch=None if tokens else run.training.effective_batch,
        effective_tokens=tokens,
        checkpointing="unsloth" if step.checkpointing else False,
        graphs=step.graphs,
        # Without a GPU Unsloth's attention does not keep packed rows apart.
        packing=bool(tokens) and device.kind == "cuda",
        optimizer=step.optimizer,
        offload_embedding=step.offloaded,
        attention="sdpa",
        max_length=longest if longest < max(lengths) else run.max_length,
        longest_row=longest,
        cut_rows=sum(n > longest for n in lengths),
        predicted_memory_bytes=int(choice.memory_bytes),
        why=[*_why(choice, run, device, gpus), *_why_kept(keep), *_why_cut(longest, lengths)],
        keep_rows=keep.rows,
        keep_tokens=keep.tokens,
        keep_at_once=keep.rows if step.graphs else keep.at_once(step.tokens),
    )


def _why(choice: Choice, run: RunSettings, device: Device, gpus: int) -> list[str]:
    lines = [_why_precision(choice.step.precision, run, device), _why_batch(choice, gpus)]
    lines.append(_why_checkpointing(choice))
    if choice.step.graphs:
        lines.append("CUDA graphs: short micro-batches are replayed instead of launched kernel by kernel")
    elif device.kind == "cuda" and run.training.graphs and (setting := never_captured(run)):
        lines.append(f"no CUDA graphs: {setting} cannot be captured")
    if choice.step.offloaded:
        lines.append("the input embedding waits in RAM: beside the rest it does not fit")
    if run.training.optimizer != "auto":
        lines.append(f"{choice.step.optimizer}: as the run asks")
    elif choice.step.optimizer != ADAM:
        lines.append(f"{choice.step.optimizer}: Adam's moments in 32 bits do not fit")
    return lines


def _why_precision(precision: str, run: RunSettings, device: Device) -> str:
    free = f"{device.free_bytes / GB:.1f} GB free on {device.name}"
    if device.kind == "cpu":
        needs_gpu = f"; precision {run.precision} needs a GPU" if run.precision != "auto" else ""
        return f"{precision}: a CPU holds the weights in full{needs_gpu}"
    if run.method == "full":
        return f"{precision}: all parameters are trained ({free})"
    if run.precision == "auto":
        return f"{precision}: the most precise that fits ({free})"
    return f"{precision}: as the run asks ({free})"


def _why_batch(choice: Choice, gpus: int) -> str:
    among = f" on each of {gpus} GPUs" if gpus > 1 else ""
    if choice.accumulation == 1:
        return f"micro-batch {choice.micro}{among}: a whole step at once"
    return f"micro-batch {choice.micro}{among}, {choice.accumulation} to a step: the quickest that fits"


def _why_checkpointing(choice: Choice) -> str:
    if choice.step.checkpointing:
        return "checkpointing: activations do not fit, or only in smaller micro-batches"
    return "no checkpointing: activations fit"


def _why_kept(keep: KeptAnswers) -> list[str]:
    if not keep.rows:
        return []
    return [f"keep: each step takes {keep.rows} of the base's answers, too, of {keep.tokens} tokens at most"]


def _why_cut(longest: int, lengths: Sequence[int]) -> list[str]:
    rows = sum(n > longest for n in lengths)
    if not rows:
        return []
    return [f"rows cut at {longest} tokens ({rows} of {len(lengths)}): longer ones do not fit"]
