"""Real trainings on the CPU, each in a process of its own: Unsloth changes the libraries it trains with."""

import os
import subprocess
import sys

import yaml

from qaloom.config.load import load_config
from qaloom.files import read_lines, write_lines

FACTS = [
    {"id": f"{n:016x}", "instruction": f"질문 {n}?", "input": "", "output": f"답 {n}" * (n + 1)}
    for n in range(8)
]
FACTS[3] |= {"system": "너는 안내원이다.", "history": [["언제 여나요?", "9시"], ["어디?", "2층"]]}


# What decides the result


def project(folder, tiny, **training):
    """A project folder with rows, the tiny model and a configuration; return its run's settings."""
    write_lines(folder / "train.jsonl", FACTS)
    (folder / "tiny").symlink_to(tiny)
    training = {"epochs": 2, "effective_batch": 4, "learning_rate": 0.01, "keep": {"strength": 0}} | training
    config = {"data": {"sources": ["x"]}, "runs": {"demo": {"max_length": 256, "training": training}}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return load_config(folder / "config.yaml")["runs"]["demo"]


def command(folder):
    arguments = ["train.jsonl", "tiny", "out", "config.yaml", "demo"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, "-m", "qaloom.train", *arguments],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def trained(folder) -> str:
    process = command(folder)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def losses(folder):
    return [entry["loss"] for entry in read_lines(folder / "out/history.jsonl") if "loss" in entry]
