"""Processes and Slurm jobs that a dead run left."""

import os
import subprocess
import sys

import psutil
import pytest

from qaloom.errors import LeftoverError, StorageError
from qaloom.workflow import leftovers
from qaloom.workflow.leftovers import (
    cancel_slurm_jobs,
    check_writable,
    end_processes,
    refuse_slurm_jobs,
    slurm_jobs,
)

RUN = """
import subprocess, sys, time
from pathlib import Path
from qaloom.workflow.leftovers import mark
mark(Path(sys.argv[1]))
print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def run(tmp_path):
    """A run in a folder, and a job of it."""
    process = subprocess.Popen([sys.executable, "-c", RUN, tmp_path], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(process.stdout.readline()))
    yield process, child
    process.kill()
    if child.is_running():
        child.kill()
    process.communicate()


def test_processes_of_a_dead_run_are_ended(tmp_path, run):
    process, child = run
    process.kill()
    process.wait()
    assert end_processes(tmp_path / "elsewhere") == 0
    assert child.is_running()
    assert end_processes(tmp_path) == 1
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_processes_of_a_living_run_are_not(tmp_path, run):
    assert end_processes(tmp_path) == 0
    assert run[1].is_running()


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A project that used Slurm, and a squeue and scancel that hold jobs in a file."""
    (tmp_path / "project/.snakemake/slurm_logs").mkdir(parents=True)
    queue, tools = tmp_path / "queue", tmp_path / "bin"
    tools.mkdir()
    for name, script in {
        "squeue": f"cat {queue}",
        "scancel": f': > {queue}; echo "$@" > {queue}.cancelled',
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    held = {"7": tmp_path / "project", "8": tmp_path / "other", "9": tmp_path / "project"}
    lines = [f"{job:<40}{folder}/.snakemake/slurm_logs/rule_x/%j.log  " for job, folder in held.items()]
    queue.write_text("\n".join(lines) + "\n")
    return tmp_path / "project", queue


def test_slurm_jobs_of_a_folder_are_known_by_their_logs(slurm):
    assert slurm_jobs(slurm[0]) == ["7", "9"]
    with pytest.raises(LeftoverError, match="scancel 7 9"):
        refuse_slurm_jobs(slurm[0])


def test_slurm_jobs_are_cancelled_and_waited_for(slurm, capsys):
    project, queue = slurm
    cancel_slurm_jobs(project)
    assert queue.with_name("queue.cancelled").read_text() == "7 9\n"
    assert "(7, 9); cancelling them" in capsys.readouterr().err


def test_slurm_that_does_not_answer(slurm):
    slurm[1].unlink()
    with pytest.raises(LeftoverError, match="Slurm does not answer"):
        refuse_slurm_jobs(slurm[0])


def test_slurm_that_ends_no_job(slurm, monkeypatch):
    monkeypatch.setattr(leftovers, "_CANCEL_SECONDS", 0)
    (slurm[1].parent / "bin/scancel").write_text("#!/bin/sh\n")
    with pytest.raises(LeftoverError, match="has not ended the jobs 7, 9"):
        cancel_slurm_jobs(slurm[0])


def test_slurm_is_not_asked_where_it_was_not_used(tmp_path, slurm):
    slurm[1].unlink()
    assert slurm_jobs(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    check_writable(tmp_path)
    (tmp_path / "results").mkdir()
    check_writable(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(StorageError, match="results is no folder, or cannot be written"):
        check_writable(tmp_path)


def test_a_file_where_a_folder_belongs_is_one_line(tmp_path):
    (tmp_path / "logs").touch()
    with pytest.raises(StorageError, match="logs is no folder"):
        check_writable(tmp_path)
