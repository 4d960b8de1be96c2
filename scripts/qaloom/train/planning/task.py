"""Files between the stage and its processes: job.json, and the events that they append to events.jsonl."""

from pathlib import Path

import msgspec
from msgspec import Struct

from qaloom.config.settings import RunSettings
from qaloom.files import write_json
from qaloom.train.planning.plan import Plan


class TrainingTask(Struct, frozen=True):
    """A run to train: folders of the base model and of the adapter to start from, and the rows' ids.

    `template` is the text of a prompt template of the run's own, `kept` the file of the base model's answers that
    the tuned model is held to.
    """

    name: str
    base: str
    start: str | None
    settings: RunSettings
    threads: int | None
    ids: list[str] = []
    template: str | None = None
    kept: str | None = None


class TrainingJob(Struct, frozen=True):
    """job.json of the training process (qaloom.train.process)."""

    task: TrainingTask
    plan: Plan


class AutotuneJob(Struct, frozen=True):
    """job.json of the autotune process (qaloom.train.autotune_process); `steps` holds each step's rows."""

    task: TrainingTask
    candidates: list[Plan]
    steps: list[list[int]]


class BaseAnswersJob(Struct, frozen=True):
    """job.json of the process that asks the base model (qaloom.train.base_answers).

    `prompts` are token ids, `stop` those that end an answer, which has `most` tokens at most; `answers` is the file
    that answers are cached in.
    """

    base: str
    code_allowed: bool
    precision: str
    threads: int | None
    prompts: list[list[int]]
    stop: list[int]
    most: int
    answers: str


class Event(Struct, frozen=True, tag_field="event"):
    """Events of a training process, for the process that waits."""


class ModelLoaded(Event, frozen=True, tag="loaded"):
    """The autotune process has loaded a model."""


class Measured(Event, frozen=True, tag="measured"):
    """A candidate's mean step and, on a GPU, its peak memory; or the reason that it failed."""

    candidate: int
    step_seconds: float | None = None
    peak_memory_bytes: int | None = None
    failed: str | None = None


class Started(Event, frozen=True, tag="started"):
    """Training begins after `step`, that of the checkpoint or 0."""

    step: int


class StepDone(Event, frozen=True, tag="step"):
    """An optimizer step, or an answer of the base model, is done; `loss`: the last that was logged."""

    step: int
    loss: float | None = None


class Finished(Event, frozen=True, tag="finished"):
    """`finished/` is written."""


class OutOfMemory(Event, frozen=True, tag="out_of_memory"):
    """The GPU's memory did not suffice."""

    detail: str
    peak_memory_bytes: int | None = None


class NotCaptured(Event, frozen=True, tag="not_captured"):
    """The model's passes cannot be captured as CUDA graphs."""

    detail: str


class Failed(Event, frozen=True, tag="failed"):
    """Anything else; `error` names an exception of qaloom.errors, or is `unexpected`."""

    detail: str
    error: str


AnyEvent = ModelLoaded | Measured | Started | StepDone | Finished | OutOfMemory | NotCaptured | Failed
_DECODER: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def emit(folder: Path, event: Event) -> None:
    """Append one event for the process that waits."""
    with (folder / "events.jsonl").open("ab", buffering=0) as stream:
        stream.write(msgspec.json.encode(event) + b"\n")


def read_events(folder: Path) -> list[AnyEvent]:
    """The events so far, less a line that is still being written."""
    path = folder / "events.jsonl"
    whole = path.read_bytes().rpartition(b"\n")[0] if path.is_file() else b""
    return [_DECODER.decode(line) for line in whole.splitlines()]


def last_loss(events: list[AnyEvent]) -> float | None:
    """The last loss that the events name."""
    losses = (event.loss for event in reversed(events) if isinstance(event, StepDone))
    return next((loss for loss in losses if loss is not None), None)


def last_step(events: list[AnyEvent]) -> int:
    """The last whole step that the events name, 0 before the first."""
    return max((event.step for event in events if isinstance(event, Started | StepDone)), default=0)


def write_struct(path: Path, value: Struct) -> None:
    """Write a Struct as an indented JSON document."""
    write_json(path, msgspec.to_builtins(value))
