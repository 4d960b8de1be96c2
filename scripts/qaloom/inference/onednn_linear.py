"""Linear layers of a CPU model in oneDNN's layout: weights reordered once, not at every product."""

from typing import Any

import torch

from qaloom.compat_transformers import packed_product, packed_weight, works


class PackedLinear(torch.nn.Module):
    """A linear layer in oneDNN's own layout; its products are those of the layer but for rounding.

    PyTorch's compiler packs weights by the same operators, but would first compile for minutes.
    """

    def __init__(self, layer: torch.nn.Linear):
        super().__init__()
        self.weight = packed_weight(layer.weight.detach())
        self.bias = layer.bias

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return packed_product(inputs, self.weight, self.bias)


def pack_linear_layers(model: Any) -> None:
    """Pack the linear layers of a float32 model on a CPU, one after the other; its weights are then gone.

    Nothing happens where PyTorch comes without oneDNN or its operators.
    """
    if model.device.type != "cpu" or model.dtype != torch.float32:
        return
    if not works(_packing_works, "torch.ops.mkldnn", "models on this CPU compute more slowly"):
        return
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is torch.nn.Linear:
                setattr(parent, name, PackedLinear(layer))


def _packing_works() -> bool:
    """Whether a packed layer gives what the layer gives."""
    layer, inputs = torch.nn.Linear(16, 32), torch.rand(3, 16)
    with torch.inference_mode():
        return torch.allclose(PackedLinear(layer)(inputs), layer(inputs), atol=1e-5)
