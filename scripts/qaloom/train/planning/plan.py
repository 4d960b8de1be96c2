"""How a run is trained on the device that is here: precision, micro-batch, checkpointing, and why.

The effective batch is the user's and is kept exactly; how it is reached is decided here, by pure functions
of the model's shape, the run's settings, the rows' lengths and the device. `python -m qaloom.fit` answers
whether a model would fit, also on a card that is not here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from statistics import mean
from typing import Any, NamedTuple

from qaloom.errors import DeviceError
from qaloom.inference.model import compute_dtype
from qaloom.train.planning.device import GB, Device
from qaloom.train.planning.memory import Shape, Step, predicted_memory

_PRECISIONS = ("16bit", "8bit", "4bit")
_SHARE = 0.96  # of the free memory; the rest is fragmentation
# The same for 4 bits with checkpointing, which takes less where less is free: 2 x 2,048 tokens of an 8B
# model, its embedding on the card and adamw_8bit, took 7.5 GB of a whole H100 and 6.4 within 7.0.
_SHARE_RECOMPUTING = 0.98
_ROOM = 0.9  # what `auto` may fill before it takes the next smaller precision
_BF16_GAIN = 1.3  # how much quicker bfloat16 must be on a CPU to be worth its rounding
# Tokens that keep a GPU computing as long as its host needs to launch a micro-batch's kernels: below,
# a micro-batch costs the same however little it holds (8B shape on one H100; slower cards: fewer).
_BUSY = 4096
_BUSY_PLAYING = 256  # the same where a micro-batch is played back as a CUDA graph
_RECOMPUTING = 4 / 3  # a step's arithmetic with checkpointing: one more forward pass
_EFFICIENCY = 0.5  # of a single matrix product's speed, that a whole step reaches
_LAUNCHES = 0.0075  # seconds a layer and micro-batch, 1.6 times that with checkpointing (one H100)
_FIRST_STEP = 30  # seconds that a GPU's kernels take to be chosen and compiled (one H100)
_SHAPES = 64  # a GPU's rows are padded to a multiple of this many tokens, for few distinct shapes
_UNKNOWN_SPEED = 5e13  # FLOP/s, for a card that is not here
_MOST_CUT = 0.05  # share of rows that may be cut so that a run fits at all
_SHORTEST = 256  # tokens; below, the run is refused instead
_CANDIDATES = 4  # of the ways to run a step, how many are described
REACH = ("micro_batch", "accumulation", "checkpointing", "graphs")  # how a plan reaches its effective batch


class Choice(NamedTuple):
    """One way to run a step, and the bytes it would take."""

    step: Step
    micro: int  # rows in a micro-batch or, when packing, 1
    accumulation: int
    needed: float


def plan(
    size: Shape, run: dict[str, Any], lengths: Sequence[int], device: Device, gpus: int = 1
) -> dict[str, Any]:
    """The plan of a run, as plan.json holds it: the first of its candidates.

    Raises DeviceError when not even the smallest choice fits.
    """
    return candidates(size, run, lengths, device, gpus)[0]


def candidates(
    size: Shape, run: dict[str, Any], lengths: Sequence[int], device: Device, gpus: int = 1
) -> list[dict[str, Any]]:
    """A few plans of equal results, the one whose step is predicted the quickest first. Memory is in bytes.

    `lengths` are the training rows' token counts, `run` the run's settings, `gpus` how many may be used.
    All are of the highest precision that fits, and differ in micro-batch and checkpointing. Rows are cut
    shorter than max_length only where nothing else fits, and only few.
    Raises DeviceError when not even the smallest choice fits.
    """
    gpus = _usable(gpus, run, device)
    for longest in _lengths_to_try(run, lengths):
        for precision in _precisions(run, device):
            for saving in _savings(size, run, precision, device):
                found = list(choices(size, run, lengths, longest, precision, saving, gpus))
                ways = [*found, *_recorded(found, size, run, device, gpus)]
                fitting = [c for c in ways if c.needed <= _room(c.step, run, device)]
                if fitting:
                    # Of equal costs the first, which is launched, takes less memory.
                    best = sorted(_worthwhile(fitting), key=lambda choice: _cost(choice, lengths, run))
                    return [_described(c, run, lengths, longest, device, gpus) for c in _few(best)]
    least, step = smallest(size, run, lengths, device)
    free, usable = device.free_bytes / GB, _room(step, run, device) / GB
    raise DeviceError(
        f"the model needs about {least / GB:.1f} GB even one row at a time, and of the "
        f"{free:.1f} GB free on {device.name} {usable:.1f} GB can be used; "
        "close what holds memory, take a smaller base model, or lower max_length"
    )


def _few(best: list[Choice]) -> list[Choice]:
    """The first of them; one of these is launched as ever, should the model not be one to record."""
    few = best[:_CANDIDATES]
    if all(choice.step.recorded for choice in few):
        few[-1] = next(choice for choice in best if not choice.step.recorded)
    return few


def smallest(size: Shape, run: dict[str, Any], lengths: Sequence[int], device: Device) -> tuple[float, Step]:
    """Bytes of the smallest choice that the run's settings allow, and that choice's micro-batch."""
    precision, full = _precisions(run, device)[-1], run["method"] == "full"
    optimizer, offloaded = _savings(size, run, precision, device)[-1]
    step = Step(precision, max(lengths), True, optimizer, full, offloaded)
    return predicted_memory(size, run["lora"]["r"], step), step


def choices(
    size: Shape,
    run: dict[str, Any],
    lengths: Sequence[int],
    longest: int,
    precision: str,
    saving: tuple[str, bool],
    gpus: int = 1,
) -> Iterator[Choice]:
    """Every division of the effective batch into micro-batches, with and without checkpointing.

    `saving` is the optimizer, and whether the input embedding waits in RAM.
    """
    full, r = run["method"] == "full", run["lora"]["r"]
    optimizer, offloaded = saving
    for micro, accumulation, tokens in _divisions(run["training"], longest, gpus, precision == "32bit"):
        for checkpointing in (False, True):
            step = Step(precision, tokens, checkpointing, optimizer, full, offloaded)
            yield Choice(step, micro, accumulation, predicted_memory(size, r, step))


def _recorded(
    found: list[Choice], size: Shape, run: dict[str, Any], device: Device, gpus: int
) -> Iterator[Choice]:
    """Those of the choices that can be played back as CUDA graphs (qaloom.train.cuda_graphs)."""
    lora, training = run["lora"], run["training"]
    alike = gpus == 1 and run["method"] == "lora" and not lora["dropout"] and training["graphs"]
    if not alike or device.kind != "cuda" or number_format(device) != "bfloat16":
        return
    for choice in found:
        step = choice.step
        # Checkpoints and embeddings wait in RAM, 8 bits are multiplied by what the values are, paged moments
        # need the room.
        in_ram, plain = step.checkpointing or step.offloaded, step.optimizer == "adamw_torch_fused"
        if not in_ram and step.precision != "8bit" and plain:
            step = step._replace(recorded=True)
            yield choice._replace(step=step, needed=predicted_memory(size, lora["r"], step))


def number_format(device: Device) -> str:
    """The type to compute in: what the GPU is quick in; on a CPU bfloat16 where it is clearly quicker."""
    if device.kind == "cuda":
        return compute_dtype(device.capability or (0, 0))
    slow, quick = device.speeds.get("float32", 1), device.speeds.get("bfloat16", 0)
    return "bfloat16" if quick > _BF16_GAIN * slow else "float32"


def predicted_seconds(size: Shape, r: int, planned: dict[str, Any], tokens: float) -> float:
    """Training time over `tokens`, from the device's own matrix speed.

    FLOP a token: 4 a frozen parameter (forward, and backward without its gradient), 6 an adapter's. On a
    GPU a micro-batch takes at least as long as its kernels' launches.
    """
    work = (4 * (size.linear + size.vocabulary * size.hidden) + 6 * size.adapter(r)) * tokens
    device, micro_batches = planned["device"], planned["steps"] * planned["accumulation"]
    speed = device["speeds"].get(planned["dtype"]) or _UNKNOWN_SPEED
    computing = work / (_EFFICIENCY * speed) / planned["gpus"]
    if device["kind"] == "cpu":
        return computing
    checkpointing = planned["checkpointing"]
    each = 0 if planned["graphs"] else _LAUNCHES * (1.6 if checkpointing else 1)
    launches = each * size.layers * micro_batches
    return _FIRST_STEP + max(computing * (_RECOMPUTING if checkpointing else 1), launches)


def _usable(gpus: int, run: dict[str, Any], device: Device) -> int:
    """The most GPUs, of those given and there, among which a step's rows can be shared out evenly."""
    training, most = run["training"], min(gpus, device.count) if device.kind == "cuda" else 1
    if training["effective_tokens"]:
        return max(1, most)
    return next((n for n in range(most, 0, -1) if training["effective_batch"] % n == 0), 1)


