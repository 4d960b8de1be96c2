"""Starts the training and the autotune process, shows the progress, and returns how they ended."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qaloom.console import bar
from qaloom.processes import end_with_parent
from qaloom.train.planning.plan import Plan
from qaloom.train.planning.task import (
    AnyEvent,
    Failed,
    Finished,
    NotCaptured,
    OutOfMemory,
    Started,
    last_loss,
    last_step,
    read_events,
)

_SECONDS_BETWEEN_READS = 0.2
_SECONDS_TO_END = 8  # then killed: torchrun's processes end with it, as each asks the kernel for that
_KILLED = -9
_STOPPED = (-2, -15, 130, 143)  # by SIGINT or SIGTERM
_LONGEST_LOADING = 600  # seconds, of the autotune process's model


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended; `step` is the last whole one."""

    kind: Literal["finished", "out_of_memory", "not_captured", "failed"]
    step: int
    detail: str = ""  # a line for a person
    error: str = ""  # the name of the exception behind `failed`


def attempt(name: str, folder: Path, planned: Plan) -> Outcome:
    """One training process over the run's cache folder, with its progress; see qaloom.train.process.

    The process dies with this one, and this one never holds GPU memory itself.
    """
    (folder / "events.jsonl").unlink(missing_ok=True)
    process = subprocess.Popen(
        command(folder, planned.gpus), stdin=subprocess.DEVNULL, preexec_fn=end_with_parent
    )
    try:
        events = _follow(process, folder, name, planned.steps)
    finally:
        _end(process)
    return _outcome(events, process.returncode, planned.device.kind)


def command(folder: Path, gpus: int) -> list[str]:
    """The command line of an attempt: under torchrun on several GPUs of this host."""
    runner = (
        ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(gpus)] if gpus > 1 else []
    )
    return [sys.executable, *runner, "-m", "qaloom.train.process", str(folder)]


def run_base_answers(name: str, folder: Path, prompts: int, device: str) -> Outcome:
    """Let the base model answer `prompts` prompts, in a process; see qaloom.train.base_answers."""
    (folder / "events.jsonl").unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "qaloom.train.base_answers", str(folder)],
        stdin=subprocess.DEVNULL,
        preexec_fn=end_with_parent,
    )
    try:
        with bar(f"train: {name}, the base model's own answers", prompts, "answers") as advance:
            for events in _polled(process, folder):
                advance(last_step(events))
    finally:
        _end(process)
    return _outcome(events, process.returncode, device)


def run_autotune(folder: Path, seconds: float) -> list[AnyEvent]:
    """The events of the autotune process (qaloom.train.autotune_process) over its folder.

    It is ended `seconds` after it has loaded a model.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "qaloom.train.autotune_process", str(folder)],
        stdin=subprocess.DEVNULL,
        preexec_fn=end_with_parent,
    )
    until, loaded = time.monotonic() + _LONGEST_LOADING, False
    try:
        for events in _polled(process, folder):
            if events and not loaded:  # the first event is ModelLoaded
                until, loaded = time.monotonic() + seconds, True
            if time.monotonic() > until:
                break
        return events
    finally:
        _end(process)


def _follow(process: subprocess.Popen, folder: Path, name: str, steps: int) -> list[AnyEvent]:
    """Wait while the model is loaded, then show the steps; return all events once the process has ended."""
    for events in _polled(process, folder):
        if any(isinstance(event, Started) for event in events):
            break
    with bar(f"train: {name}", steps, "steps") as advance:
        for events in _polled(process, folder):
            loss = last_loss(events)
            advance(last_step(events), "" if loss is None else f"loss {loss:.3g}")
    return events


def _polled(process: subprocess.Popen, folder: Path) -> Iterator[list[AnyEvent]]:
    """All events so far, again and again, the last time when the process has ended."""
    ended = False
    while not ended:
        ended = process.poll() is not None
        yield read_events(folder)
        time.sleep(0 if ended else _SECONDS_BETWEEN_READS)


def _end(process: subprocess.Popen) -> None:
    """Leave no process behind: terminated first, so that torchrun ends its own, then killed."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _outcome(events: list[AnyEvent], code: int, device: str) -> Outcome:
    step = last_step(events)
    for event in events:
        match event:
            case OutOfMemory():
                return Outcome("out_of_memory", step, event.detail)
            case NotCaptured():
                return Outcome("not_captured", step, event.detail)
            case Failed():
                return Outcome("failed", step, event.detail, event.error)
    if code == 0 and any(isinstance(event, Finished) for event in events):
        return Outcome("finished", step)
    return _ended_in_silence(code, device, step)


def _ended_in_silence(code: int, device: str, step: int) -> Outcome:
    """The outcome of a process that ended without an event that tells how."""
    if code in (_KILLED, 128 - _KILLED):  # the kernel kills without a word when a CPU's memory is full
        if device == "cpu":
            return Outcome("out_of_memory", step, "the kernel killed the training process")
        why = "the training process was killed, most likely for lack of RAM; free some, or ask for more"
        return Outcome("failed", step, why, "TrainingError")
    if code in _STOPPED:
        return Outcome(
            "failed", step, "the training process was stopped by a signal; run again", "TrainingError"
        )
    return Outcome("failed", step, f"the training process ended with exit code {code}", "unexpected")
