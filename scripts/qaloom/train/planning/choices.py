"""Every way to run an optimizer step on a device: precision, division into micro-batches, memory and cost.

Pure functions of the model's shape, the run's settings, the rows' lengths and the device.
"""

from collections.abc import Iterator, Sequence
from statistics import mean
from typing import NamedTuple

from qaloom.config.settings import RunSettings, TrainingSettings
from qaloom.inference.architecture import Architecture
from qaloom.inference.model import compute_dtype
from qaloom.train.planning.device import Device
from qaloom.train.planning.memory import MicroBatch, predicted_memory

ADAM = "adamw_torch_fused"
RECOMPUTING = 4 / 3  # a step's arithmetic with checkpointing: one more forward pass
_PRECISIONS = ("16bit", "8bit", "4bit")
_SHARE = 0.96  # of the free memory; the rest is fragmentation
# The same for 4 bits with checkpointing, which takes less where less is free: 2 x 2,048 tokens of an 8B
# model, its embedding on the card and adamw_8bit, took 7.5 GB of a whole H100 and 6.4 within 7.0.
_SHARE_RECOMPUTING = 0.98
_ROOM = 0.9  # what `auto` may fill before it takes the next smaller precision
# Tokens that keep a GPU computing as long as its host needs to launch a micro-batch's kernels: below,
# a micro-batch costs the same however little it holds (8B shape on one H100; slower cards: fewer).
_BUSY = 4096
_BUSY_REPLAYING = 256  # the same where a micro-batch is replayed as a CUDA graph
_LENGTH_MULTIPLE = 64  # a GPU's rows are padded to a multiple of this many tokens, for few distinct shapes
_MOST_CUT = 0.05  # share of rows that may be cut so that a run fits at all
_SHORTEST = 256  # tokens; below, the run is refused instead


class Choice(NamedTuple):
    """One way to run a step, and the bytes it would take."""

    step: MicroBatch
    micro: int  # rows in a micro-batch or, when packing, 1
    accumulation: int
    memory_bytes: float


