"""The planner, a pure function: any device in, a plan that fits it or one line that says why not."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qaloom.errors import DeviceError, ModelError
from qaloom.files import write_json
from qaloom.plan import GB, Device, number_format, plan, predicted_memory, predicted_seconds, probe, shape

LLAMA_8B = {
    "num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False,
}  # fmt: skip
LLAMA_3B = LLAMA_8B | {
    "num_hidden_layers": 28,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_attention_heads": 24,
    "tie_word_embeddings": True,
}
CPU = Device("cpu", "CPU, 2 threads", int(14 * GB), int(16 * GB))
DEVICES = {
    "8 GB": Device("cuda", "RTX 4060", int(7.6 * GB), int(8 * GB), 1, (8, 9)),
    "12 GB": Device("cuda", "RTX 3060", int(11.5 * GB), int(12 * GB), 1, (8, 6)),
    "T4": Device("cuda", "Tesla T4", int(15.6 * GB), int(16 * GB), 1, (7, 5)),
    "24 GB": Device("cuda", "RTX 4090", int(23.5 * GB), int(24 * GB), 1, (8, 9)),
    "80 GB": Device("cuda", "H100", int(79 * GB), int(80 * GB), 1, (9, 0)),
}


@pytest.fixture(scope="session")
def llamas(tmp_path_factory):
    """The shapes of Llama 3 8B and Llama 3.2 3B, by size."""
    shapes = {}
    for name, config in {"8B": LLAMA_8B, "3B": LLAMA_3B}.items():
        path = tmp_path_factory.mktemp("llama") / "config.json"
        write_json(path, config)
        shapes[name] = shape(path)
    return shapes


@pytest.fixture(scope="session")
def llama(llamas):
    return llamas["8B"]


def run(effective=8, precision="auto", r=16):
    return {
        "precision": precision,
        "max_length": 2048,
        "lora": {"r": r, "target_modules": ["q_proj"], "alpha": None, "dropout": 0},
        "training": {"effective_batch": effective},
    }


def test_a_models_size_is_read_from_its_config(llamas):
    llama, small = llamas["8B"], llamas["3B"]
    assert small.linear + small.embedding == pytest.approx(3.21e9, rel=0.01)
    assert llama.linear + llama.embedding == pytest.approx(8.03e9, rel=0.01)  # Llama 3 8B has 8.03 billion
    assert llama.kv == 1024 and not llama.tied


def test_the_tiny_models_size_is_what_it_holds(tiny):
    from safetensors.torch import load_file

    size = shape(tiny / "config.json")
    held = {name: weight.numel() for name, weight in load_file(tiny / "model.safetensors").items()}
    assert size.embedding == held["model.embed_tokens.weight"]
    assert size.linear == sum(n for name, n in held.items() if "_proj" in name)


@settings(max_examples=200)
@given(
    effective=st.integers(1, 512),
    longest=st.integers(16, 2048),
    device=st.sampled_from([*DEVICES.values(), CPU]),
    precision=st.sampled_from(["auto", "4bit", "8bit", "16bit"]),
)
def test_the_effective_batch_is_exact_and_the_plan_fits(llama, effective, longest, device, precision):
    try:
        planned = plan(llama, run(effective, precision), [16, longest], device)
    except DeviceError:
        return
    assert planned["micro_batch"] * planned["accumulation"] == planned["effective_batch"] == effective
    assert planned["predicted_memory_bytes"] <= device.free_bytes
    assert planned["longest_row"] == longest
    assert planned["why"] and all(isinstance(line, str) for line in planned["why"])


@pytest.mark.parametrize(
    ("name", "model", "precision"),
    [
        ("8 GB", "3B", "8bit"),
        ("12 GB", "3B", "16bit"),
        ("12 GB", "8B", "4bit"),
        ("T4", "8B", "8bit"),
        ("24 GB", "8B", "16bit"),
        ("80 GB", "8B", "16bit"),
    ],
)
def test_auto_is_the_most_precise_that_fits(llamas, name, model, precision):
    planned = plan(llamas[model], run(), [256], DEVICES[name])
    assert planned["precision"] == precision
    assert DEVICES[name].name in planned["why"][0]


@pytest.mark.parametrize("precision", ["4bit", "8bit", "16bit"])
def test_a_precision_that_is_asked_for_is_kept(llama, precision):
    assert plan(llama, run(precision=precision), [256], DEVICES["80 GB"])["precision"] == precision


def test_numbers_are_in_the_type_the_card_is_quick_in(llamas):
    types = {name: number_format(llamas["3B"], device) for name, device in DEVICES.items()}
    assert types.pop("T4") == "float16"
    assert set(types.values()) == {"bfloat16"}


@pytest.mark.parametrize(("gain", "chosen"), [(1.2, "float32"), (1.5, "bfloat16")])
def test_a_cpu_computes_in_bfloat16_only_where_that_is_clearly_quicker(monkeypatch, llama, gain, chosen):
    from qaloom import plan as module

    monkeypatch.setattr(module, "matrix_speed", lambda kind, dtype, size: gain if dtype == "bfloat16" else 1)
    assert number_format(llama, CPU) == chosen


def test_a_cpu_does_not_quantise_and_says_so(tiny):
    size = shape(tiny / "config.json")
    assert plan(size, run(), [50], CPU)["precision"] == "32bit"
    assert "needs a GPU" in plan(size, run(precision="4bit"), [50], CPU)["why"][0]


def test_more_memory_never_gives_a_smaller_micro_batch(llama):
    given_out = []
    for free in range(10, 80, 4):
        device = Device("cuda", "card", int(free * GB), int(80 * GB), 1, (9, 0))
        given_out.append(plan(llama, run(64, "4bit"), [1024], device)["micro_batch"])
    assert given_out == sorted(given_out) and given_out[0] < given_out[-1]


def test_memory_grows_with_all_that_costs_it(llama):
    base = predicted_memory(llama, 16, "4bit", 2048, True)
    assert predicted_memory(llama, 64, "4bit", 2048, True) > base
    assert predicted_memory(llama, 16, "8bit", 2048, True) > base
    assert predicted_memory(llama, 16, "4bit", 4096, True) > base
    assert predicted_memory(llama, 16, "4bit", 2048, False) > base


def test_what_does_not_fit_is_one_line_with_both_figures(llama):
    small = Device("cuda", "GTX 1050", int(3.2 * GB), int(4 * GB), 1, (6, 1))
    with pytest.raises(
        DeviceError,
        match=r"needs about \d\.\d GB .* of the 3\.2 GB free on GTX 1050 2\.9 GB can be used; .*smaller",
    ) as caught:
        plan(llama, run(), [512], small)
    assert "\n" not in str(caught.value)


def test_time_grows_with_the_steps(tiny):
    size = shape(tiny / "config.json")
    planned = plan(size, run(), [50], CPU) | {"dtype": "float32"}
    few, many = (predicted_seconds(size, 16, planned, [50], steps) for steps in (10, 100_000))
    assert 0 < few < many


def test_an_unsupported_model_is_one_line(tmp_path):
    write_json(tmp_path / "config.json", {"model_type": "gpt2", "n_layer": 12})
    with pytest.raises(ModelError, match="type gpt2 are not supported"):
        shape(tmp_path / "config.json")


def test_the_device_here_is_seen(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    device = probe()
    assert device.kind == "cpu" and 0 < device.free_bytes <= device.total_bytes


def test_a_driver_that_torch_cannot_use_is_one_line(monkeypatch):
    from qaloom import plan as module

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(module.Path, "exists", lambda path: str(path) == "/proc/driver/nvidia/version")
    with pytest.raises(DeviceError, match=r"driver 580 or newer .*CUDA_VISIBLE_DEVICES= to train on the CPU"):
        probe()
