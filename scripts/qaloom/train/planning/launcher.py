"""Starts the training process, tells a person how it goes, and returns how it ended."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from qaloom.console import bar

_SECONDS_BETWEEN_LOOKS = 0.2
_KILLED = -9
_LONGEST_LOADING = 600  # seconds, of a trial's model


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: `finished`, `out_of_memory`, `not_recorded` (as CUDA graphs) or `failed`.

    `step` is the last whole one.
    """

    kind: str
    step: int
    detail: str = ""  # a person's line, or the library's about memory
    error: str = ""  # the name of the exception behind `failed`


def attempt(name: str, folder: Path, planned: dict[str, Any]) -> Outcome:
    """One training process over the run's cache folder, with its progress; see qaloom.train.process.

    The process dies with this one, and this one never holds GPU memory itself.
    """
    events = folder / "events.jsonl"
    events.unlink(missing_ok=True)
    process = subprocess.Popen(command(folder, planned["gpus"]), stdin=subprocess.DEVNULL)
    try:
        heard = _follow(process, events, name, planned["steps"])
    finally:
        _end(process)
    return _outcome(heard, process.returncode, planned["device"]["kind"])


def command(folder: Path, gpus: int) -> list[str]:
    """The command line of an attempt: under torchrun on several GPUs of this host."""
    runner = (
        ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(gpus)] if gpus > 1 else []
    )
    return [sys.executable, *runner, "-m", "qaloom.train.process", str(folder)]


def trial(folder: Path, seconds: float) -> list[dict[str, Any]]:
    """What a trial (qaloom.train.autotune_process) over its folder told before it ended, or `seconds` after loading."""
    process = subprocess.Popen(
        [sys.executable, "-m", "qaloom.train.autotune_process", str(folder)], stdin=subprocess.DEVNULL
    )
    until, loaded = time.monotonic() + _LONGEST_LOADING, False
    try:
        for heard in _events(process, folder / "events.jsonl"):
            if heard and not loaded:  # the first event says so
                until, loaded = time.monotonic() + seconds, True
            if time.monotonic() > until:
                break
        return heard
    finally:
        _end(process)


def _follow(process: subprocess.Popen, events: Path, name: str, steps: int) -> list[dict[str, Any]]:
    """Wait while the model is loaded, then show the steps; return all events once the process has ended."""
    for heard in _events(process, events):
        if any("started" in event for event in heard):
            break
    with bar(f"train: {name}", steps, "steps") as advance:
        for heard in _events(process, events):
            advance(max((event["step"] for event in heard if "step" in event), default=0))
    return heard


def _events(process: subprocess.Popen, events: Path) -> Iterator[list[dict[str, Any]]]:
    """All events so far, again and again, the last time when the process has ended."""
    ended = False
    while not ended:
        ended = process.poll() is not None
        yield _read(events)
        time.sleep(0 if ended else _SECONDS_BETWEEN_LOOKS)


def _read(events: Path) -> list[dict[str, Any]]:
    """The events so far, less a line that is still being written."""
    if not events.is_file():
        return []
    whole = events.read_bytes().rpartition(b"\n")[0]
    return [msgspec.json.decode(line) for line in whole.splitlines()]


def _end(process: subprocess.Popen) -> None:
    """Leave no process behind: asked first, so that torchrun ends its own, then killed."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _outcome(heard: list[dict[str, Any]], code: int, device: str) -> Outcome:
    step = max((event["step"] for event in heard if "step" in event), default=0)
    for event in heard:
        for kind in ("out_of_memory", "not_recorded"):
            if kind in event:
                return Outcome(kind, step, event[kind])
    for event in heard:
        if "error" in event:
            return Outcome("failed", step, event["error"], event["kind"])
    if code == 0 and any("finished" in event for event in heard):
        return Outcome("finished", step)
    if code in (_KILLED, 128 - _KILLED):  # of a CPU's memory the kernel says nothing, it kills
        if device == "cpu":
            return Outcome("out_of_memory", step, "the kernel killed the training process")
        why = "the training process was killed, most likely for lack of RAM; free some, or ask for more"
        return Outcome("failed", step, why, "TrainingError")
    return Outcome("failed", step, f"the training process ended with exit code {code}", "unexpected")
