"""Terminal of `make run`: a numbered line for each job that is done, and the state of the run as a file.

Snakemake's own lines stay in its log under .snakemake/log. What came of a job is the last line of its log that
begins with its stage's name, as `console.say_outcome` writes it; what it failed of begins with `qaloom:`.
"""

import json
import logging
import os
import re
import socket
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from qaloom.console import OUTCOMES, in_terminal_language, printable, terminal_language
from qaloom.files import write_text

STATE = Path(".snakemake/qaloom-run.json")
_TAIL = 200_000  # bytes of a log's end that are searched
_OF_A_JOB = (
    "RuleException",
    "CalledProcessError",
    "SpawnedJobError",
)  # exceptions that say that a job failed
_EMPTY = "Exiting because a job execution failed"
_KILLED = (
    "died with <Signals.SIGKILL"  # such a job cannot say why; `killed.note_killed_jobs` does, at the end
)


@dataclass
class RunningJob:
    """A job that was started: its rule, its message, its log, and the start in seconds since the epoch."""

    rule: str
    message: str
    log: str
    since: float


@dataclass
class RunState:
    """The state of a run, as `make status` shows it; `ended` is None while it is at work."""

    pid: int
    host: str
    started: float
    noted: float = 0.0  # when this was written
    done: int = 0
    total: int = 0
    ended: float | None = None
    running: dict[str, RunningJob] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


class RunLog:
    """Snakemake's log records as lines for a person, on `stream`; of a dry run only what is wrong."""

    def __init__(self, dry: bool, stream: TextIO | None = None):
        self.dry, self.stream, self.killed = dry, stream or sys.stderr, False
        self.state = RunState(os.getpid(), socket.gethostname(), time.time())
        os.environ[OUTCOMES] = "log"  # jobs leave to this what comes of them; inherited by each

    def record(self, record: logging.LogRecord) -> None:
        """Note a record of Snakemake's, and print what a person is to know of it."""
        event = str(getattr(record, "event", "") or "")
        heard = {
            "run_info": self._run_info,
            "job_info": self._job_info,
            "job_finished": self._job_finished,
            "progress": self._progress,
            "job_error": self._job_error,
            "error": self._error,
        }
        if event in heard and not (self.dry and event != "error"):
            heard[event](record)
        elif record.levelno >= logging.WARNING and not event and not str(record.msg).startswith(_EMPTY):
            self._print(str(record.msg))
        elif "Nothing to be done" in str(record.msg):
            self._print("Nothing to be done: all results are up to date.")

    def _run_info(self, record: Any) -> None:
        self.state.total = record.stats.get("total", 0) - ("all" in record.stats)

    def _job_info(self, record: Any) -> None:
        message = record.rule_msg or record.rule_name
        job = RunningJob(record.rule_name, message, record.log[0] if record.log else "", time.time())
        self.state.running[str(record.jobid)] = job
        self._save()

    def _job_finished(self, record: Any) -> None:
        job = self.state.running.pop(str(record.job_id), None)
        if job is None or job.rule == "all":
            return
        self.state.done += 1
        self.state.total = max(self.state.total, self.state.done)
        of = "/" if terminal_language() == "ko" else " of "
        self._print([job.message, *outcome_lines(job)][-1], f"{self.state.done}{of}{self.state.total}  ")
        self._save()

    def _progress(self, record: Any) -> None:
        self.state.total = max(self.state.done, record.total - 1)  # without the rule all
        self._save()

    def _job_error(self, record: Any) -> None:
        job = self.state.running.pop(str(record.jobid), None)
        name = job.message if job else record.rule_name
        self.state.failed.append(name)
        log = record.log[0] if record.log else ""
        lines = failure_lines(Path(log))
        if not lines and not self.killed:
            lines = [f"qaloom: '{name}' failed; see {log or 'the log of Snakemake'}"]
        for line in lines:
            self._print(line)
        self._save()

    def _error(self, record: Any) -> None:
        self.killed = self.killed or _KILLED in str(record.msg)
        said = record.exception in _OF_A_JOB or (self.state.failed and record.exception == "WorkflowError")
        if not said:
            self._print(str(record.msg))

    def _print(self, line: str, before: str = "") -> None:
        print(before + printable(in_terminal_language(line)), file=self.stream, flush=True)

    def _save(self) -> None:
        self.state.noted = time.time()
        with suppress(OSError):  # a full disk is said by the jobs
            write_text(STATE, json.dumps(asdict(self.state)))

    def close(self) -> None:
        """Note that the run has ended."""
        if STATE.parent.is_dir() and self.state.total:
            self.state.ended, self.state.running = time.time(), {}
            self._save()


def outcome_lines(job: RunningJob) -> list[str]:
    """Lines of a job's log that `console.say_outcome` marked as its outcome, without the mark."""
    return _lines_after(Path(job.log), "outcome: ")


def failure_lines(log: Path) -> list[str]:
    """Lines of a failed job's log that name the cause for a person."""
    return [f"qaloom: {line}" for line in _lines_after(log, "qaloom: ")]


def last_progress(log: Path) -> str:
    """The last line of a log that says how far a bar is; empty without one."""
    found = [line for line in _tail(log) if re.search(r": [\d,]+ of [\d,]+ \S+, ", line)]
    return found[-1] if found else ""


def _lines_after(log: Path, mark: str) -> list[str]:
    return [line.removeprefix(mark) for line in _tail(log) if line.startswith(mark)]


def _tail(log: Path) -> list[str]:
    if not log.is_file():
        return []
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _TAIL))
        return re.split(r"[\r\n]+", stream.read().decode("utf-8", "replace"))
