"""Private interfaces of transformers and PyTorch that the library uses, gathered in one place.

Each is tried and compared with the public way before its first use, see `works`. Where a version lacks one or
gives other values, the caller goes the public way, more slowly, and one line names the interface.
tests/unit/inference/test_compat_transformers.py fails by its name when a new lock breaks one.
"""

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

import torch

from qaloom.console import say
from qaloom.errors import first_line

try:
    from transformers.cache_utils import DynamicLayer
except ImportError:  # `works` then finds that a batch on it fails
    DynamicLayer = object  # type: ignore[assignment,misc]

_SMALL: dict[str, Any] = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
    "initializer_range": 0.5, "pad_token_id": 0,
}  # fmt: skip


@cache  # a process asks once, and says it once
def works(check: Callable[[], bool], interface: str, instead: str) -> bool:
    """Whether `check` finds that an interface gives what the public way gives.

    Where it does not, or raises anything, one line names the interface and what is done `instead`.
    """
    try:
        if check():
            return True
        why = "it gives other values"
    except Exception as error:  # a changed interface may raise anything
        why = first_line(error)
    library = interface.partition(".")[0]
    say(f"{interface} of {library} {version(library)} cannot be used ({why}); {instead}")
    return False


def small_model() -> Any:
    """A Llama of two layers with random weights, the same ones each time, to try an interface on."""
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LlamaForCausalLM(LlamaConfig(**_SMALL, eos_token_id=None)).eval()


def attention_name(model: Any) -> str:
    """The attention that a model computes with: sdpa, eager or one that was registered."""
    return model.config._attn_implementation


def register_attention(name: str, forward: Callable[..., Any]) -> None:
    """Register an attention of our own, with the masks of PyTorch's."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(name, forward)
    AttentionMaskInterface.register(name, sdpa_mask)


@cache
def sdpa_attention() -> Callable[..., Any]:
    """The attention of transformers over PyTorch's `scaled_dot_product_attention`."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    return sdpa_attention_forward


def keep_in_place(cache: Any) -> None:
    """Leave a cache as it is when beams change places.

    Without this interface its rows are moved, which changes nothing where those of a text are equal.
    """
    cache.reorder_cache = lambda beam_idx: None


class PreallocatedLayer(DynamicLayer):
    """Keys and values of a layer (rows x heads x tokens x size), with room behind them for tokens to come.

    All rows end at the column `end`, and the longest begins at `start`. What is in front of a shorter one is
    masked, and zero: what is masked counts zero times, which NaN would not.
    """

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, like: Any, rows: int, width: int, room: int):
        super().__init__()
        self.dtype, self.device, self.is_initialized = like.keys.dtype, like.keys.device, True
        self.buffers = [
            part.new_zeros(rows, part.shape[1], width + room, part.shape[3])
            for part in (like.keys, like.values)
        ]
        self._view(rows, 0, width)

    def _view(self, rows: int, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.keys, self.values = (buffer[:rows, :, start:end] for buffer in self.buffers)

    def write(self, first: int, *parts: torch.Tensor) -> None:
        """Write keys and values of whole rows, the first of them as row `first`."""
        for buffer, part in zip(self.buffers, parts, strict=True):
            buffer[first : first + len(part), :, self.end - part.shape[2] : self.end] = part

    def select(self, rows: int, free: list[int], movers: list[int], width: int) -> None:
        """Move rows `movers` to the places `free`, and keep `rows` rows, the longest `width` tokens wide."""
        for part in (self.keys, self.values) if free else ():
            part[free] = part[movers]
        self._view(rows, self.end - width, self.end)

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        """Write a further token (rows x heads x 1 x size); return all keys and values."""
        self._view(len(key_states), self.start, self.end + 1)
        self.keys[:, :, -1:], self.values[:, :, -1:] = key_states, value_states
        return self.keys, self.values


def packed_weight(weight: torch.Tensor) -> torch.Tensor:
    """A linear layer's weight in oneDNN's own layout."""
    return torch.ops.mkldnn._reorder_linear_weight(weight)


def packed_product(inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """The product of a linear layer whose weight is packed."""
    return torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
