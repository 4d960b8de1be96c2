"""How a run is trained on the device that is here: precision, micro-batch, checkpointing, and why.

The effective batch is the user's and is kept exactly; how it is reached is decided here.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from qaloom.errors import DeviceError, ModelError
from qaloom.files import read_json

GB = 1e9
_PRECISIONS = ("16bit", "8bit", "4bit")
_BYTES_A_WEIGHT = {"32bit": 4.0, "16bit": 2.0, "8bit": 1.06, "4bit": 0.56}
_SHARE_OF_FREE = 0.9  # of the free memory; the rest is fragmentation and kernels' work space
_DRIVERS = ("/proc/driver/nvidia/version", "/usr/lib/wsl/lib/nvidia-smi")
_BF16_GAIN = 1.3  # how much quicker bfloat16 must be on a CPU to be worth its rounding
_PROCESS = {"cpu": 4e9, "cuda": 0.6e9}  # bytes that torch and unsloth hold before the first tensor


@dataclass(frozen=True)
class Device:
    """Where training runs, and its own memory (RAM on a CPU)."""

    kind: str  # cuda | cpu
    name: str
    free_bytes: int
    total_bytes: int
    count: int = 1
    capability: tuple[int, int] | None = None


class Shape(NamedTuple):
    """A decoder's size: its layers, the channels of its projections, the rows of its vocabulary."""

    layers: int
    hidden: int
    intermediate: int
    query: int  # heads x head size: in some models not `hidden`
    kv: int
    vocabulary: int
    tied: bool

    @property
    def linear(self) -> int:
        """Parameters in the projections, the ones that quantisation shrinks."""
        attention = 2 * self.hidden * self.query + 2 * self.hidden * self.kv
        return self.layers * (attention + 3 * self.hidden * self.intermediate)

    def adapter(self, r: int) -> int:
        """Parameters of a rank-r adapter on all seven projections: r x (inputs + outputs) of each."""
        attention = 4 * self.hidden + 2 * self.query + 2 * self.kv
        return r * self.layers * (attention + 3 * (self.hidden + self.intermediate))

    @property
    def embedding(self) -> int:
        """Parameters in the embedding and, unless tied, the output head: never quantised."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)


def probe() -> Device:
    """The device that training will run on.

    Raises DeviceError when a GPU driver is there and torch cannot use it.
    """
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name, capability = torch.cuda.get_device_name(), torch.cuda.get_device_capability()
        return Device("cuda", name, free, total, torch.cuda.device_count(), capability)
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") == ""
    if not hidden and any(Path(driver).exists() for driver in _DRIVERS):
        raise DeviceError(
            "an NVIDIA driver is here but torch cannot use the GPU; CUDA 13 needs driver 580 or newer "
            "(nvidia-smi shows yours), or hide the card with CUDA_VISIBLE_DEVICES= to train on the CPU"
        )
    import psutil

    memory = psutil.virtual_memory()
    return Device("cpu", f"CPU, {torch.get_num_threads()} threads", memory.available, memory.total)


def shape(config: Path) -> Shape:
    """Read a decoder's size from its config.json.

    Raises ModelError when the keys of a Llama-like decoder are not there.
    """
    values = read_json(config)
    c = values.get("text_config", values)
    try:
        heads = c["num_attention_heads"]
        head = c.get("head_dim") or c["hidden_size"] // heads
        return Shape(
            layers=c["num_hidden_layers"],
            hidden=c["hidden_size"],
            intermediate=c["intermediate_size"],
            query=head * heads,
            kv=head * (c.get("num_key_value_heads") or heads),
            vocabulary=c["vocab_size"],
            tied=bool(values.get("tie_word_embeddings", c.get("tie_word_embeddings"))),
        )
    except KeyError as missing:
        kind = values.get("model_type", "unknown")
        raise ModelError(
            f"{config}: models of type {kind} are not supported ({missing} is missing); "
            "name a decoder such as Llama, Qwen, Mistral or Gemma"
        ) from None


def plan(size: Shape, run: dict[str, Any], lengths: Sequence[int], device: Device) -> dict[str, Any]:
    """The plan of a run: what plan.json holds.

    `lengths` are the training rows' token counts, `run` the run's settings. Memory is in bytes.
    The first choice that fits wins: precision first (16-bit before smaller ones), then the largest
    micro-batch, then no checkpointing, since a step's cost is launches more than arithmetic.
    Raises DeviceError when not even the smallest choice fits.
    """
    effective, longest = run["training"]["effective_batch"], max(lengths)
    reserve = _PROCESS[device.kind]
    for precision in _precisions(run["precision"], device):
        for micro in (m for m in range(effective, 0, -1) if effective % m == 0):
            for checkpointing in (False, True):
                needed = predicted_memory(size, run["lora"]["r"], precision, micro * longest, checkpointing)
                if needed + reserve <= device.free_bytes * _SHARE_OF_FREE:
                    return {
                        "device": asdict(device),
                        "precision": precision,
                        "micro_batch": micro,
                        "accumulation": effective // micro,
                        "effective_batch": effective,
                        "checkpointing": checkpointing,
                        "packing": False,
                        "optimizer": "adamw_torch_fused",
                        "longest_row": longest,
                        "predicted_memory_bytes": int(needed + reserve),
                        "why": _why(precision, run["precision"], micro, effective, checkpointing, device),
                    }
    free, usable = device.free_bytes / GB, device.free_bytes * _SHARE_OF_FREE / GB
    raise DeviceError(
        f"the model needs about {(needed + reserve) / GB:.1f} GB even one row at a time, and of the "
        f"{free:.1f} GB free on {device.name} {usable:.1f} GB can be used; "
        "close what holds memory, take a smaller base model, or lower max_length"
    )


def predicted_memory(size: Shape, r: int, precision: str, tokens: int, checkpointing: bool) -> float:
    """Peak bytes of a training step: weights, LoRA with its optimizer, activations of one micro-batch.

    The bytes of a layer's activations are fitted to two measurements (Llama-3-8B's shape on one H100, 4-bit,
    4,096 tokens: 6.7 GiB with checkpointing, 20.8 GiB without).
    """
    width = 4 if precision == "32bit" else 2
    weights = size.linear * _BYTES_A_WEIGHT[precision] + size.embedding * width
    adapter = size.adapter(r) * 16  # float32: the weights, their gradient, Adam's two moments
    layer = width * (3 * size.intermediate + 2.6 * size.hidden)  # bytes a token
    kept = 1 if checkpointing else size.layers
    logits = min(tokens, 256) * size.vocabulary * 4 * 2  # the loss is computed in chunks
    return weights + adapter + tokens * layer * kept + logits


def predicted_seconds(
    size: Shape, r: int, planned: dict[str, Any], lengths: Sequence[int], steps: int
) -> float:
    """Training time, from this machine's matrix speed (measured here, 0.3 s) and the rows' lengths.

    FLOP a token: 4 a frozen parameter (forward, and backward without its gradient), 6 an adapter's. On a
    GPU a micro-batch takes at least 0.45 s of kernel launches (measured on one H100, short rows).
    """
    tokens = planned["effective_batch"] * sum(lengths) / len(lengths)
    work = (4 * (size.linear + size.vocabulary * size.hidden) + 6 * size.adapter(r)) * tokens
    kind = planned["device"]["kind"]
    launches = 0.45 * planned["accumulation"] if kind == "cuda" else 0.0
    return steps * max(work / matrix_speed(kind, planned["dtype"], size), launches)


def number_format(size: Shape, device: Device) -> str:
    """The type to compute in: what the GPU is quick in; on a CPU bfloat16 where it is clearly quicker."""
    if device.kind == "cpu":
        speeds = {name: matrix_speed("cpu", name, size) for name in ("bfloat16", "float32")}
        return "bfloat16" if speeds["bfloat16"] > _BF16_GAIN * speeds["float32"] else "float32"
    return "bfloat16" if device.capability and device.capability >= (8, 0) else "float16"


def matrix_speed(kind: str, dtype: str, size: Shape) -> float:
    """FLOP/s of a matrix product of the shape that a step is made of, best of a few."""
    import torch

    a, b = (
        torch.randn(rows, size.hidden, device=kind, dtype=getattr(torch, dtype))
        for rows in (1024, size.intermediate)
    )
    synchronize = torch.cuda.synchronize if kind == "cuda" else (lambda: None)
    times = []
    for _ in range(8):
        synchronize()
        start = time.perf_counter()
        a @ b.T
        synchronize()
        times.append(time.perf_counter() - start)
    return 2 * len(a) * size.hidden * size.intermediate / min(times)


def _precisions(wanted: str, device: Device) -> tuple[str, ...]:
    if device.kind == "cpu":
        return ("32bit",)
    return _PRECISIONS if wanted == "auto" else (wanted,)


def _why(
    precision: str, wanted: str, micro: int, effective: int, checkpointing: bool, device: Device
) -> list[str]:
    free = f"{device.free_bytes / GB:.1f} GB free on {device.name}"
    if device.kind == "cpu":
        first = f"{precision}: a CPU holds the weights in full"
        first += f"; precision {wanted} needs a GPU" if wanted != "auto" else ""
    elif wanted == "auto":
        first = f"{precision}: the most precise that fits ({free})"
    else:
        first = f"{precision}: as the run asks ({free})"
    batch = f"micro-batch {micro}: " + (
        "a whole step at once" if micro == effective else "the largest that fits"
    )
    recompute = (
        "checkpointing: activations do not fit" if checkpointing else "no checkpointing: activations fit"
    )
    return [first, batch, recompute]
