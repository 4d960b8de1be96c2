"""The planner, a pure function: any device in, a plan that fits it or one line that says why not."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from plans import run_settings

from qaloom.config.settings import Optimizer
from qaloom.errors import DeviceError
from qaloom.files import write_json
from qaloom.inference.architecture import architecture
from qaloom.train.planning.choices import number_format
from qaloom.train.planning.device import GB, Device
from qaloom.train.planning.memory import MicroBatch, predicted_memory
from qaloom.train.planning.plan import candidates, plan, predicted_seconds

LLAMA_8B = {
    "model_type": "llama",
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
CPU = Device("cpu", "CPU, 2 threads", int(14 * GB), int(16 * GB), speeds={"float32": 1e11, "bfloat16": 1e11})


def card(name: str, free: float, capability: tuple[int, int], count: int = 1) -> Device:
    return Device("cuda", name, int(free * GB), int(1.05 * free * GB), count, capability)


DEVICES = {
    "8 GB": card("RTX 4060", 7.0, (8, 9)),
    "12 GB": card("RTX 3060", 11.5, (8, 6)),
    "T4": card("Tesla T4", 15.6, (7, 5)),
    "A10G": card("NVIDIA A10G", 23, (8, 6)),
    "V100": card("Tesla V100 32 GB", 33, (7, 0)),
    "A100": card("NVIDIA A100 80 GB", 84, (8, 0)),
    "H100": card("NVIDIA H100 80 GB", 84, (9, 0)),
}


@pytest.fixture(scope="session")
def llamas(tmp_path_factory):
    """The shapes of Llama 3 8B and Llama 3.2 3B, by size."""
    shapes = {}
    for name, config in {"8B": LLAMA_8B, "3B": LLAMA_3B}.items():
        path = tmp_path_factory.mktemp("llama") / "config.json"
        write_json(path, config)
        shapes[name] = architecture(path.parent)
    return shapes


@pytest.fixture(scope="session")
def llama(llamas):
    return llamas["8B"]


DEFAULTS = run_settings()


def run(effective=8, precision="auto", r=16, tokens=None, method="lora", dropout=0.0, graphs=True):
    training = replace(DEFAULTS.training, effective_batch=effective, effective_tokens=tokens, graphs=graphs)
    lora = replace(DEFAULTS.lora, r=r, dropout=dropout)
    return replace(DEFAULTS, precision=precision, method=method, training=training, lora=lora)


def test_a_models_size_is_read_from_its_config(llamas):
    llama, small = llamas["8B"], llamas["3B"]
    assert small.parameters == pytest.approx(3.21e9, rel=0.01)
    assert llama.parameters == pytest.approx(8.03e9, rel=0.01)  # Llama 3 8B has 8.03 billion
    assert llama.kv == 1024 and not llama.tied


def test_the_tiny_models_size_is_what_it_holds(tiny):
    from safetensors.torch import load_file

    size = architecture(tiny)
    held = {name: weight.numel() for name, weight in load_file(tiny / "model.safetensors").items()}
    assert size.embedding == held["model.embed_tokens.weight"]
    assert size.linear == sum(n for name, n in held.items() if "_proj" in name)


@settings(max_examples=200)
@given(
    effective=st.integers(1, 512),
    longest=st.integers(16, 2048),
    device=st.sampled_from([*DEVICES.values(), CPU]),
    precision=st.sampled_from(["auto", "4bit", "8bit", "16bit"]),
    gpus=st.integers(1, 4),
)
def test_the_effective_batch_is_exact_and_the_plan_fits(llama, effective, longest, device, precision, gpus):
    device = Device(**{**vars(device), "count": 4 if device.kind == "cuda" else 1})
    try:
        planned = plan(llama, run(effective, precision), [16, longest], device, gpus)
    except DeviceError:
        return
    reached = planned.micro_batch * planned.accumulation * planned.gpus
    assert reached == planned.effective_batch == effective
    assert planned.gpus <= gpus
    assert planned.predicted_memory_bytes <= device.free_bytes
    assert planned.longest_row == longest
    assert planned.why and all(isinstance(line, str) for line in planned.why)


# The guide's rules: 4-bit up to 12 GB, 8-bit from 16 GB, 16-bit where it fits with room


@pytest.mark.parametrize(
    ("name", "precision", "dtype"),
    [
        ("8 GB", "4bit", "bfloat16"),
        ("12 GB", "4bit", "bfloat16"),
        ("T4", "8bit", "float16"),
        ("A10G", "16bit", "bfloat16"),
        ("V100", "16bit", "float16"),
        ("A100", "16bit", "bfloat16"),
        ("H100", "16bit", "bfloat16"),
    ],
)
@pytest.mark.parametrize("longest", [256, 2048])
def test_an_8b_model_on_each_card(llama, name, precision, dtype, longest):
    planned = plan(llama, run(), [longest // 2] * 90 + [longest] * 10, DEVICES[name])
    assert (planned.precision, planned.dtype) == (precision, dtype)
    assert planned.max_length == 2048 and planned.cut_rows == 0
    share = 0.98 if precision == "4bit" and planned.checkpointing else 0.96
    assert planned.predicted_memory_bytes <= share * DEVICES[name].free_bytes
    assert DEVICES[name].name in planned.why[0]


def test_an_8_gb_card_keeps_the_embedding_in_ram_and_recomputes(llama):
    planned = plan(llama, run(), [2048], DEVICES["8 GB"])
    assert planned.offload_embedding and planned.checkpointing == "unsloth"
    assert planned.micro_batch == 2 and planned.accumulation == 4
    assert any("embedding waits in RAM" in line for line in planned.why)


def test_an_8b_model_does_not_fit_a_computer_without_a_card(llama):
    with pytest.raises(DeviceError, match=r"needs about \d+\.\d GB .* free on CPU, 2 threads"):
        plan(llama, run(), [256], CPU)


def test_a_tied_embedding_stays_on_the_card(llamas):
    planned = plan(llamas["3B"], run(precision="4bit"), [2048], card("RTX", 3.2, (8, 6)))
    assert not planned.offload_embedding and planned.optimizer == "paged_adamw_8bit"


@pytest.mark.parametrize(("name", "precision"), [("8 GB", "8bit"), ("12 GB", "16bit")])
def test_a_smaller_model_is_trained_in_more_bits(llamas, name, precision):
    assert plan(llamas["3B"], run(), [256], DEVICES[name]).precision == precision


@pytest.mark.parametrize("precision", ["4bit", "8bit", "16bit"])
def test_a_precision_that_is_asked_for_is_kept(llama, precision):
    assert plan(llama, run(precision=precision), [256], DEVICES["H100"]).precision == precision


def test_all_parameters_are_trained_only_where_they_fit(llamas):
    assert plan(llamas["3B"], run(method="full"), [256], DEVICES["V100"]).precision == "16bit"
    with pytest.raises(DeviceError, match="needs about"):
        plan(llamas["8B"], run(method="full"), [256], DEVICES["V100"])


# How a step is divided


def test_short_rows_go_through_at_once_and_long_ones_without_recomputing(llama):
    short = plan(llama, run(precision="4bit"), [64], DEVICES["A100"])
    assert (short.micro_batch, short.checkpointing) == (8, False)
    long = plan(llama, run(precision="4bit"), [2048] * 8, card("24 GB", 23, (8, 9)))
    assert (long.micro_batch, long.checkpointing) == (2, False)


def test_gpus_share_a_step_evenly(llama):
    device = card("A100", 84, (8, 0), count=4)
    assert plan(llama, run(8), [256], device, gpus=4).gpus == 4
    assert plan(llama, run(6), [256], device, gpus=4).gpus == 3
    assert plan(llama, run(8), [256], device, gpus=1).gpus == 1
    assert plan(llama, run(8), [256], card("A100", 84, (8, 0)), gpus=4).gpus == 1


def test_a_step_counted_in_tokens_is_packed(llama):
    planned = plan(llama, run(tokens=65536), [500] * 40, DEVICES["8 GB"])
    assert planned.packing and planned.effective_tokens == 65536
    assert planned.micro_batch == 1 and planned.effective_batch is None
    whole = plan(llama, run(tokens=65536), [500] * 40, DEVICES["H100"])
    assert whole.accumulation < planned.accumulation


def test_without_a_gpu_rows_of_a_step_counted_in_tokens_are_not_packed(tiny):
    planned = plan(architecture(tiny), run(tokens=4096), [50] * 40, CPU)
    assert not planned.packing and planned.micro_batch == 1


def test_more_memory_never_gives_a_smaller_micro_batch_of_the_same_kind(llama):
    given_out = []
    for free in range(10, 80, 4):
        planned = plan(llama, run(64, "4bit"), [1024], card("card", free, (9, 0)))
        if planned.checkpointing:
            given_out.append(planned.micro_batch)
    assert given_out == sorted(given_out) and given_out[0] < given_out[-1]


def test_few_long_rows_are_cut_rather_than_the_run_refused(llama):
    lengths = [200] * 99 + [2000]
    small = card("7 GB", 5.9, (8, 6))
    planned = plan(llama, run(), lengths, small)
    assert planned.cut_rows == 1 and 256 <= planned.max_length < 2000
    assert planned.max_length == planned.longest_row
    assert any("rows cut at" in line and "(1 of 100)" in line for line in planned.why)
    with pytest.raises(DeviceError):
        plan(llama, run(), [200] * 50 + [2000] * 50, small)


# CUDA graphs


def ways(*given, **more):
    """How each candidate reaches its step: micro-batch, checkpointing, graphs."""
    return [(c.micro_batch, c.checkpointing, c.graphs) for c in candidates(*given, **more)]


SHORT = [100] * 50


@pytest.mark.parametrize("precision", ["16bit", "4bit"])
def test_short_rows_are_replayed(llama, precision):
    planned = plan(llama, run(precision=precision), SHORT, DEVICES["H100"])
    assert planned.graphs and (planned.micro_batch, planned.checkpointing) == (8, False)
    assert any("CUDA graphs" in line for line in planned.why)
    packed = plan(llama, run(precision=precision, tokens=2048), SHORT, DEVICES["H100"])
    assert packed.graphs and packed.packing and packed.accumulation == 1


H100S = card("NVIDIA H100 80 GB", 84, (9, 0), count=2)


def asked(**changes):
    return run_settings(precision="16bit", **changes)


EAGER = {
    "dropout": (run(dropout=0.1), DEVICES["H100"], 1),
    "8 bits": (run(precision="8bit"), DEVICES["H100"], 1),
    "all parameters": (run(method="full"), DEVICES["H100"], 1),
    "several GPUs": (run(), H100S, 2),
    "float16": (run(), DEVICES["V100"], 1),
    "not wanted": (run(graphs=False), DEVICES["H100"], 1),
    "NEFTune": (asked(training={"neftune_noise_alpha": 5}), DEVICES["H100"], 1),
    "label smoothing": (asked(training={"label_smoothing": 0.1}), DEVICES["H100"], 1),
    "biases": (asked(lora={"bias": "all"}), DEVICES["H100"], 1),
    "whole layers": (asked(lora={"modules_to_save": ["lm_head"]}), DEVICES["H100"], 1),
    "a paged optimizer": (asked(training={"optimizer": "paged_lion_8bit"}), DEVICES["H100"], 1),
    "CPU": (run(), Device("cpu", "CPU", int(400 * GB), int(400 * GB), bfloat16=True), 1),
    "no memory for graphs": (run(precision="4bit"), card("RTX 4060", 7.0, (8, 9)), 1),
}


@pytest.mark.parametrize(("settings", "device", "gpus"), EAGER.values(), ids=EAGER)
def test_what_cannot_be_captured_is_eager(llamas, settings, device, gpus):
    found = candidates(llamas["3B" if settings.method == "full" else "8B"], settings, SHORT, device, gpus)
    assert found[0].gpus == gpus and not any(c.graphs for c in found)
    assert not any(line.startswith("CUDA graphs:") for c in found for line in c.why)


def test_one_of_several_gpus_replays(llama):
    assert plan(llama, run(), SHORT, H100S, gpus=1).graphs


def test_what_only_fits_with_checkpointing_is_eager(llama):
    found = ways(llama, run(precision="4bit"), [1500] * 50, card("24 GB", 23, (8, 9)))
    assert (8, "unsloth", False) in found and not any(way[1] and way[2] for way in found)


def test_an_embedding_in_ram_is_eager(llama):
    """Its lookups wait for the card; a small model's large one can leave room for graphs."""
    size = llama._replace(layers=16, intermediate=8192, vocabulary=256_000)
    found = candidates(size, run(precision="4bit"), [60] * 50, card("6 GB", 5.4, (8, 6)))
    assert found[0].offload_embedding and not any(c.graphs for c in found)