def _lengths_to_try(run: dict[str, Any], lengths: Sequence[int]) -> Iterator[int]:
    """The longest row's length, then shorter ones (multiples of 64) at which few rows are cut."""
    longest = max(lengths)
    yield longest
    for limit in range((longest - 1) // 64 * 64, _SHORTEST - 1, -64):
        if sum(n > limit for n in lengths) > _MOST_CUT * len(lengths):
            return
        yield limit


def _precisions(run: dict[str, Any], device: Device) -> tuple[str, ...]:
    if device.kind == "cpu":
        return ("32bit",)
    if run["method"] == "full":
        return ("16bit",)
    return _PRECISIONS if run["precision"] == "auto" else (run["precision"],)


def _savings(size: Shape, run: dict[str, Any], precision: str, device: Device) -> list[tuple[str, bool]]:
    """(optimizer, embedding in RAM), from what costs no time to what costs some.

    The embedding of a model that ties it to its output is needed on the card; moments in 8 bits, paged out
    under pressure, are the adapter's alone. A precision that only fits so is no choice where a smaller one
    may be taken.
    """
    plain = "adamw_torch_fused"
    smallest_precision = precision == _precisions(run, device)[-1]
    if device.kind == "cpu" or run["method"] == "full" or not smallest_precision:
        return [(plain, False)]
    offloads = [] if size.tied else [(plain, True)]
    return [(plain, False), *offloads, ("paged_adamw_8bit", not size.tied)]


def _divisions(
    training: dict[str, Any], longest: int, gpus: int, cpu: bool
) -> Iterator[tuple[int, int, int]]:
    """(rows, accumulation, tokens) of each way to divide a step; packed, (1, accumulation, tokens)."""
    tokens = training["effective_tokens"]
    if tokens and cpu:  # a row at a time, as many as the fullest step holds (qaloom.train.stage)
        yield 1, 1, longest
        return
    if tokens is None:
        rows = training["effective_batch"] // gpus
        padded = -(-longest // _SHAPES) * _SHAPES
        for micro in (m for m in range(rows, 0, -1) if rows % m == 0):
            yield micro, rows // micro, micro * padded
        return
    count = gpus
    while count == gpus or tokens / count >= longest:
        # No pack exceeds the mean by more than a row (qaloom.train.tokenized.parts).
        yield 1, count // gpus, tokens if count == 1 else round(tokens / count) + longest
        count *= 2


def _room(step: Step, run: dict[str, Any], device: Device) -> float:
    """Bytes that a plan may fill: some are left to spare where a smaller precision is an option."""
    if step.precision != _precisions(run, device)[-1]:
        return _ROOM * device.free_bytes
    recomputing = step.checkpointing and step.precision == "4bit"
    return (_SHARE_RECOMPUTING if recomputing else _SHARE) * device.free_bytes


def _worthwhile(fitting: list[Choice]) -> list[Choice]:
    """Those that recompute nothing, or whose division would not fit otherwise."""
    kept = {(c.micro, c.accumulation) for c in fitting if not c.step.checkpointing}
    return [c for c in fitting if not c.step.checkpointing or (c.micro, c.accumulation) not in kept]


def _cost(choice: Choice, lengths: Sequence[int], run: dict[str, Any]) -> float:
    """A step's time, in tokens' worth: what a micro-batch holds, and no less than its launches cost."""
    held = choice.step.tokens if run["training"]["effective_tokens"] else choice.micro * mean(lengths)
    least = _BUSY_PLAYING if choice.step.recorded else _BUSY
    return choice.accumulation * max(least, held) * (_RECOMPUTING if choice.step.checkpointing else 1)


def _described(
    choice: Choice,
    run: dict[str, Any],
    lengths: Sequence[int],
    longest: int,
    device: Device,
    gpus: int,
) -> dict[str, Any]:
    training = run["training"]
    # Without a GPU Unsloth's attention does not keep packed rows apart.
    packing = bool(training["effective_tokens"]) and device.kind == "cuda"
    short = longest < max(lengths)
    return {
        "device": asdict(device),
        "gpus": gpus,
        "precision": choice.step.precision,
        "dtype": number_format(device),
        "micro_batch": choice.micro,
        "accumulation": choice.accumulation,
        "effective_batch": None if training["effective_tokens"] else training["effective_batch"],
        "effective_tokens": training["effective_tokens"],
        "checkpointing": "unsloth" if choice.step.checkpointing else False,
        "graphs": choice.step.recorded,
        "packing": packing,
        "optimizer": choice.step.optimizer,
        "offload_embedding": choice.step.offloaded,
        "attention": "sdpa",
        "max_length": longest if short else run["max_length"],
        "longest_row": longest,
        "cut_rows": sum(n > longest for n in lengths),
        "predicted_memory_bytes": int(choice.needed),
        "why": [*_why(choice, run, device, gpus), *_why_cut(longest, lengths)],
        "rungs": [],
    }


def _why(choice: Choice, run: dict[str, Any], device: Device, gpus: int) -> list[str]:
    precision, wanted = choice.step.precision, run["precision"]
    free = f"{device.free_bytes / GB:.1f} GB free on {device.name}"
    if device.kind == "cpu":
        first = f"{precision}: a CPU holds the weights in full"
        first += f"; precision {wanted} needs a GPU" if wanted != "auto" else ""
    elif run["method"] == "full":
        first = f"{precision}: all parameters are trained ({free})"
    elif wanted == "auto":
        first = f"{precision}: the most precise that fits ({free})"
    else:
        first = f"{precision}: as the run asks ({free})"
    lines = [first, _why_batch(choice, gpus), _why_checkpointing(choice)]
    if choice.step.recorded:
        lines.append("CUDA graphs: short micro-batches are played back instead of launched")
    if choice.step.offloaded:
        lines.append("the input embedding waits in RAM: beside the rest it does not fit")
    if choice.step.optimizer != "adamw_torch_fused":
        lines.append(f"{choice.step.optimizer}: Adam's moments in 32 bits do not fit")
    return lines


def _why_batch(choice: Choice, gpus: int) -> str:
    among = f" on each of {gpus} GPUs" if gpus > 1 else ""
    if choice.accumulation == 1:
        return f"micro-batch {choice.micro}{among}: a whole step at once"
    return f"micro-batch {choice.micro}{among}, {choice.accumulation} to a step: the quickest that fits"


def _why_checkpointing(choice: Choice) -> str:
    if choice.step.checkpointing:
        return "checkpointing: activations do not fit, or only in smaller micro-batches"
    return "no checkpointing: activations fit"


def _why_cut(longest: int, lengths: Sequence[int]) -> list[str]:
    rows = sum(n > longest for n in lengths)
    if not rows:
        return []
    return [f"rows cut at {longest} tokens ({rows} of {len(lengths)}): longer ones do not fit"]
