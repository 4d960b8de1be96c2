"""Faults of the machine: jobs that are killed for memory, and clocks that are set back."""

import os
import subprocess
from pathlib import Path

import psutil
import pytest
from harness import MODEL, Project, rows, within, write_rows

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
    """SIGKILL, which the kernel sends to the largest process where memory is short; the job can say nothing."""
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


def later(seconds: float, *files: Path) -> None:
    """Date files so much later than they are: as they look where a clock was set back."""
    for path in files:
        status = path.lstat()
        os.utime(path, (status.st_atime + seconds, status.st_mtime + seconds), follow_symlinks=False)


def test_a_clock_that_is_set_back_a_day(project):
    """Sources of the future are one line; with them in order, nothing is made anew, and changes are noticed."""
    later(DAY, *project.folder.rglob("*"))
    one, two = (project.path(f"data/{name}.jsonl") for name in ("one", "two"))
    refused = project.make_run()
    said = [line for line in refused.output.splitlines() if "qaloom: " in line]
    assert refused.code == 1 and "Traceback" not in refused.output
    assert set(said) == {said[0]} and "data/one.jsonl is dated in the future" in said[0]
    later(-DAY, one, two)
    refused = project.make_run()
    assert refused.code == 1 and f"{MODEL}/" in refused.output and "dated in the future" in refused.output
    later(-DAY, *project.path(MODEL).iterdir())
    assert project.jobs() == set()
    write_rows(one, rows()[4:20])
    later(-DAY, one)  # a day before what was made of it
    jobs = project.jobs()
    assert {"validate_file one.jsonl", "dedup", "split", "train first", "evaluate first"} <= jobs
    assert "validate_file two.jsonl" not in jobs
    assert project.jobs() == set()