def test_paged_moments_are_eager(llamas):
    """A large adapter that only fits with them needs the room, even where graphs would still fit."""
    found = candidates(llamas["3B"], run(precision="4bit", r=1024), [60] * 50, card("28 GB", 27, (8, 6)))
    assert found[0].optimizer == "paged_adamw_8bit" and not any(c.graphs for c in found)


def test_graphs_need_memory_beside_the_activations(llama):
    """A card that holds a whole step, but not its graph, replays smaller micro-batches."""
    found = ways(llama, run(precision="4bit"), [200] * 50, card("24 GB", 23, (8, 9)))
    assert found == [(4, False, True), (2, False, True), (1, False, True), (8, False, False)]


def test_what_keeps_a_card_busy_anyway_is_eager_first(llama):
    """Beyond 4,096 tokens in a micro-batch replaying saves nothing and takes memory."""
    for tokens, first in ((500, True), (520, False)):
        planned = plan(llama, run(), [tokens] * 50, DEVICES["H100"])
        assert planned.graphs == first and planned.micro_batch == 8
    assert ways(llama, run(), [520] * 50, DEVICES["H100"])[:2] == [(8, False, False), (8, False, True)]


def test_replayed_steps_wait_for_no_launches(llama):
    planned = replace(plan(llama, run(), SHORT, DEVICES["H100"]), steps=10_000)
    replayed, eager = (
        predicted_seconds(llama, 16, replace(planned, graphs=graphs), 1e6) for graphs in (True, False)
    )
    assert replayed < 0.6 * eager


