"""Attempts and fallbacks: the waiting process and a training process, here a stand-in for it."""

import subprocess
import sys
import time

import msgspec
import psutil
import pytest

from qaloom import errors
from qaloom.config.load import complete
from qaloom.files import read_json, write_lines
from qaloom.train.planning import launcher as launch
from qaloom.train.planning.device import Device
from qaloom.train.planning.task import StepDone, read_events
from qaloom.train.process import Metrics
from qaloom.train.stage import train

# Stands in for qaloom.train.process: reads the same job, emits the same events, trains nothing. FITS is the
# largest micro-batch that its memory holds; it gets to step 3, leaving a checkpoint of step 2.
STAND_IN = """
import json, os, pathlib, signal, sys
from qaloom.files import vouch_for
METRICS = @METRICS@
folder, fits, ending = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
plan = json.loads((folder / "job.json").read_text())["plan"]
events = (folder / "events.jsonl").open("a", buffering=1)
emit = lambda event, **more: events.write(json.dumps({"event": event} | more) + "\\n")
resumed = (folder / "checkpoints/checkpoint-2").is_dir()
emit("started", step=2 if resumed else 0)
for step in range(3 if resumed else 1, plan["steps"] + 1):
    if step == 3 and plan["micro_batch"] > fits:
        if ending == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        emit("out_of_memory", detail="OutOfMemoryError: CUDA out of memory. Tried to allocate 2 MiB")
        sys.exit(1)
    if step == 3 and ending == "capture" and plan["graphs"]:
        emit("not_captured", detail="the model returns its logits")
        sys.exit(1)
    if step == 3 and ending == "error":
        emit("failed", detail="the loss is nan at step 3; its rows are ab", error="TrainingError")
        sys.exit(1)
    if step == 3 and ending == "crash":
        sys.exit(7)
    emit("step", step=step)
    if step == 2:
        (folder / "checkpoints/checkpoint-2").mkdir(parents=True)
        (folder / "checkpoints/checkpoint-2/trainer_state.json").write_text("{}")
        vouch_for(folder / "checkpoints/checkpoint-2")
finished = folder / "finished"
finished.mkdir()
(finished / "adapter_model.safetensors").write_bytes(b"adapter")
(finished / "metrics.json").write_text(METRICS)
emit("finished")
"""
METRICS = Metrics(
    seconds=1.0, importing_seconds=2.0, loading_seconds=1.0, first_steps_seconds=0.5, saving_seconds=0.1, steps=4,
    median_step_seconds=0.1, rows_per_second=80.0, resumed_from=None, first_loss=2.0,
    last_loss=1.0, best_step=None, best_validation_loss=None, peak_memory_bytes=5, peak_allocated_bytes=4,
    loading_peak_bytes=3,
)  # fmt: skip
CARD = Device("cuda", "card", int(40e9), int(48e9), 1, (8, 6))
CPU = Device("cpu", "CPU", int(40e9), int(48e9), speeds={"float32": 1e11})


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN.replace("@METRICS@", repr(msgspec.json.encode(METRICS).decode())))

    def use(fits=99, ending=""):
        command = lambda folder, gpus: [sys.executable, str(script), str(folder), str(fits), ending]  # noqa: E731
        monkeypatch.setattr(launch, "command", command)

    return use


@pytest.fixture
def attempt(tmp_path, tiny):
    """Train the tiny model on 32 rows, 8 to a step, for a card that is not here."""
    rows = [
        {"id": f"{n:016x}", "instruction": f"질문 {n}?", "input": "", "output": f"답 {n}"} for n in range(32)
    ]
    write_lines(tmp_path / "train.jsonl", rows)
    runs = {"demo": {"max_length": 256, "training": {"epochs": 1, "effective_batch": 8}}}
    settings = complete({"data": {"sources": ["x"]}, "runs": runs})["runs"]["demo"]

    def run(device=CARD, precision="auto", graphs=True):
        how = {"precision": precision, "training": settings["training"] | {"graphs": graphs}}
        arguments = (tmp_path / "train.jsonl", tiny, tmp_path / "out", settings | how)
        train("demo", *arguments, tmp_path / "cache", device=device)
        return read_json(tmp_path / "out" / "plan.json")

    return run


def test_a_plan_that_fits_is_used_as_it_is(stand_in, attempt, tmp_path):
    stand_in()
    planned = attempt()
    assert (planned["micro_batch"], planned["accumulation"], planned["fallbacks"]) == (8, 1, [])
    assert planned["measured_memory_bytes"] == 5
    [cache] = [p for p in (tmp_path / "cache").iterdir()]
    assert {p.name for p in cache.iterdir()} == {"finished", "lock", "plan.json"}


