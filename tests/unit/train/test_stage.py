"""Training: what a row teaches, what decides a run's identity, and one real training on the CPU."""

import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml
from msgspec import to_builtins
from msgspec.structs import replace
from plans import a_plan, run_settings
from trainings import FACTS, command, losses, project, trained

from qaloom.config.load import complete
from qaloom.config.load import load_config as load_config
from qaloom.config.settings import TrainingSettings, typed
from qaloom.errors import DataError
from qaloom.files import (
    canonical,
    digest,
    file_digest,
    read_document,
    read_json,
    read_lines,
    vouch_for,
    write_json,
    write_lines,
)
from qaloom.inference.prompt import prompt_ids
from qaloom.train.identity import Manifest, identity_of
from qaloom.train.planning.launcher import Outcome
from qaloom.train.planning.task import (
    Failed,
    NotCaptured,
    OutOfMemory,
    TrainingTask,
    write_struct,
)
from qaloom.train.process import last_checkpoint
from qaloom.train.stage import _next_plan, _with_steps, train
from qaloom.train.tokenized import steps_of_rows, tokenise


@pytest.fixture
def inputs(tmp_path, tiny):
    rows, start = tmp_path / "train.jsonl", tmp_path / "start"
    write_lines(rows, FACTS)
    start.mkdir()
    (start / "adapter_model.safetensors").write_bytes(b"adapter")
    base = tmp_path / "base"
    base.mkdir()
    write_json(base / "manifest.json", {"origin": "path:base", "sha256": "00"})
    settings = complete({"data": {"sources": ["x"]}, "runs": {"r": {}}})["runs"]["r"]
    return {"rows": rows, "base": base, "settings": settings, "start": None}


def key(inputs):
    return digest(to_builtins(identity_of(**inputs)))


def test_what_is_hashed_is_the_plain_dict(inputs):
    """A Struct of the settings would turn `dropout: 0` into 0.0, and every run would train anew."""
    inputs["settings"]["lora"]["dropout"] = 0
    hashed = canonical(to_builtins(identity_of(**inputs)))
    assert '"dropout":0,' in hashed and '"graphs"' not in hashed


def test_equal_inputs_are_one_identity_wherever_they_lie(inputs, tmp_path):
    before = key(inputs)
    inputs["rows"] = inputs["rows"].rename(tmp_path / "elsewhere.jsonl")
    inputs["settings"] = dict(reversed(inputs["settings"].items()))
    assert key(inputs) == before


@pytest.mark.parametrize("what", ["rows", "base", "settings", "start", "start adapter"])
def test_each_input_decides(inputs, tmp_path, what):
    if what == "start adapter":
        inputs["start"] = tmp_path / "start"
    before = key(inputs)
    if what == "rows":
        write_lines(inputs["rows"], FACTS[:-1])
    elif what == "base":
        write_json(inputs["base"] / "manifest.json", {"origin": "path:base", "sha256": "01"})
    elif what == "settings":
        inputs["settings"]["lora"]["r"] = 8
    elif what == "start":
        inputs["start"] = tmp_path / "start"
    else:
        (tmp_path / "start" / "adapter_model.safetensors").write_bytes(b"other")
    assert key(inputs) != before


def test_how_a_machine_gets_there_decides_nothing(inputs):
    before = key(inputs)
    inputs["settings"]["training"] |= {"graphs": False, "measure": False, "report_to": ["wandb"]}
    assert key(inputs) == before


@pytest.mark.parametrize(
    ("packing", "tokens", "most", "accumulation"),
    [(True, 64, 3, 1), (False, 64, None, 2), (False, None, None, 1)],
)
def test_a_plan_knows_its_steps(packing, tokens, most, accumulation):
    """Of a step counted in tokens the fullest one decides: in how many packs, or rows on how many GPUs."""
    planned = a_plan(packing=packing, effective_tokens=tokens, gpus=2)
    found = _with_steps(planned, [[0, 1], [2, 3, 4]], "chat")
    assert (found.steps, found.most_packs, found.accumulation) == (2, most, accumulation)


def test_the_fallback_divides_packs_down_to_a_row():
    """The plan that ran out of memory tells how many packs its fullest step can be divided into."""
    planned = a_plan(checkpointing="unsloth", precision="4bit", packing=True, effective_tokens=64)
    planned = _with_steps(planned, [[0, 1], [2, 3, 4]], "chat")
    task = TrainingTask("demo", "base", None, run_settings(), None)
    following = _next_plan(task, planned, Outcome("out_of_memory", 3, "no memory"))
    assert following.accumulation == 2 and following.fallbacks[0].then == "packs half as long"
    assert _next_plan(task, following, Outcome("out_of_memory", 3)) is None


