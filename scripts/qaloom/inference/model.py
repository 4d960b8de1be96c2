"""Base models and adapters, loaded for answering."""

from pathlib import Path
from typing import Any, NamedTuple

from qaloom.errors import DeviceError
from qaloom.inference.architecture import architecture
from qaloom.inference.prompt import load_error, load_tokenizer
from qaloom.trained_run import is_full_model

_ROOM = (
    1.25  # times the weights: a few answers' keys and values, and the largest layer's copies while loading
)
_MOST_TOKENS = 1 << 18  # at once on a GPU; more rows than these make are no faster


class LoadedModel(NamedTuple):
    """A model in memory, with or without an adapter, and its tokenizer."""

    model: Any
    tokenizer: Any


def load_model(
    base: Path, adapter: Path | None = None, code_allowed: bool = False, precision: str = "16bit"
) -> LoadedModel:
    """Load a base model, and the adapter on top of it, for answering.

    A folder that holds a whole model (`method: full`) is loaded in the base model's place.

    In `compute_dtype`; on a GPU quantised if `precision` is 8bit or 4bit: what was too large to train in 16
    bits is too large to ask.
    Raises ModelError when a folder cannot be loaded, DeviceError when the model does not fit.
    """
    tokenizer = load_tokenizer(adapter or base, code_allowed)
    import torch
    from transformers import AutoModelForCausalLM

    from qaloom.inference.decoding import use_grouped_attention

    if adapter and is_full_model(adapter):
        base, adapter = adapter, None
    device, dtype = device_and_dtype()
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            base,
            dtype=dtype,
            trust_remote_code=code_allowed,
            device_map={"": device},
            quantization_config=_quantization(precision, dtype) if device == "cuda" else None,
        )
        use_grouped_attention(model)
        torch.backends.cuda.enable_cudnn_sdp(False)  # plans anew for every length, that is for every token
        if adapter:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(adapter))
    except torch.OutOfMemoryError:
        raise DeviceError(f"{base} does not fit into the GPU's free memory; close what holds it") from None
    except Exception as error:  # a broken model fails anywhere, in any way
        raise load_error(base, error) from None
    return LoadedModel(model.eval(), tokenizer)


def fitting_precision(folder: Path, code_allowed: bool = False) -> str:
    """The precision in which a model fits into the GPU's free memory beside a few answers: 16bit, or else 4bit.

    On a CPU 16bit, which stands for float32 there. Raises ModelError when the model's size cannot be read.
    """
    import torch

    if not torch.cuda.is_available():
        return "16bit"
    weights = 2 * architecture(folder, code_allowed).parameters
    free, _ = torch.cuda.mem_get_info()
    return "16bit" if weights * _ROOM <= free else "4bit"


def token_budget(folder: Path, loaded: LoadedModel, code_allowed: bool = False) -> int | None:
    """Tokens of prompts and answers whose keys and values fit into half of the GPU's free memory; None on a CPU.

    Batches that are merged stand in memory twice. Raises ModelError when the model's size cannot be read.
    """
    import torch

    if loaded.model.device.type != "cuda":
        return None
    size = architecture(folder, code_allowed)
    a_token = 2 * size.layers * size.kv * loaded.model.dtype.itemsize
    free, _ = torch.cuda.mem_get_info()
    return min(_MOST_TOKENS, int(free / 2 / 2 / a_token))


def compute_dtype(capability: tuple[int, int] | None) -> str:
    """The type that a device is quick in, by an NVIDIA GPU's compute capability; None is a CPU.

    bfloat16 from capability 8.0 on, below it float16. float32 on a CPU, where bfloat16 decodes about 5 times
    slower.
    """
    if capability is None:
        return "float32"
    return "bfloat16" if tuple(capability) >= (8, 0) else "float16"


def device_and_dtype() -> tuple[str, Any]:
    """The device that models are loaded on (cuda or cpu), and the torch type that it is quick in."""
    import torch

    if not torch.cuda.is_available():
        return "cpu", getattr(torch, compute_dtype(None))
    return "cuda", getattr(torch, compute_dtype(torch.cuda.get_device_capability()))


def optimize_for_cpu(loaded: LoadedModel) -> LoadedModel:
    """A float32 model with its adapter added to its weights, and those packed for the CPU that it is on.

    Merging spares a third of the work; both change answers by rounding alone. Any other model is left as it
    is: 16 bits would round much of the adapter away.
    """
    import torch

    from qaloom.inference.onednn_linear import pack_linear_layers

    model = loaded.model
    if model.dtype != torch.float32:
        return loaded
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    pack_linear_layers(model)
    return LoadedModel(model, loaded.tokenizer)


def _quantization(precision: str, dtype: Any) -> Any:
    """The quantization that Unsloth trains with, or None in 16 bits."""
    from transformers import BitsAndBytesConfig

    if precision == "4bit":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    return BitsAndBytesConfig(load_in_8bit=True) if precision == "8bit" else None
