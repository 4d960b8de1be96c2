"""On two GPUs: SIGTERM and SIGINT to a training's job leave no process behind, and the next run goes on.

pytest -s -m gpu tests/gpu/test_stopping_gpu.py, on a host with two GPUs; nothing but the training stack is needed.
"""

import os
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import psutil
import pytest
import yaml

from qaloom.files import write_lines

pytestmark = pytest.mark.gpu
SECONDS = 30
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
ROWS = [
    {"id": f"{n:016x}", "instruction": f"질문 {n}?", "input": "", "output": "답 " * (n % 40 + 1)}
    for n in range(64)
]
# As the rule's script does it.
SCRIPT = """
import sys
from pathlib import Path
from qaloom.config.load import load_config
from qaloom.console import job
from qaloom.train.stage import train
if __name__ == "__main__":
    with job("train.log"):
        run = load_config(Path("config.yaml"))["runs"]["demo"]
        train("demo", Path("train.jsonl"), Path("model"), Path("out"), run, Path("cache"), gpus=2)
"""


@pytest.fixture(scope="module", autouse=True)
def _two_gpus():
    import torch

    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")


@pytest.fixture
def project(tmp_path, model) -> Path:
    """A project whose training is long, and has ten checkpoints."""
    write_lines(tmp_path / "train.jsonl", ROWS)
    (tmp_path / "model").symlink_to(model)
    training = {
        "epochs": 2000,
        "effective_batch": 16,
        "learning_rate": 1e-5,
        "measure": False,
        "save_steps": 20,
        "keep": {"strength": 0},
    }
    run = {"precision": "16bit", "max_length": 256, "lora": {"r": 8}, "training": training}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"data": {"sources": ["x"]}, "runs": {"demo": run}}))
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def started(project: Path):
    """The job in its training on two GPUs, past a checkpoint; and all of its processes, ranks included."""
    with (project / "out.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "script.py"], cwd=project, stdout=log, stderr=log,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
    before = len(vouched(project))
    end = time.monotonic() + 400
    while len(vouched(project)) == before or len(ranks(process)) < 2:
        assert process.poll() is None and time.monotonic() < end, last_words(project)
        time.sleep(0.2)
        before = min(before, len(vouched(project)))
    return process, [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]


def last_words(project: Path) -> str:
    return "\n".join(log.read_text()[-3000:] for log in sorted(project.glob("*.log")))


def vouched(project: Path) -> set[str]:
    """Checkpoints that were written to their end."""
    found = project.glob("cache/*/checkpoints/checkpoint-*/.sha256.json")
    return {f"{path.parent.name} {path.stat().st_mtime_ns}" for path in found}


def ranks(process: subprocess.Popen) -> list[psutil.Process]:
    """The processes that compute, one a GPU."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [
            p
            for p in children
            if "qaloom.train.process" in p.cmdline() and "torch.distributed.run" not in p.cmdline()
        ]
    except psutil.Error:
        return []


def assert_all_end(processes):
    end = time.monotonic() + SECONDS
    while alive := [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < end, [" ".join(p.cmdline())[:200] for p in alive]
        time.sleep(0.2)


def test_nothing_lives_on_and_the_next_run_goes_on(project):
    """Each start is that of the next signal, too: loading and compiling on two GPUs takes most of a minute."""
    process, all_of_them = started(project)
    for whom, number in product(("the job", "torchrun", "a rank"), SIGNALS):
        began = time.monotonic()
        runner = next(p for p in all_of_them if "torch.distributed.run" in p.cmdline())
        {"the job": all_of_them[0], "torchrun": runner, "a rank": ranks(process)[-1]}[whom].send_signal(
            number
        )
        assert_all_end(all_of_them)
        ended = time.monotonic() - began
        assert process.wait(10) != 0 and not (project / "out").exists()
        process, all_of_them = started(project)
        assert "demo goes on from checkpoint-" in (project / "train.log").read_text()
        print(
            f"{number.name} to {whom}: ended in {ended:.1f} s, {time.monotonic() - began:.0f} s with a start"
        )
    os.kill(process.pid, signal.SIGTERM)
    assert_all_end(all_of_them)
    process.wait(10)
