"""Orphans of a run that was killed: processes on this machine and Slurm jobs that still write to its folder.

The next run must not write beside them. Processes are recognised by an environment variable that a run
sets for its children, Slurm jobs by the folder of their logs.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import psutil

from qaloom.commands import option_text
from qaloom.console import say
from qaloom.errors import LeftoverError, StorageError

_VARIABLE = "QALOOM_RUN"
_SLURM_LOGS = ".snakemake/slurm_logs"  # the executor plugin's folder
_CANCEL_SECONDS = 60  # for Slurm to end cancelled jobs; its KillWait is 30 by default


def check_writable(folder: Path) -> None:
    """Raise StorageError when a folder that a run writes to cannot be written."""
    for place in (folder / name for name in ("results", "cache", "logs", ".snakemake")):
        if place.exists() and not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
            raise StorageError(
                f"{place} is no folder, or cannot be written; see its owner and mount, or name another "
                f"folder: {option_text('DIR', 'FOLDER')}"
            )


def mark(folder: Path) -> None:
    """Mark every process that this one starts from now on with this run's process and folder."""
    process = psutil.Process()
    os.environ[_VARIABLE] = f"{process.pid} {process.create_time()} {folder.resolve()}"


def end_processes(folder: Path) -> int:
    """Kill the processes whose run in `folder` is dead; return how many.

    Killing is safe: stages write their files atomically, and training resumes from a checkpoint.
    """
    orphans = [process for process in psutil.process_iter() if _is_orphan(process, folder.resolve())]
    for process in orphans:
        _kill(process)
    psutil.wait_procs(orphans, timeout=10)
    return len(orphans)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _is_orphan(process: psutil.Process, folder: Path) -> bool:
    try:
        pid, created, marked = process.environ().get(_VARIABLE, "").split(" ", 2)
    except (psutil.Error, OSError, ValueError):
        return False
    return Path(marked) == folder and not _is_alive(int(pid), float(created))


def _is_alive(pid: int, created: float) -> bool:
    """Whether a process of this id and creation time runs, to a second: clocks are adjusted."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def slurm_jobs(folder: Path) -> list[str]:
    """Ids of the Slurm jobs that write to `folder`, pending or running.

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
    """Cancel the Slurm jobs of `folder` and wait for their end. Raises LeftoverError if they do not end."""
    jobs = slurm_jobs(folder)
    if not jobs:
        return
    say(f"Slurm still has jobs of an earlier run in {folder} ({', '.join(jobs)}); cancelling them.")
    subprocess.run(["scancel", *jobs], check=False, capture_output=True)
    end = time.monotonic() + _CANCEL_SECONDS
    while still := slurm_jobs(folder):
        if time.monotonic() > end:
            raise LeftoverError(
                f"Slurm has not ended the jobs {', '.join(still)} in {folder}; see squeue --me"
            )
        time.sleep(1)


def refuse_slurm_jobs(folder: Path) -> None:
    """Raise LeftoverError, with the command that ends them, when Slurm has jobs for `folder`."""
    jobs = slurm_jobs(folder)
    if jobs:
        raise LeftoverError(
            f"Slurm still has jobs that write to {folder}; if no other run is active there, cancel them: "
            f"scancel {' '.join(jobs)}"
        )
