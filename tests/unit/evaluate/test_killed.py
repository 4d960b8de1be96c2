"""Evaluation that is killed at any moment and runs again: no question answered twice, the same figures."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from evaluation_case import MANIFEST, SETTINGS, TRAIN
from placements import placement

from qaloom.files import read_json, read_lines, write_json, write_lines

pytestmark = pytest.mark.slow
QUESTIONS, KILLS = 60, 5
# Evaluates as the command does, but a few questions at a time, and notes each prompt that a model is given.
SCRIPT = """
import json, sys
from pathlib import Path
import qaloom.inference.scheduler, qaloom.inference.likelihood
from qaloom.evaluate.stage import Sources, evaluate

def note(names):
    with open("asked.jsonl", "a") as stream:
        stream.write(json.dumps(names) + "\\n")

def read(self, rows, shared, real=qaloom.inference.scheduler.Scheduler._prefill):
    note([row.name for row in rows])
    return real(self, rows, shared)

def batch(model, names, *rest, real=qaloom.inference.likelihood._batch):
    note(names)
    return real(model, names, *rest)

qaloom.inference.scheduler.Scheduler._prefill, qaloom.inference.likelihood._batch = read, batch
for module in (qaloom.inference.scheduler, qaloom.inference.likelihood):
    module._TOKEN_BUDGET = {"cpu": 400}
split, base, run, settings = sys.argv[1:]
sources = Sources(Path(split), Path(split) / "contradictions.jsonl", Path(base), Path(run))
evaluate("demo", sources, Path("out"), json.loads(settings), Path("cache"))
"""


@pytest.fixture
def evaluation(tiny, tuned, tmp_path):
    """Start an evaluation in a folder of the given name; its process."""
    split = tmp_path / "split"
    rows = [
        {"id": f"{i:02}", "instruction": f"{i}동의 주소는 어디인가요?", "input": "", "output": f"물빛로 {i}"}
        for i in range(QUESTIONS)
    ]
    write_lines(split / "recall.jsonl", rows)
    write_lines(split / "unseen.jsonl", [])
    write_lines(split / "placement.jsonl", [placement(id=r["id"], group="a") for r in rows])
    write_lines(split / "train.jsonl", TRAIN)
    write_lines(split / "contradictions.jsonl", [])
    write_json(split / "manifest.json", MANIFEST)
    settings = SETTINGS | {"forgetting": True, "retrieval": {"rows": 2, "max_questions": 20}}

    def start(name: str) -> subprocess.Popen:
        (tmp_path / name).mkdir(exist_ok=True)
        arguments = [str(split), str(tiny), str(tuned / "results/train/demo"), json.dumps(settings)]
        with (tmp_path / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", SCRIPT, *arguments], cwd=tmp_path / name, stdout=log, stderr=log,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )  # fmt: skip

    return start


def figures(folder: Path):
    """The metrics, without the seconds that answers took, and without the digests of files that hold them."""
    metrics = read_json(folder / "out/metrics.json")
    metrics.pop("sha256")
    for arm in metrics["retrieval"]["models"].values():
        arm.pop("seconds")
    return metrics


def asked(folder: Path) -> int:
    """How often a model was given a prompt."""
    path = folder / "asked.jsonl"
    return sum(map(len, read_lines(path, list))) if path.exists() else 0


def test_a_killed_evaluation_goes_on_where_it_was(evaluation, tmp_path):
    assert evaluation("whole").wait() == 0, (tmp_path / "whole.log").read_text()
    all_of_it, chance = asked(tmp_path / "whole"), random.Random(7)
    folder, in_flight = tmp_path / "killed", 0
    for _ in range(KILLS):
        before, process = asked(folder), evaluation("killed")
        until = before + chance.randint(1, all_of_it // (KILLS + 2))
        while asked(folder) < until and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        in_flight += 12  # at most one batch, of 400 tokens, was being answered
    assert not (folder / "out/metrics.json").exists()
    assert evaluation("killed").wait() == 0, (tmp_path / "killed.log").read_text()

    for path in (folder / "cache").iterdir():
        answers = Counter(line[1]["prompt"] for line in map(json.loads, path.read_text().splitlines()))
        assert max(answers.values()) == 1, "a question was answered twice"
    assert all_of_it <= asked(folder) <= all_of_it + in_flight
    assert figures(folder) == figures(tmp_path / "whole")
    for name in ("failures.jsonl", "forgetting.jsonl"):
        assert (folder / "out" / name).read_bytes() == (tmp_path / "whole/out" / name).read_bytes()