def test_each_cause_that_ends_an_attempt_has_its_event():
    import torch

    from qaloom.train.cuda_graphs import GraphError
    from qaloom.train.process import _failure_event

    assert _failure_event(GraphError("no graph")) == NotCaptured("no graph")
    for error in (torch.OutOfMemoryError, RuntimeError):  # torch's own, and a library's
        event = _failure_event(error("CUDA out of memory. GPU 0 has 1 GiB"))
        assert event == OutOfMemory(f"{error.__name__}: CUDA out of memory", event.peak_memory_bytes)
        assert event.peak_memory_bytes > 0
    assert _failure_event(KeyError("x")) == Failed("KeyError: 'x'", "unexpected")


def test_no_row_to_train_on_is_an_error(inputs, tmp_path, tiny):
    inputs["rows"].write_text("")
    shutil.copy(tiny / "config.json", inputs["base"])
    with pytest.raises(DataError, match="the split left no row to train on"):
        train(
            "demo", inputs["rows"], inputs["base"], tmp_path / "out", inputs["settings"], tmp_path / "cache"
        )
    assert not (tmp_path / "out").exists()


# A real training, in a process of its own: Unsloth changes the libraries it trains with


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny):
    """A project whose run was trained: its folder, settings and what training said."""
    folder = tmp_path_factory.mktemp("training")
    settings = project(folder, tiny)
    return folder, settings, trained(folder)


def test_a_training_leaves_a_whole_run(finished):
    folder, _, said = finished
    out = folder / "out"
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "plan.json", "metrics.json",
            "history.jsonl", "manifest.json"} <= {p.name for p in out.iterdir()}  # fmt: skip
    assert not (out / "README.md").exists() and not (out / "checkpoints").exists()
    history = read_lines(out / "history.jsonl")
    assert [entry["step"] for entry in history] == [1, 2, 3, 4]
    assert all(math.isfinite(entry["loss"]) for entry in history)
    assert read_json(out / "metrics.json")["steps"] == 4
    assert read_json(out / "plan.json")["micro_batch"] == 4
    manifest = read_json(out / "manifest.json")
    assert manifest["adapter"] == file_digest(out / "adapter_model.safetensors")
    assert manifest["rows"] == file_digest(folder / "train.jsonl")
    assert manifest["prompt"] == "chat" and "torch" in manifest["versions"]
    assert manifest["automatic"] == ["lora.r"] and manifest["settings"]["lora"]["r"] == 128
    assert read_json(out / "plan.json")["why"][0].startswith("auto: lora.r 128 (")
    assert "train: demo on CPU" in said and "8 rows, 4 steps of 4 rows" in said


