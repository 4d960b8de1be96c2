"""PackedLinear weights: the same products, in float32 on a CPU alone, and nothing where oneDNN is missing."""

from types import SimpleNamespace

import pytest
import torch

from qaloom.compat_transformers import works
from qaloom.inference.model import load_model
from qaloom.inference.onednn_linear import PackedLinear, pack_linear_layers


@pytest.fixture
def model(tiny):
    return load_model(tiny).model


@pytest.fixture(autouse=True)
def tried_again():
    yield
    works.cache_clear()


def packed_layers(model):
    return [layer for layer in model.modules() if isinstance(layer, PackedLinear)]


@pytest.mark.parametrize("rows", [1, 3, 200])
@pytest.mark.parametrize("bias", [True, False])
def test_products_are_those_of_the_layer(rows, bias):
    layer, given = torch.nn.Linear(48, 80, bias=bias), torch.rand(2, rows, 48)
    with torch.inference_mode():
        assert torch.allclose(PackedLinear(layer)(given), layer(given), atol=1e-5)


def test_every_linear_layer_is_packed_and_its_weights_are_gone(model):
    ids, before = torch.tensor([[5, 6, 7, 8]]), sum(1 for _ in model.parameters())
    with torch.inference_mode():
        logits = model(ids).logits
        pack_linear_layers(model)
        assert torch.allclose(model(ids).logits, logits, atol=1e-3)
    assert len(packed_layers(model)) == 15
    assert sum(1 for _ in model.parameters()) == before - 14  # the embedding, which is the head's, stays


def test_sixteen_bits_are_not_packed(model):
    pack_linear_layers(model.to(torch.bfloat16))
    assert not packed_layers(model)


@pytest.mark.parametrize("missing", ["operators", "values"])
def test_without_onednn_the_model_stays_as_it_is(model, monkeypatch, missing):
    wrong = {
        "operators": SimpleNamespace(),
        "values": SimpleNamespace(
            _reorder_linear_weight=lambda weight: weight,
            _linear_pointwise=lambda given, weight, *_: given @ weight.T + 1,
        ),
    }
    works.cache_clear()
    monkeypatch.setattr("qaloom.compat_transformers.torch.ops", SimpleNamespace(mkldnn=wrong[missing]))
    pack_linear_layers(model)
    assert not packed_layers(model)