# Numbers


def test_numbers_are_in_the_type_the_card_is_quick_in():
    types = {name: number_format(device) for name, device in DEVICES.items()}
    assert {name for name, dtype in types.items() if dtype == "float16"} == {"T4", "V100"}


@pytest.mark.parametrize(("instructions", "chosen"), [(False, "float32"), (True, "bfloat16")])
def test_a_cpu_computes_in_bfloat16_where_it_has_instructions_for_it(instructions, chosen):
    device = Device("cpu", "CPU", 1, 1, speeds={"float32": 1e11}, bfloat16=instructions)
    assert number_format(device) == chosen


def test_a_cpu_does_not_quantise_and_says_so(tiny):
    size = architecture(tiny)
    assert plan(size, run(), [50], CPU).precision == "32bit"
    assert "needs a GPU" in plan(size, run(precision="4bit"), [50], CPU).why[0]


def test_memory_grows_with_all_that_costs_it(llama):
    base = MicroBatch("4bit", 2048, True, "adamw_torch_fused")
    least = predicted_memory(llama, 16, base)
    assert predicted_memory(llama, 64, base) > least
    for more in ({"precision": "8bit"}, {"tokens": 4096}, {"checkpointing": False}, {"graphs": True}):
        assert predicted_memory(llama, 16, base._replace(**more)) > least
    for more in ({"saved": 10**6}, {"scores": 10**6}, {"optimizer": "ademamix"}):
        assert predicted_memory(llama, 16, base._replace(**more)) > least
    for less in ({"optimizer": "paged_adamw_8bit"}, {"offloaded": True}, {"optimizer": "sgd"}):
        assert predicted_memory(llama, 16, base._replace(**less)) < least