def test_its_manifest_is_written_last(finished):
    [kept] = (finished[0] / "cache" / "train").glob("*/finished")
    newest = max(kept.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert newest.name == "manifest.json"
    assert not (kept.parent / "checkpoints").exists()


def loss_of_the_base_model(tiny, settings):
    """Over the first step's rows, a row at a time."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(tiny), AutoModelForCausalLM.from_pretrained(tiny)
    _, examples = tokenise(FACTS, tokenizer, "chat")
    lengths = [len(e.prompt) + len(e.completion) for e in examples]
    first = steps_of_rows(lengths, typed(settings["training"], TrainingSettings))[0]
    assert len(first) > 1
    total = tokens = 0
    for e in (examples[n] for n in first):
        with torch.inference_mode():
            surprise = -model(torch.tensor([e.prompt + e.completion])).logits[0, :-1].log_softmax(-1)
        total += sum(float(surprise[len(e.prompt) - 1 + i, token]) for i, token in enumerate(e.completion))
        tokens += len(e.completion)
    return total / tokens


def test_the_loss_is_of_the_answers_alone(finished, tiny):
    """Before its first step the adapter changes nothing: the loss is the base model's, on the labels."""
    folder, settings, _ = finished
    expected = loss_of_the_base_model(tiny, settings)
    assert losses(folder)[0] == pytest.approx(expected, rel=5e-3)  # bfloat16 where a CPU is quick in it


def test_the_same_run_is_not_trained_again(finished, capsys, tmp_path):
    folder, settings, _ = finished
    started = time.monotonic()
    manifest = train(
        "demo",
        folder / "train.jsonl",
        folder / "tiny",
        tmp_path / "again",
        settings,
        folder / "cache/train",
        threads=2,
    )
    assert time.monotonic() - started < 10  # a training takes longer
    assert "demo was trained before on the same rows and settings" in capsys.readouterr().err
    assert manifest == read_document(folder / "out" / "manifest.json", Manifest)
    assert {p.name for p in (tmp_path / "again").iterdir()} == {p.name for p in (folder / "out").iterdir()}


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("adapter_model.safetensors", flipped),
        ("adapter_model.safetensors", lambda path: os.truncate(path, path.stat().st_size // 2)),
        ("tokenizer.json", flipped),
        ("adapter_config.json", lambda path: path.unlink()),
        ("manifest.json", lambda path: os.truncate(path, 40)),
    ],
)
def test_a_damaged_adapter_in_the_cache_is_trained_anew(
    finished, tmp_path, monkeypatch, capsys, name, damage
):
    folder, settings, _ = finished
    cache = tmp_path / "cache"
    shutil.copytree(folder / "cache/train", cache)
    [kept] = cache.glob("*/finished")
    damage(kept / name)
    monkeypatch.setattr("qaloom.train.stage._train", lambda *_: pytest.fail("trains", pytrace=False))
    with pytest.raises(pytest.fail.Exception, match="trains"):
        train("demo", folder / "train.jsonl", folder / "tiny", tmp_path / "out", settings, cache, threads=2)
    assert not kept.exists() and not (tmp_path / "out").exists()
    assert f"{kept / name} is damaged, as its digest shows; training it anew" in capsys.readouterr().err


def test_a_checkpoint_counts_once_its_digests_are_there_and_while_they_hold(tmp_path):
    checkpoints = [tmp_path / f"checkpoints/checkpoint-{step}" for step in (8, 9, 10)]
    for checkpoint in checkpoints:
        checkpoint.mkdir(parents=True)
        (checkpoint / "trainer_state.json").write_text("{}")
    assert last_checkpoint(tmp_path) is None
    for checkpoint in checkpoints:
        vouch_for(checkpoint)
    assert last_checkpoint(tmp_path) == checkpoints[2]
    (checkpoints[2] / "trainer_state.json").write_text("")
    assert last_checkpoint(tmp_path) == checkpoints[1]


def test_changed_rows_are_refused(tmp_path, inputs):
    split = tmp_path / "split"
    write_lines(split / "train.jsonl", FACTS)
    write_json(split / "manifest.json", {"train": {"sha256": file_digest(split / "train.jsonl")}})
    write_lines(split / "train.jsonl", FACTS[:-1])
    with pytest.raises(DataError, match=r"train.jsonl is not as its stage wrote it"):
        train(
            "demo",
            split / "train.jsonl",
            inputs["base"],
            tmp_path / "out",
            inputs["settings"],
            tmp_path / "c",
        )


def test_the_adapter_answers_in_evaluation(finished, tiny):
    import torch

    from qaloom.inference.model import load_model

    loaded = load_model(tiny, finished[0] / "out")
    prompt = torch.tensor([prompt_ids(loaded.tokenizer, "chat", "질문 1?")])
    with torch.inference_mode():
        tuned = loaded.model(prompt).logits
        with loaded.model.disable_adapter():
            assert not torch.allclose(tuned, loaded.model(prompt).logits)


@pytest.mark.slow
def test_a_killed_training_goes_on_and_ends_as_if_it_had_not_been(tmp_path, tiny):
    from safetensors.torch import load_file

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
        project(folder, tiny, epochs=75, learning_rate=0.001)
    trained(whole)
    process = command(killed)
    while not list(killed.glob("cache/train/*/checkpoints/checkpoint-*/.sha256.json")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "out").exists()
    assert "demo goes on from checkpoint-" in trained(killed)
    metrics = read_json(killed / "out" / "metrics.json")
    assert metrics["resumed_from"].startswith("checkpoint-")
    steps = [[entry["step"] for entry in read_lines(f / "out/history.jsonl")] for f in (whole, killed)]
    assert steps[0] == steps[1] == list(range(1, 151))
    one, other = (load_file(f / "out/adapter_model.safetensors") for f in (whole, killed))
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-4


# Kinds of training, each a real one


def attempt(folder, patch=""):
    """Train the project's run from Python, with `patch` run first; return what was said."""
    script = (
        "from pathlib import Path; import qaloom.train.stage as t\n"
        "from qaloom.config.load import load_config; from qaloom.console import job\n"
        f"{patch}\n"
        "with job():\n"
        "    t.train('demo', Path('train.jsonl'), Path('tiny').resolve(), Path('out'),"
        " load_config(Path('config.yaml'))['runs']['demo'], Path('cache/train'))"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [None, 400])
def test_two_processes_train_as_one(tmp_path, tiny, tokens):
    """torchrun with gloo on two CPU processes, and packs or rows: the same steps, the same losses.

    The first loss is the base model's over the step's rows, each on its own: rows of a pack see no other.
    """
    found, kept = [], []
    for gpus in (1, 2):
        folder = tmp_path / str(gpus)
        folder.mkdir()
        keep = {"strength": 1, "share": 0.5}
        settings = project(folder, tiny, effective_tokens=tokens, epochs=3, keep=keep)
        micro, more = (1, 2 // gpus) if tokens else (2, 2 // gpus)
        change = {"gpus": gpus, "micro_batch": micro, "accumulation": more, "dtype": "float32"}
        code, said = attempt(
            folder, f"plans = t.candidates; t.candidates = lambda *a: [t.replace(plans(*a)[0], **{change})]"
        )
        assert code == 0, said
        assert read_json(folder / "out/plan.json")["gpus"] == gpus
        found.append(losses(folder))
        kept.append([entry["keep_loss"] for entry in read_lines(folder / "out/history.jsonl")])
    assert len(found[0]) > 1 and found[0] == pytest.approx(found[1], rel=5e-5)
    assert kept[0] == pytest.approx(kept[1], rel=1e-4, abs=1e-5) and max(kept[0]) > 0.01
    assert found[0][0] == pytest.approx(loss_of_the_base_model(tiny, settings), rel=5e-3)


@pytest.mark.slow
def test_validation_ends_a_run_and_keeps_its_best(tmp_path, tiny):
    facts = [
        {"id": f"{n:016x}", "instruction": f"질문 {n}?", "input": "", "output": f"답 {n % 4}"}
        for n in range(24)
    ]
    project(
        tmp_path, tiny, validation_fraction=0.4, patience=1, epochs=30, learning_rate=1e-12
    )  # learns nothing
    write_lines(tmp_path / "train.jsonl", facts)
    code, said = attempt(tmp_path)
    assert code == 0, said
    metrics, history = read_json(tmp_path / "out/metrics.json"), read_lines(tmp_path / "out/history.jsonl")
    measured = {entry["step"]: entry["eval_loss"] for entry in history if "eval_loss" in entry}
    assert metrics["best_step"] == min(measured, key=measured.get)
    assert metrics["best_validation_loss"] == min(measured.values())
    assert len(measured) == 2 and metrics["steps"] < read_json(tmp_path / "out/plan.json")["steps"]


@pytest.mark.slow
def test_a_loss_that_is_not_a_number_names_its_rows(tmp_path, tiny):
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    project(tmp_path, tiny)
    broken = tmp_path / "broken"
    shutil.copytree(tiny, broken)
    weights = load_file(broken / "model.safetensors")
    [token] = AutoTokenizer.from_pretrained(tiny)("7", add_special_tokens=False)["input_ids"]
    weights["model.embed_tokens.weight"][token] = torch.nan  # of the row about 7 alone
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    (tmp_path / "tiny").unlink()
    (tmp_path / "tiny").symlink_to(broken)
    code, said = attempt(tmp_path)
    assert code == 1 and "Traceback" not in said.rpartition("qaloom: ")[2]
    assert "the loss is nan at step" in said and f"{7:016x}" in said and "learning_rate" in said


@pytest.mark.slow
def test_all_parameters_are_trained_and_the_model_answers(tmp_path, tiny):
    import torch

    from qaloom.inference.model import load_model

    settings = project(tmp_path, tiny)
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    config["runs"]["demo"] |= {"method": "full"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    assert settings["method"] == "lora"
    code, said = attempt(tmp_path)
    assert code == 0, said
    out = tmp_path / "out"
    assert (out / "model.safetensors").is_file() and not (out / "adapter_config.json").exists()
    assert read_json(out / "manifest.json")["adapter"] == file_digest(out / "model.safetensors")
    prompt = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        assert not torch.allclose(
            load_model(tiny, out).model(prompt).logits, load_model(tiny).model(prompt).logits
        )


WITHOUT_ITS_ATTENTION = """
import sys
import qaloom.train.planning.launcher as launcher
plans = t.candidates
t.candidates = lambda *a: [t.replace(plans(*a)[0], graphs=True)]
launcher.command = lambda folder, gpus: [sys.executable, "-c", '''
import sys
from pathlib import Path
from qaloom import compat_unsloth
from qaloom.train import cuda_graphs, process
compat_unsloth.ATTENTION = compat_unsloth.ATTENTION[0], "_renamed"
capture = cuda_graphs.capture
cuda_graphs.capture = lambda model, packs, tail: capture(model, [[8]], tail)
process.run_training(Path(sys.argv[1]))
''', str(folder)]
"""


@pytest.mark.slow
def test_a_private_name_that_unsloth_renamed_is_one_line_and_training_goes_on(tmp_path, tiny):
    project(tmp_path, tiny)
    code, said = attempt(tmp_path, WITHOUT_ITS_ATTENTION)
    assert code == 0, said
    # Where Unsloth runs on a CPU the whole module cannot be imported.
    line = r"train: demo cannot be captured as CUDA graphs \(.*attention_dispatch.*\) at step 1; retrying with no CUDA"
    assert len(re.findall(line, said)) == 1, said
    plan = read_json(tmp_path / "out/plan.json")
    assert not plan["graphs"] and [one["then"] for one in plan["fallbacks"]] == ["no CUDA graphs"]
    assert len(losses(tmp_path)) == plan["steps"]


# Autotune of the plan's candidates


@pytest.mark.slow
def test_autotune_measures_every_candidate_and_teaches_nothing(finished, tmp_path, tiny):
    """All three divisions of 4 rows and one with checkpointing are timed; the adapter is the plan's."""
    project(tmp_path, tiny)
    with_autotune = (
        "import qaloom.train.planning.autotune as autotune\n"
        "plans, chosen, autotune._WORTH = t.candidates, autotune._chosen, 0\n"
        "t.candidates = lambda *a: [*plans(*a), t.replace(plans(*a)[0], checkpointing='unsloth')]\n"
        "autotune._chosen = lambda name, plans, events: "
        "t.replace(plans[0], candidates=chosen(name, plans, events).candidates)"
    )
    code, said = attempt(tmp_path, with_autotune)
    assert code == 0, said
    assert "timing a few steps of 4 plans" in said
    found = read_json(tmp_path / "out/plan.json")["candidates"]
    assert [c["micro_batch"] for c in found] == [4, 2, 1, 4]
    assert all(c["step_seconds"] > 0 and c["failed"] is None for c in found)
    assert all(c["peak_memory_bytes"] is None for c in found)  # of a CPU's process it is that of all before
    assert losses(tmp_path) == losses(finished[0])
    one, other = (file_digest(folder / "out/adapter_model.safetensors") for folder in (finished[0], tmp_path))
    assert one == other


@pytest.mark.slow
def test_an_autotune_that_dies_costs_nothing_but_time(tmp_path, tiny):
    project(tmp_path, tiny)
    dying = "import qaloom.train.planning.autotune as autotune; autotune._WORTH = 0\n"
    dying += "autotune.write_struct = lambda path, job: path.write_text('nothing to read')"
    code, said = attempt(tmp_path, dying)
    assert code == 0 and "no plan could be timed" in said, said
    assert read_json(tmp_path / "out/plan.json")["micro_batch"] == 4


def test_nothing_of_an_earlier_training_stays_beside_a_new_one(tmp_path):
    """The weights of a whole model would be taken for what was trained."""
    from qaloom.train.stage import _publish

    finished, out = tmp_path / "finished", tmp_path / "out"
    for folder, file in ((finished, "adapter_model.safetensors"), (out, "config.json")):
        folder.mkdir()
        (folder / file).write_text("{}")
    manifest = Manifest(
        rows="", base="", settings={}, start=None, code="", prompt="chat", adapter="", versions={}, files={}
    )
    write_struct(finished / "manifest.json", manifest)
    assert _publish(finished, out, ["lora.r"]) == replace(manifest, automatic=["lora.r"])
    assert {path.name for path in out.iterdir()} == {"adapter_model.safetensors", "manifest.json"}
