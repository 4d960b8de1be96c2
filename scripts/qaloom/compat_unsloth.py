"""Private interfaces of Unsloth and accelerate that training relies on, all in one place.

Each has a fallback: without the loss or the attention there are no CUDA graphs and training runs eagerly;
packed rows that are not kept apart are refused before the first step (qaloom.train.sft.check_batch).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from qaloom.errors import first_line

LOSS = "unsloth_zoo.fused_losses.cross_entropy_loss", "_chunked_ce"
ATTENTION = "unsloth.utils.attention_dispatch", "_run_attention"
TRUNCATED_TO = "_unsloth_truncated_to"  # unsloth.models.rl._TRUNCATION_ATTESTATION_ATTR
ORIGINAL_FORWARD = "_original_forward"  # accelerate.Accelerator.prepare_model keeps the unwrapped one there


class MissingInterfaceError(Exception):
    """The installed version lacks a private interface; the text names it."""


@contextmanager
def loss_replaced_by(loss: Callable[..., Any]) -> Iterator[None]:
    """Put `loss` in the place of Unsloth's chunked cross entropy. Raises MissingInterfaceError."""
    module, name = _module(*LOSS), LOSS[1]
    before = getattr(module, name)
    setattr(module, name, loss)
    try:
        yield
    finally:
        setattr(module, name, before)


def wrap_attention(wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put `wrap(attention)` in the place of Unsloth's attention. Raises MissingInterfaceError."""
    module, name = _module(*ATTENTION), ATTENTION[1]
    setattr(module, name, wrap(getattr(module, name)))


def mark_truncated(dataset: Any, max_length: int) -> None:
    """Tell Unsloth that the rows are cut to `max_length` tokens: otherwise it rewrites packed rows."""
    setattr(dataset, TRUNCATED_TO, max_length)


def restore_forward(model: Any, forward: Callable[..., Any]) -> None:
    """Undo what a trainer wrapped a model's forward pass in, and let go of what the wrapping kept."""
    model.forward = forward
    model.__dict__.pop(ORIGINAL_FORWARD, None)


def _module(path: str, name: str) -> ModuleType:
    try:
        module = import_module(path)
    except ImportError as error:
        raise MissingInterfaceError(f"{path} cannot be imported ({first_line(error)})") from None
    if not hasattr(module, name):
        raise MissingInterfaceError(f"the installed Unsloth has no {path}.{name}")
    return module
