"""On a GPU: each precision trains, a small card is lived within, and lack of memory is survived.

pytest -m gpu tests/gpu. benchmarks/bench_gpu.py measures the same with models of full size.
"""

import subprocess
import sys

import pytest
import yaml

from qaloom.files import read_json, read_lines, write_lines

pytestmark = pytest.mark.gpu

ROWS = [
    {"id": f"{n:016x}", "instruction": f"질문 {n}?", "input": "", "output": "답 " * (20 if n % 2 else 200)}
    for n in range(32)
]
# Planned for the card as it is, or as PRETENDED says; the training process may use CAP bytes.
SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
import qaloom.train.stage as t
from qaloom.train.planning import launcher as launch
from qaloom.config.load import load_config
from qaloom.train.planning.device import probe
cap, bfloat16 = float(sys.argv[1]), sys.argv[2] == "bfloat16"
attempt = '''
import sys, torch
from pathlib import Path
cap = float(sys.argv[1])
if cap:
    torch.cuda.set_per_process_memory_fraction(cap / torch.cuda.get_device_properties(0).total_memory)
from qaloom.train.process import run_training
run_training(Path(sys.argv[2]))
'''
launch.command = lambda folder, gpus: [sys.executable, "-c", attempt, str(cap), str(folder)]
device = probe()
device = device if bfloat16 else replace(device, capability=(7, 5))
run = load_config(Path("config.yaml"))["runs"]["demo"]
t.train("demo", Path("train.jsonl"), Path("model"), Path("out"), run, Path("cache"), device=device)
"""


def trained(folder, model, precision, cap=0.0, dtype="bfloat16", **training):
    """Train four steps of eight rows; return the plan that trained to the end."""
    write_lines(folder / "train.jsonl", ROWS)
    (folder / "model").symlink_to(model)
    run = {
        "precision": precision,
        "max_length": 1024,
        "lora": {"r": 16},
        "training": {"epochs": 1, "learning_rate": 0.001, "keep": {"strength": 0}} | training,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump({"data": {"sources": ["x"]}, "runs": {"demo": run}}))
    command = [sys.executable, "-c", SCRIPT, str(cap), dtype]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return read_json(folder / "out" / "plan.json")


@pytest.mark.parametrize("precision", ["4bit", "8bit", "16bit"])
def test_each_precision_trains(tmp_path, model, precision):
    planned = trained(tmp_path, model, precision)
    assert (planned["precision"], planned["dtype"]) == (precision, "bfloat16")
    metrics = read_json(tmp_path / "out" / "metrics.json")
    assert metrics["last_loss"] < metrics["first_loss"]


def test_a_card_without_bfloat16_trains_in_float16(tmp_path, model):
    assert trained(tmp_path, model, "16bit", dtype="float16")["dtype"] == "float16"


def test_lack_of_memory_ends_in_smaller_micro_batches(tmp_path, model):
    planned = trained(tmp_path, model, "16bit", cap=0.6e9)
    assert planned["fallbacks"] and planned["fallbacks"][0]["failed"]["micro_batch"] == 8
    assert planned["micro_batch"] * planned["accumulation"] == 8


@pytest.mark.parametrize("precision", ["16bit", "4bit"])
@pytest.mark.parametrize("rows", [{"effective_batch": 8}, {"effective_tokens": 4000}])
def test_replayed_steps_learn_what_eager_ones_do(tmp_path, model, precision, rows):
    """Rows of two lengths, padded or packed: the same loss at every step, within what 16 bits round."""
    losses = {}
    for graphs in (True, False):
        folder = tmp_path / str(graphs)
        folder.mkdir()
        planned = trained(folder, model, precision, graphs=graphs, **rows | {"epochs": 6})
        assert planned["graphs"] == graphs and not planned["fallbacks"]
        losses[graphs] = [step["loss"] for step in read_lines(folder / "out" / "history.jsonl", dict)]
    assert len(losses[True]) > 12 and losses[True][-1] < losses[True][0]
    assert losses[True] == pytest.approx(losses[False], rel=0.02)


def test_packed_rows_do_not_see_each_other(tmp_path, model):
    """All rows in one step, packed and padded: the same loss before the first update."""
    first = []
    for name, training in (("packed", {"effective_tokens": 20_000}), ("padded", {"effective_batch": 32})):
        (tmp_path / name).mkdir()
        planned = trained(tmp_path / name, model, "16bit", **training)
        assert planned["packing"] == (name == "packed") and planned["steps"] == 1
        first.append(read_json(tmp_path / name / "out" / "metrics.json")["first_loss"])
    assert first[0] == pytest.approx(first[1], rel=5e-3)
