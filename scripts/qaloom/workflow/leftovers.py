"""What a run that died left at work in its folder: processes on this machine, jobs in Slurm's hands.

Whoever runs again must not write beside them. Processes are known by a mark that a run gives its children;
Slurm jobs by where they write their logs.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import psutil

from qaloom.console import say
from qaloom.errors import LeftoverError

_MARK = "QALOOM_RUN"
_SLURM_LOGS = ".snakemake/slurm_logs"  # where the executor plugin has Slurm write them
_PATIENCE = 60  # seconds for Slurm to end what was cancelled; KillWait is 30 by default


def mark(folder: Path) -> None:
    """Have every process that this one starts from now on say whose it is, and in which folder it works."""
    process = psutil.Process()
    os.environ[_MARK] = f"{process.pid} {process.create_time()} {folder.resolve()}"


def end_processes(folder: Path) -> int:
    """End the processes whose run in `folder` is dead; return how many.

    They are killed: what a stage writes is whole or not there, and training goes on from a checkpoint.
    """
    left = [process for process in psutil.process_iter() if _is_left(process, folder.resolve())]
    for process in left:
        _kill(process)
    psutil.wait_procs(left, timeout=10)
    return len(left)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _is_left(process: psutil.Process, folder: Path) -> bool:
    try:
        pid, created, marked = process.environ().get(_MARK, "").split(" ", 2)
    except (psutil.Error, OSError, ValueError):
        return False
    return Path(marked) == folder and not _lives(int(pid), float(created))


def _lives(pid: int, created: float) -> bool:
    """Whether that process still is the one it was; the clock may have been set by a second meanwhile."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def slurm_jobs(folder: Path) -> list[str]:
    """The ids of the jobs that Slurm holds for `folder`, pending or running.

    Slurm is asked only where it was used. Raises LeftoverError when it does not answer.
    """
    logs = folder.resolve() / _SLURM_LOGS
    if not logs.is_dir() or not shutil.which("squeue"):
        return []
    query = ["squeue", "--me", "--noheader", "--Format=JobID:40,StdOut:4096"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=60, check=True).stdout
    except (subprocess.SubprocessError, OSError):
        raise LeftoverError(
            f"Slurm does not answer (squeue), so jobs of an earlier run may still write to {folder}; "
            "try again when it does"
        ) from None
    jobs = [(line[:40].strip(), line[40:].strip()) for line in answer.splitlines()]
    return [job for job, log in jobs if logs in Path(log).parents]


def cancel_slurm_jobs(folder: Path) -> None:
    """Cancel what Slurm holds for `folder` and wait until it is gone. Raises LeftoverError if it stays."""
    jobs = slurm_jobs(folder)
    if not jobs:
        return
    say(f"Slurm still holds jobs of a run in {folder} that is gone ({', '.join(jobs)}); cancelling them.")
    subprocess.run(["scancel", *jobs], check=False, capture_output=True)
    end = time.monotonic() + _PATIENCE
    while still := slurm_jobs(folder):
        if time.monotonic() > end:
            raise LeftoverError(
                f"Slurm does not end its jobs {', '.join(still)} in {folder}; see squeue --me"
            )
        time.sleep(1)


def refuse_slurm_jobs(folder: Path) -> None:
    """Raise LeftoverError when Slurm holds jobs for `folder`, with the command that ends them."""
    jobs = slurm_jobs(folder)
    if jobs:
        raise LeftoverError(
            f"Slurm still holds jobs that write to {folder}; if no other run is at work there, cancel them: "
            f"scancel {' '.join(jobs)}"
        )
