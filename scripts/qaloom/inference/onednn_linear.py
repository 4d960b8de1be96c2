"""Weights laid out for a CPU's matrix products once, instead of at every product."""

from typing import Any

import torch


class PackedLinear(torch.nn.Module):
    """A linear layer in oneDNN's own layout; its products are those of the layer but for rounding.

    PyTorch's compiler packs weights by the same operators, but would first compile for minutes.
    """

    def __init__(self, layer: torch.nn.Linear):
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())
        self.bias = layer.bias

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise(given, self.weight, self.bias, "none", [], "")


def pack_linear_layers(model: Any) -> None:
    """Pack the linear layers of a float32 model on a CPU, one after the other; its weights are then gone.

    Nothing happens where PyTorch comes without oneDNN or its operators.
    """
    if model.device.type != "cpu" or model.dtype != torch.float32 or not _can_pack():
        return
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is torch.nn.Linear:
                setattr(parent, name, PackedLinear(layer))


def _can_pack() -> bool:
    """Whether a packed layer gives what the layer gives."""
    layer, given = torch.nn.Linear(16, 32), torch.rand(3, 16)
    try:
        with torch.inference_mode():
            return torch.allclose(PackedLinear(layer)(given), layer(given), atol=1e-5)
    except (AttributeError, RuntimeError):
        return False
