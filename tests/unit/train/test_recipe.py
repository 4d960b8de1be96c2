"""Settings that are `auto` become numbers by the model's size and the steps of an epoch; written ones stay."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainings import FACTS

from qaloom.config.load import complete
from qaloom.config.settings import RunSettings, typed
from qaloom.files import write_lines
from qaloom.inference.architecture import Architecture, Projection
from qaloom.records import FactCounts, Part, SplitManifest
from qaloom.train.planning.task import write_struct
from qaloom.train.recipe import Epoch, resolve, with_recipe
from qaloom.trained_run import RunManifest


def run_of(**changes):
    return complete({"data": {"sources": ["x"]}, "runs": {"r": changes}})["runs"]["r"]


def of_size(parameters):
    layer = Projection("up_proj", 1000, parameters // 1000, 1)
    return Architecture(1, 64, 64, 64, 1000, True, (layer,), 0, 0, 0)


def numbers(settings):
    return settings["lora"]["r"], settings["training"]["learning_rate"], settings["training"]["epochs"]


@pytest.fixture
def rows(tmp_path):
    write_lines(tmp_path / "train.jsonl", FACTS)
    return tmp_path / "train.jsonl"


def test_a_larger_model_has_a_lower_rank_and_rate():
    found = [
        numbers(with_recipe(run_of(), of_size(n), Epoch(1000), on_gpu=False))
        for n in (135_000_000, 1_500_000_000, 8 * 10**9)
    ]
    assert found[2] == (16, 0.0002, 3)  # the guide's
    assert all(large[:2] < small[:2] for small, large in itertools.pairwise(found))
    assert (
        numbers(with_recipe(run_of(method="full"), of_size(8 * 10**9), Epoch(1000), on_gpu=False))[1]
        < found[2][1]
    )


@given(st.integers(1, 10**6), st.integers(1, 256), st.floats(1, 100), st.booleans())
def test_few_rows_are_passed_more_often_and_many_of_a_fact_less(rows, batch, rows_of_a_fact, on_gpu):
    epoch = Epoch(rows / batch, rows_of_a_fact)
    epochs = numbers(with_recipe(run_of(), of_size(10**8), epoch, on_gpu))[2]
    assert 0 < epochs <= 100
    most, times, steps = (8, 48, 200) if on_gpu else (4, 24, 100)
    wanted = min(most, times / rows_of_a_fact)
    if wanted * epoch.steps >= steps:
        assert wanted - 1e-6 <= epochs <= wanted + 0.01
    else:
        assert epochs == 100 or -1e-3 <= epochs * epoch.steps - steps <= 0.011 * epoch.steps


def test_a_small_models_adapter_has_a_lower_rank_on_a_gpu_and_twice_the_steps():
    small, large = of_size(10**8), of_size(8 * 10**9)
    on_gpu, on_cpu = (numbers(with_recipe(run_of(), small, Epoch(10), gpu)) for gpu in (True, False))
    assert (on_gpu[0], on_gpu[2]) == (on_cpu[0] / 4, on_cpu[2] * 2)
    for same in (run_of(method="full"), small), (run_of(), large):
        assert with_recipe(*same, Epoch(10), True) == with_recipe(*same, Epoch(10), False)


def test_the_rows_of_a_fact_are_those_of_the_split(tiny, rows):
    of_split = Part(2, {}, 0, "")
    facts = FactCounts(train=1, recall=0, unseen=0)
    write_struct(
        rows.with_name("manifest.json"),
        SplitManifest(train=of_split, recall=of_split, unseen=of_split, facts=facts),
    )
    assert f"rows a fact: {len(FACTS)}.0" in resolve(run_of(), tiny, rows, False).why


def test_written_numbers_stay_and_are_the_settings_themselves(tiny, rows):
    settings = run_of(lora={"r": 7}, training={"epochs": 0.5, "learning_rate": 0.3})
    found = resolve(settings, tiny, rows, False)
    assert found.settings is settings and (found.automatic, found.why) == ([], "")
    half = with_recipe(run_of(training={"epochs": 5}), of_size(8 * 10**9), Epoch(1), on_gpu=True)
    assert numbers(half) == (16, 0.0002, 5)


def test_a_run_is_resolved_and_says_why(tiny, rows):
    given = run_of()
    found = resolve(given, tiny, rows, False)
    assert given["lora"]["r"] == "auto"  # the configuration stays
    assert typed(found.settings, RunSettings).lora.r == found.settings["lora"]["r"]
    assert found.automatic == ["lora.r", "training.learning_rate", "training.epochs"]
    r, rate, epochs = numbers(found.settings)
    assert found.why == (
        f"auto: lora.r {r}, training.learning_rate {rate}, training.epochs {epochs:g} "
        "(0 million parameters; steps an epoch: 1, rows a fact: 1.0)"
    )
    assert resolve(run_of(method="full"), tiny, rows, False).automatic == found.automatic[1:]
    full = resolve(run_of(method="full", training={"epochs": 1, "learning_rate": 0.1}), tiny, rows, False)
    assert typed(full.settings, RunSettings) and (full.automatic, full.why) == ([], "")
    small = resolve(
        run_of(lora={"r": 1}, training={"epochs": 1, "learning_rate": 0.00002}), tiny, rows, False
    )
    assert small.why == ""


def test_a_final_model_takes_the_numbers_of_its_twin(tiny, rows, tmp_path):
    twin = run_of(lora={"r": 3}, training={"epochs": 2.5, "learning_rate": 0.00001})
    write_struct(tmp_path / "manifest.json", RunManifest("chat", "", "", twin))
    found = resolve(run_of(lora={"r": 5}), tiny, rows, False, twin=tmp_path)
    assert numbers(found.settings) == (5, 0.00001, 2.5)
    assert found.why == ("auto: training.learning_rate 0.00001, training.epochs 2.5, as in the evaluated run")
    written = {"epochs": 1, "learning_rate": 0.1}
    full = resolve(run_of(method="full", training=written), tiny, rows, False, twin=tmp_path)
    assert typed(full.settings, RunSettings) and (full.automatic, full.why) == ([], "")


def test_steps_that_count_tokens_are_counted_in_tokens(tiny, rows):
    """More tokens a step, fewer steps an epoch, more epochs; whatever the rows a step."""
    from qaloom.inference.prompt import load_tokenizer
    from qaloom.train.tokenized import length, tokenise

    tokens = sum(map(length, tokenise(FACTS, load_tokenizer(tiny), "chat")[1]))
    training = {"effective_tokens": 64, "effective_batch": 1000}
    found = resolve(run_of(training=training), tiny, rows, False).settings["training"]["epochs"]
    assert found == math.ceil(100 * 100 / (tokens / 64)) / 100
