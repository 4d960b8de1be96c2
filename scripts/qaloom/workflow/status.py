"""State of a project's run, from its files alone: `make status`, also from another shell or while Slurm runs it."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import psutil
import typer

from qaloom.commands import command_line
from qaloom.console import duration, job, say
from qaloom.errors import DataError
from qaloom.files import read_document
from qaloom.workflow.estimate import time_left
from qaloom.workflow.run_log import STATE, RunningJob, RunState, last_progress


def status_lines(directory: Path, now: float) -> Iterator[str]:
    """Lines on the last run in `directory`: how far it is, what each job is at, and what has failed.

    Raises DataError when no run was started there, or when its state cannot be read.
    """
    if not (directory / STATE).is_file():
        raise DataError(f"there is no run in {directory}; start one: {command_line('run', directory)}")
    state = read_document(directory / STATE, RunState)
    yield _how_far(state, now)
    if not state.ended:
        if _lives(state) and (left := time_left(directory, state, now)):
            yield f"  {left}"
        for one in state.running.values():
            yield f"  {one.message}, {duration(now - one.since)}{_progress(directory, one)}"
    for name in state.failed:
        yield f"  failed: {name}"


def _how_far(state: RunState, now: float) -> str:
    done = f"{state.done} of {state.total} jobs done"
    if state.ended:
        return f"ended {duration(now - state.ended)} ago: {done}"
    if not _lives(state):
        return f"stopped without an end {duration(now - state.noted)} ago: {done}; run again to go on"
    return f"at work since {duration(now - state.started)}: {done}"


def _lives(state: RunState) -> bool:
    """Whether the run's process is there; of another host that cannot be seen, so that it is believed."""
    return state.host != socket.gethostname() or psutil.pid_exists(state.pid)


def _progress(directory: Path, one: RunningJob) -> str:
    found = last_progress(directory / one.log) if one.log else ""
    return f": {found}" if found else ""


def command(
    directory: Annotated[Path, typer.Option(help="your project's folder")] = Path(),
) -> None:
    """Say how far the run in a folder is."""
    for line in status_lines(directory, time.time()):
        say(line)


if __name__ == "__main__":
    with job():
        typer.run(command)