@pytest.mark.parametrize("optimizer", ["adamw_8bit", "adafactor", "paged_lion_32bit"])
def test_a_named_optimizer_is_the_plans_and_said(llama, optimizer):
    planned = plan(llama, run_settings(training={"optimizer": optimizer}), [100] * 50, DEVICES["H100"])
    assert planned.optimizer == optimizer
    assert f"{optimizer}: as the run asks" in planned.why


def test_every_optimizer_of_the_configuration_has_its_memory(llama):
    for optimizer in get_args(Optimizer):
        if optimizer != "auto":
            assert predicted_memory(llama, 16, MicroBatch("16bit", 64, False, optimizer)) > 0


def test_a_setting_that_rules_graphs_out_is_said(llama):
    settings = run_settings(training={"neftune_noise_alpha": 5}, precision="16bit")
    why = plan(llama, settings, [100] * 50, DEVICES["H100"]).why
    assert any("neftune_noise_alpha cannot be captured" in line for line in why)


def test_what_does_not_fit_is_one_line_with_both_figures(llama):
    small = card("GTX 1650", 3.2, (7, 5))
    with pytest.raises(
        DeviceError,
        match=r"needs about \d\.\d GB .* of the 3\.2 GB free on GTX 1650 3\.1 GB can be used; .*smaller",
    ) as caught:
        plan(llama, run(), [512], small)
    assert "\n" not in str(caught.value)


def test_time_grows_with_the_rows_and_falls_with_the_cards(llama):
    planned = replace(plan(llama, run(), [1500], card("A100", 84, (8, 0), 2), gpus=2), steps=1000)
    few, many = (predicted_seconds(llama, 16, planned, tokens) for tokens in (1e7, 1e8))
    assert 0 < few < many
    assert predicted_seconds(llama, 16, replace(planned, gpus=1), 1e8) > many
