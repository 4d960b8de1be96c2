"""Faults of the machine: jobs that are killed for memory, and clocks that are set back."""

import os
import subprocess
import time

import psutil
import pytest
from harness import Project, rows, within, write_rows

pytestmark = pytest.mark.slow
ADAPTER, METRICS = "results/train/first/manifest.json", "results/evaluate/first/metrics.json"
DAY = 86_400


def job_of(rule: str, launcher: subprocess.Popen[str]) -> psutil.Process:
    """The process that runs a rule's script."""
    children = psutil.Process(launcher.pid).children(recursive=True)
    return next(p for p in children if p.cmdline()[1:2] and p.cmdline()[1].endswith(f".{rule}.py"))


@pytest.mark.parametrize(
    ("rule", "target", "begun"),
    [("train", ADAPTER, "logs/train/*.log"), ("evaluate", METRICS, "cache/generate/**/*.jsonl")],
)
def test_a_job_that_is_killed_for_memory_is_one_line_and_goes_on(request, rule, target, begun):
    """What the kernel does to the largest process where memory is short; the job itself can say nothing."""
    project: Project = request.getfixturevalue("fresh" if rule == "train" else "fresh_but_trained")
    launcher = project.background(*project.launcher(), "--", "--cores", "2", target)
    within(300, lambda: list(project.folder.glob(begun)) or launcher.poll() is not None)
    job_of(rule, launcher).kill()
    output, _ = launcher.communicate(timeout=300)
    said = {line for line in output.splitlines() if line.startswith("qaloom: ")}
    log = f"logs/{rule}/first.log"
    assert launcher.returncode == 1
    assert [line.split(", ")[0] for line in said] == [f"qaloom: {rule} was killed ({log})"], output
    assert "Traceback" not in output and min(said) in project.path(log).read_text("utf-8")
    again = project.make_run(target)
    assert again.code == 0, again.output
    assert not {job for job in again.jobs if job.split()[0] in ("validate", "dedup", "augment", "split")}


def set_back(project: Project, seconds: float) -> None:
    """Every file is that much younger than it was: what is there when a clock was set back."""
    for path in sorted(project.folder.rglob("*"), reverse=True):
        status = path.lstat()
        os.utime(path, (status.st_atime + seconds, status.st_mtime + seconds), follow_symlinks=False)


def test_a_clock_that_is_set_back_a_day(project):
    """Nothing is made anew for it, and what is changed from then on is noticed all the same."""
    set_back(project, DAY)
    assert project.jobs() == set()
    one = project.path("data/one.jsonl")
    write_rows(one, rows()[4:20])
    assert one.stat().st_mtime < time.time() + 1 < project.path(METRICS).stat().st_mtime
    jobs = project.jobs()
    assert {"validate one.jsonl", "dedup", "split", "train first", "evaluate first"} <= jobs
    assert "validate two.jsonl" not in jobs
    assert project.jobs() == set()
