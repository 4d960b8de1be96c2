"""Stages that are killed at any moment and run again write what an undisturbed run writes."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from records import make_records

pytestmark = pytest.mark.slow
ROWS = 10_000
KILLS = 6


def command(stage, folder):
    arguments = {
        "validate": ["source.jsonl", "--out", "validate"],
        "dedup": ["validate/rows.jsonl", "--out", "dedup"],
        "split": ["dedup/rows.jsonl", "dedup/clusters.jsonl", "--out", "split"],
    }
    log = (folder / "log").open("ab")
    whole = [sys.executable, "-m", f"qaloom.{stage}", *arguments[stage]]
    return subprocess.Popen(whole, cwd=folder, stdout=log, stderr=log)


def written(folder: Path):
    """Every file of a stage, also one that a killed run left behind."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A project that ran whole, and the seconds that each stage took."""
    folder, seconds = tmp_path_factory.mktemp("undisturbed"), {}
    with (folder / "source.jsonl").open("w", encoding="utf-8") as stream:
        for record in make_records(ROWS, seed=3):
            pair = {"question": record["question"], "answer": record["answer"]}
            stream.write(json.dumps(pair, ensure_ascii=False) + "\n")
    for stage in ("validate", "dedup", "split"):
        started = time.perf_counter()
        assert command(stage, folder).wait() == 0, (folder / "log").read_text()
        seconds[stage] = time.perf_counter() - started
    return folder, seconds


@pytest.mark.parametrize("stage", ["validate", "dedup", "split"])
def test_killed_at_random_moments_and_run_again(tmp_path, undisturbed, stage):
    whole, seconds = undisturbed
    project = tmp_path / "project"
    shutil.copytree(whole, project)
    shutil.rmtree(project / stage)
    moments, killed = random.Random(stage), 0
    for _ in range(KILLS):
        process = command(stage, project)
        time.sleep(moments.uniform(0.2, 1.0) * seconds[stage])
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed
    assert command(stage, project).wait() == 0, (project / "log").read_text()
    assert written(project / stage) == written(whole / stage)
