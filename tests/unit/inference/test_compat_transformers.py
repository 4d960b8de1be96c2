"""Private interfaces of transformers and PyTorch: this lock has each, and without each the work goes on."""

import sys

import pytest
import torch

from qaloom import compat_transformers as compat
from qaloom.inference.decoding import GROUPED_ATTENTION, _grouped_attention_works, greedy
from qaloom.inference.model import LoadedModel, load_model, optimize_for_cpu
from qaloom.inference.onednn_linear import PackedLinear, _packing_works, pack_linear_layers
from qaloom.inference.prefix_batch import _prefix_batch_works, prefix_cache
from qaloom.inference.scheduler import Scheduler

CHECKS = {
    "transformers.AttentionInterface": _grouped_attention_works,
    "transformers.cache_utils.DynamicLayer": _prefix_batch_works,
    "torch.ops.mkldnn": _packing_works,
}
PROMPTS = [[5, 6, 7, 8], [5, 6, 9], [5, 6, 9, 10, 11]]


@pytest.fixture
def fresh():
    """Interfaces are tried again, as in a process of its own."""
    compat.works.cache_clear()
    compat.sdpa_attention.cache_clear()
    yield
    compat.works.cache_clear()
    compat.sdpa_attention.cache_clear()


@pytest.fixture
def loaded(tiny):
    return load_model(tiny)


def answered(loaded):
    scheduler = Scheduler(loaded, {str(i): p for i, p in enumerate(PROMPTS)}, [], 6)
    found = {answer.prompt: answer.ids for batch in scheduler.answers() for answer in batch}
    return [found[str(i)] for i in range(len(PROMPTS))]


def alone(loaded):
    return [greedy(*loaded, [], 6, input_ids=torch.tensor([p]))[0, len(p) :].tolist() for p in PROMPTS]


@pytest.mark.parametrize("interface", CHECKS)
def test_this_lock_has_the_interface(interface):
    """A failure names the interface that a new lock has changed: see qaloom.compat_transformers."""
    assert CHECKS[interface]()


def test_this_lock_keeps_a_cache_in_place_when_beams_change_places():
    from transformers import DynamicCache, EncoderDecoderCache

    source = DynamicCache()
    source.update(torch.arange(2.0).reshape(2, 1, 1, 1), torch.zeros(2, 1, 1, 1), 0)
    compat.keep_in_place(source)
    EncoderDecoderCache(DynamicCache(), source).reorder_cache(torch.tensor([1, 0]))
    assert source.layers[0].keys.flatten().tolist() == [0, 1]


@pytest.mark.parametrize(
    "missing",
    [
        "transformers.masking_utils.sdpa_mask",
        "transformers.integrations.sdpa_attention.sdpa_attention_forward",
    ],
)
def test_without_an_attention_of_our_own_answers_are_the_same(tiny, fresh, monkeypatch, capsys, missing):
    monkeypatch.delattr(missing)
    loaded = load_model(tiny)
    assert compat.attention_name(loaded.model) == "sdpa" and prefix_cache(loaded.model, [5]) is None
    assert answered(loaded) == alone(loaded)
    said = [line for line in capsys.readouterr().err.splitlines() if "cannot be used" in line]
    assert len(said) == 1 and said[0].startswith("transformers.AttentionInterface of transformers ")
    assert said[0].endswith("; answers take longer, one padded batch after the other")


def test_an_attention_that_gives_other_values_is_not_used(tiny, fresh, monkeypatch, capsys):
    real = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        "qaloom.inference.decoding.scaled_dot_product_attention", lambda *a, **k: 1.01 * real(*a, **k)
    )
    assert compat.attention_name(load_model(tiny).model) == "sdpa"
    assert "(it gives other values)" in capsys.readouterr().err


def test_a_renamed_attribute_for_the_attention_leaves_the_models_own(tiny, fresh, monkeypatch, capsys):
    def renamed(model):
        raise AttributeError("'LlamaConfig' object has no attribute '_attn_implementation'")

    monkeypatch.setattr("qaloom.inference.decoding.attention_name", renamed)
    assert load_model(tiny).model.config._attn_implementation == "sdpa"
    assert "no attribute '_attn_implementation'" in capsys.readouterr().err


def renamed_update(self, key_states, value_states, *_, **__):
    raise TypeError("update() got an unexpected keyword argument")


def no_longer_asked(self, key_states, value_states, *_, **__):
    """A cache that goes on to look elsewhere: our keys and values are not what it takes."""
    return key_states, value_states


@pytest.mark.parametrize("update", [renamed_update, no_longer_asked])
def test_without_a_cache_layer_of_our_own_answers_are_the_same(loaded, fresh, monkeypatch, capsys, update):
    monkeypatch.setattr(compat.PreallocatedLayer, "update", update)
    assert compat.attention_name(loaded.model) == GROUPED_ATTENTION
    assert answered(loaded) == alone(loaded)
    said = [line for line in capsys.readouterr().err.splitlines() if "cannot be used" in line]
    assert len(said) == 1 and said[0].startswith("transformers.cache_utils.DynamicLayer of transformers ")


def test_without_the_cache_layers_class_the_library_still_answers(tiny, fresh, monkeypatch, capsys):
    """As in a process that imports everything with such a version."""
    monkeypatch.delattr("transformers.cache_utils.DynamicLayer")
    for name in (
        "compat_transformers",
        *(f"inference.{m}" for m in ("decoding", "prefix_batch", "scheduler")),
    ):
        parent, _, leaf = f"qaloom.{name}".rpartition(".")
        monkeypatch.setattr(sys.modules[parent], leaf, sys.modules[f"qaloom.{name}"])  # to be put back
        monkeypatch.delitem(sys.modules, f"qaloom.{name}")
    from qaloom.inference.decoding import use_grouped_attention
    from qaloom.inference.scheduler import Scheduler as AnotherScheduler

    loaded = load_model(tiny)
    use_grouped_attention(loaded.model)
    monkeypatch.setattr(sys.modules[__name__], "Scheduler", AnotherScheduler)
    assert answered(loaded) == alone(loaded)


@pytest.mark.parametrize("name", ["_reorder_linear_weight", "_linear_pointwise"])
def test_without_onednns_operators_layers_stay_as_they_are(loaded, fresh, monkeypatch, capsys, name):
    from types import SimpleNamespace

    real = torch.ops.mkldnn
    names = {"_reorder_linear_weight", "_linear_pointwise"} - {name}
    monkeypatch.setattr(
        "qaloom.compat_transformers.torch.ops",
        SimpleNamespace(mkldnn=SimpleNamespace(**{n: getattr(real, n) for n in names})),
    )
    pack_linear_layers(loaded.model)
    assert not any(isinstance(layer, PackedLinear) for layer in loaded.model.modules())
    assert "torch.ops.mkldnn of torch" in capsys.readouterr().err


def test_an_optimized_model_still_shares_its_prefix(loaded):
    quick = optimize_for_cpu(loaded)
    assert prefix_cache(quick.model, [5]) is not None
    assert answered(LoadedModel(quick.model, loaded.tokenizer)) == alone(loaded)


def test_an_interface_is_tried_once_and_named_once(fresh, capsys):
    tried = []

    def check():
        tried.append(1)
        raise RuntimeError("first line\nsecond line")

    for _ in range(3):
        assert not compat.works(check, "torch.ops.other", "the work goes on")
    line = capsys.readouterr().err
    assert tried == [1] and line.count("\n") == 1
    assert "cannot be used (RuntimeError: first line); the work goes on" in line