def test_lack_of_memory_falls_back_and_keeps_the_effective_batch(stand_in, attempt, capsys):
    stand_in(fits=2)
    planned = attempt()
    assert (planned["micro_batch"], planned["accumulation"]) == (2, 4)
    assert [(one["step"], one["failed"]["micro_batch"], one["then"]) for one in planned["fallbacks"]] == [
        (3, 8, "no CUDA graphs"),
        (3, 8, "micro-batch 4"),
        (3, 4, "micro-batch 2"),
    ]
    assert "CUDA out of memory" in planned["fallbacks"][0]["why"]
    said = capsys.readouterr().err
    assert "demo ran out of memory at step 3; retrying with micro-batch 4" in said
    assert said.count("goes on from checkpoint-2") == 3  # a fresh process each time, from where it was


def test_a_model_that_cannot_be_captured_is_trained_without_graphs(stand_in, attempt, capsys):
    stand_in(ending="capture")
    planned = attempt()
    [one] = planned["fallbacks"]
    assert one["failed"]["graphs"] and not planned["graphs"]
    assert (one["step"], one["why"]) == (3, "the model returns its logits")
    assert (planned["micro_batch"], planned["accumulation"]) == (8, 1)
    said = capsys.readouterr().err
    assert "demo cannot be captured as CUDA graphs (the model returns its logits) at step 3; retrying" in said
    assert "memory;" not in said


def test_an_interrupted_run_goes_on_without_graphs_once_they_are_off(stand_in, attempt, tmp_path):
    """Nothing is trained anew: how a step is reached does not decide what is learned."""
    stand_in(ending="crash")
    with pytest.raises(RuntimeError):
        attempt()
    [cache] = (tmp_path / "cache").iterdir()
    assert read_json(cache / "plan.json")["graphs"]
    stand_in()
    assert not attempt(graphs=False)["graphs"]
    assert [cache] == list((tmp_path / "cache").iterdir())


def test_a_cpus_process_that_the_kernel_kills_is_lack_of_memory(stand_in, attempt):
    stand_in(fits=1, ending="kill")
    planned = attempt(CPU)
    assert planned["micro_batch"] == 1 and len(planned["fallbacks"]) == 3


def test_no_fallback_left_is_one_line(stand_in, attempt, tmp_path):
    stand_in(fits=0)
    with pytest.raises(
        errors.TrainingError, match=r"out of memory at step 3 with the plan that needs least; .*\. The"
    ):
        attempt()
    [cache] = (tmp_path / "cache").iterdir()
    assert (cache / "checkpoints/checkpoint-2").is_dir()
    stand_in()
    assert attempt()["fallbacks"] == []  # the next run plans for the memory that is free then


@pytest.mark.parametrize(
    ("ending", "kind", "said"),
    [
        ("error", errors.TrainingError, "demo: the loss is nan at step 3; its rows are ab"),
        ("crash", RuntimeError, "demo: the training process ended with exit code 7"),
    ],
)
def test_what_stops_training_is_raised_here(stand_in, attempt, ending, kind, said, tmp_path):
    stand_in(ending=ending)
    with pytest.raises(kind, match=said):
        attempt()
    assert not (tmp_path / "out").exists()


def test_a_card_gone_means_a_new_plan(stand_in, attempt):
    stand_in(ending="crash")
    with pytest.raises(RuntimeError):
        attempt(CARD)
    stand_in()
    assert attempt(CPU)["device"]["kind"] == "cpu"


def test_several_gpus_are_started_by_torchrun(tmp_path):
    one, four = launch.command(tmp_path, 1), launch.command(tmp_path, 4)
    assert one == [sys.executable, "-m", "qaloom.train.process", str(tmp_path)]
    assert four[1:3] == ["-m", "torch.distributed.run"] and four[-3:] == one[-3:]
    assert four[four.index("--nproc-per-node") + 1] == "4"


def test_a_training_process_dies_with_the_one_that_waits(tmp_path):
    child = (
        "from qaloom.processes import end_with_parent; import time\n"
        "end_with_parent(); print('up', flush=True); time.sleep(60)"
    )
    parent = (
        "import subprocess, sys, time\n"
        f"print(subprocess.Popen([sys.executable, '-c', {child!r}]).pid, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    lines = {process.stdout.readline().strip() for _ in range(2)}
    assert "up" in lines
    process.kill()
    process.wait()
    [pid] = lines - {"up"}
    deadline = time.monotonic() + 10
    while _alive(pid):
        assert time.monotonic() < deadline, "the training process outlived the one that waits"
        time.sleep(0.05)


def _alive(pid):
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_half_written_event_waits(tmp_path):
    events = tmp_path / "events.jsonl"
    events.write_bytes(b'{"event":"step","step":1}\n{"ev')
    assert read_events(tmp_path) == [StepDone(1)]
    assert read_events(tmp_path / "none yet") == []