class KeptAnswers(NamedTuple):
    """Answers of the base model that every step takes beside its rows (`training.keep`), and the longest's tokens."""

    rows: int = 0
    tokens: int = 0

    def at_once(self, tokens: int) -> int:
        """How many go through the model together beside micro-batches of so many tokens."""
        return max(1, min(self.rows, tokens // self.tokens)) if self.rows else 0


NOTHING_KEPT = KeptAnswers()


def choices(
    size: Architecture,
    run: RunSettings,
    longest: int,
    precision: str,
    saving: tuple[str, bool],
    gpus: int = 1,
    keep: KeptAnswers = NOTHING_KEPT,
) -> Iterator[Choice]:
    """Every division of the effective batch into micro-batches, with and without checkpointing.

    `longest` is the longest row's length in tokens, `saving` the optimizer and whether the input embedding
    waits in RAM.
    """
    full, r = run.method == "full", run.lora.r
    optimizer, offloaded = saving
    saved = len(run.lora.modules_to_save) * size.vocabulary * size.hidden
    for micro, accumulation, tokens in _divisions(run.training, longest, gpus, precision == "32bit"):
        kept = keep.at_once(tokens) * keep.tokens
        scored = max(tokens if run.training.label_smoothing else 0, kept)
        for checkpointing in (False, True):
            step = MicroBatch(
                precision, tokens, checkpointing, optimizer, full, offloaded,
                saved=saved, scores=scored * size.vocabulary, kept=kept,
            )  # fmt: skip
            yield Choice(step, micro, accumulation, predicted_memory(size, r, step))


def with_graphs(
    eager: Sequence[Choice],
    size: Architecture,
    run: RunSettings,
    device: Device,
    gpus: int,
    keep: KeptAnswers = NOTHING_KEPT,
) -> Iterator[Choice]:
    """The choices that can be replayed as CUDA graphs (qaloom.train.cuda_graphs), with the memory of that."""
    allowed = gpus == 1 and run.method == "lora" and not run.lora.dropout and run.training.graphs
    if not allowed or never_captured(run) or device.kind != "cuda" or number_format(device) != "bfloat16":
        return
    for choice in eager:
        step = choice.step
        # Checkpoints and embeddings wait in RAM, 8 bits are multiplied by what the values are, paged moments
        # need the room.
        in_ram = step.checkpointing or step.offloaded
        if not in_ram and step.precision != "8bit" and not step.optimizer.startswith("paged_"):
            kept = keep.rows * keep.tokens
            step = step._replace(graphs=True, kept=kept, scores=kept * size.vocabulary)
            yield choice._replace(step=step, memory_bytes=predicted_memory(size, run.lora.r, step))


def never_captured(run: RunSettings) -> str:
    """The setting that rules CUDA graphs out: noise, another loss, or more than the adapter to train."""
    settings = {
        "training.neftune_noise_alpha": run.training.neftune_noise_alpha,
        "training.label_smoothing": run.training.label_smoothing,
        "lora.bias": run.lora.bias != "none",
        "lora.modules_to_save": run.lora.modules_to_save,
    }
    return next((name for name, given in settings.items() if given), "")


def fitting_choices(
    size: Architecture,
    run: RunSettings,
    longest: int,
    precision: str,
    device: Device,
    gpus: int,
    keep: KeptAnswers = NOTHING_KEPT,
) -> list[Choice]:
    """The choices of a precision that fit the device, with the first memory saving that lets any fit."""
    for saving in _savings(size, run, precision, device):
        eager = list(choices(size, run, longest, precision, saving, gpus, keep))
        every = [*eager, *with_graphs(eager, size, run, device, gpus, keep)]
        fitting = [c for c in every if c.memory_bytes <= usable_bytes(c.step, run, device)]
        if fitting:
            return _worthwhile(fitting)
    return []


def smallest(
    size: Architecture,
    run: RunSettings,
    lengths: Sequence[int],
    device: Device,
    keep: KeptAnswers = NOTHING_KEPT,
) -> tuple[float, MicroBatch]:
    """Bytes of the smallest choice that the run's settings allow, and that choice's micro-batch."""
    precision = precisions(run, device)[-1]
    saving = _savings(size, run, precision, device)[-1]
    first = next(choices(size, run, max(lengths), precision, saving)).step
    scored = max(max(lengths) if run.training.label_smoothing else 0, keep.tokens)
    step = first._replace(
        tokens=max(lengths), checkpointing=True, scores=scored * size.vocabulary, kept=keep.tokens
    )
    return predicted_memory(size, run.lora.r, step), step


def number_format(device: Device) -> str:
    """The type to compute in: what the GPU is quick in; on a CPU bfloat16 where it has instructions for it."""
    if device.kind == "cuda":
        return compute_dtype(device.capability or (0, 0))
    return "bfloat16" if device.bfloat16 else "float32"


def usable_gpus(gpus: int, run: RunSettings, device: Device) -> int:
    """The most GPUs, of those given and there, among which a step's rows can be shared out evenly."""
    training, most = run.training, min(gpus, device.count) if device.kind == "cuda" else 1
    if training.effective_tokens:
        return max(1, most)
    return next((n for n in range(most, 0, -1) if training.effective_batch % n == 0), 1)


def lengths_to_try(lengths: Sequence[int]) -> Iterator[int]:
    """The longest row's length, then shorter ones (multiples of 64) at which few rows are cut."""
    longest = max(lengths)
    yield longest
    for limit in range((longest - 1) // 64 * 64, _SHORTEST - 1, -64):
        if sum(n > limit for n in lengths) > _MOST_CUT * len(lengths):
            return
        yield limit


def precisions(run: RunSettings, device: Device) -> tuple[str, ...]:
    """The precisions that a run may take on a device, the highest first."""
    if device.kind == "cpu":
        return ("32bit",)
    if run.method == "full":
        return ("16bit",)
    return _PRECISIONS if run.precision == "auto" else (run.precision,)


def usable_bytes(step: MicroBatch, run: RunSettings, device: Device) -> float:
    """Bytes that a plan may fill: some are left to spare where a smaller precision is an option."""
    if step.precision != precisions(run, device)[-1]:
        return _ROOM * device.free_bytes
    recomputing = step.checkpointing and step.precision == "4bit"
    return (_SHARE_RECOMPUTING if recomputing else _SHARE) * device.free_bytes


def cost(choice: Choice, lengths: Sequence[int], run: RunSettings) -> float:
    """A step's time in tokens: those of its micro-batches, each no less than its launches cost."""
    held = choice.step.tokens if run.training.effective_tokens else choice.micro * mean(lengths)
    least = _BUSY_REPLAYING if choice.step.graphs else _BUSY
    return choice.accumulation * max(least, held) * (RECOMPUTING if choice.step.checkpointing else 1)


def _savings(size: Architecture, run: RunSettings, precision: str, device: Device) -> list[tuple[str, bool]]:
    """(optimizer, embedding in RAM), from what costs no time to what costs some.

    The embedding of a model that ties it to its output is needed on the card; moments in 8 bits, paged out
    under pressure, are the adapter's alone. A precision that only fits so is no choice where a smaller one
    is allowed.
    """
    smallest_precision = precision == precisions(run, device)[-1]
    if (named := run.training.optimizer) != "auto":
        # Layers that are trained whole stay on the card.
        may_wait = device.kind == "cuda" and run.method == "lora" and not size.tied and smallest_precision
        return [(named, False), *([(named, True)] if may_wait and not run.lora.modules_to_save else [])]
    if device.kind == "cpu" or run.method == "full" or not smallest_precision:
        return [(ADAM, False)]
    may_wait = not size.tied and not run.lora.modules_to_save
    return [(ADAM, False), *([(ADAM, True)] if may_wait else []), ("paged_adamw_8bit", may_wait)]


def _divisions(
    training: TrainingSettings, longest: int, gpus: int, cpu: bool
) -> Iterator[tuple[int, int, int]]:
    """(rows, accumulation, tokens) of each way to divide a step; packed, (1, accumulation, tokens)."""
    tokens = training.effective_tokens
    if tokens and cpu:  # a row at a time, as many as the fullest step holds (qaloom.train.stage)
        yield 1, 1, longest
        return
    if tokens is None:
        rows = training.effective_batch // gpus
        padded = -(-longest // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE
        for micro in (m for m in range(rows, 0, -1) if rows % m == 0):
            yield micro, rows // micro, micro * padded
        return
    count = gpus
    while count == gpus or tokens / count >= longest:
        # No pack exceeds the mean by more than a row (qaloom.train.tokenized.parts).
        yield 1, count // gpus, tokens if count == 1 else round(tokens / count) + longest
        count *= 2


def _worthwhile(fitting: list[Choice]) -> list[Choice]:
    """Those that recompute nothing, or whose division would not fit otherwise."""
    without = {(c.micro, c.accumulation) for c in fitting if not c.step.checkpointing}
    return [c for c in fitting if not c.step.checkpointing or (c.micro, c.accumulation) not in without]
