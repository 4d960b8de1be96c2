"""What a person sees of a running job: its lines, its bar, and one line when it fails.

Inside `job(log)` everything that libraries print, and every traceback, goes to the log file; the
terminal gets only what is meant for a person.
"""

import errno
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from qaloom.errors import QALoomError

_SECONDS_BETWEEN_LINES = 10
_terminal: TextIO | None = None  # the real stderr while a job's own goes to its log


@contextmanager
def job(log: str | Path | None = None) -> Iterator[None]:
    """Run a block as a job: output to `log`, failures as one line on the terminal and exit code 1.

    Without a log (a command typed by a person) a file that cannot be read or written is such a failure
    too; anything unexpected keeps its traceback.
    """
    with _output_to(log):
        try:
            yield
        except QALoomError as error:
            say(f"qaloom: {error}")
            sys.exit(1)
        except KeyboardInterrupt:
            say("qaloom: stopped")
            sys.exit(130)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                where = error.filename or Path.cwd()
                say(f"qaloom: the disk is full ({where}); free some space and run again")
                sys.exit(1)
            if log is None and isinstance(error, OSError) and error.filename:
                say(f"qaloom: {error.filename}: {error.strerror}")
                sys.exit(1)
            if log is None:
                raise
            traceback.print_exc()
            say(f"qaloom: unexpected {type(error).__name__}: {error}; the traceback is in {log}")
            sys.exit(1)


def say(line: str) -> None:
    """Tell a person one line: on the terminal, and in the job's log where there is one."""
    if _terminal is not None:
        print(line, file=_terminal, flush=True)
    _log(line)


@contextmanager
def bar(what: str, total: int, unit: str = "rows") -> Iterator[Callable[[int], None]]:
    """Show progress; the block gets a function to call with the number done so far.

    A bar with the time left on a terminal; plain lines in the log and where there is no terminal.
    """
    console = Console(file=_terminal or sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    write = _log if console.is_terminal else say
    lines = _Lines(what, total, unit, None if console.is_terminal and _terminal is None else write)
    with Progress(
        *columns, TextColumn(unit), _Rate(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
        # With a log, what libraries print while the bar is up still goes there, not above the bar.
        redirect_stdout=_terminal is None, redirect_stderr=_terminal is None,
    ) as progress:  # fmt: skip
        task = progress.add_task(what, total=total)

        def advance(done: int) -> None:
            progress.update(task, completed=done)
            lines.advance(done)

        yield advance
    lines.end()


def duration(seconds: float) -> str:
    """A length of time as a person says it: 40 s, 5 min, 2 h 10 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class _Rate(ProgressColumn):
    """Units a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.3g}/s" if task.speed else "")


class _Lines:
    """Progress as lines, one every few seconds; `write` is None where a bar shows all there is to see."""

    def __init__(self, what: str, total: int, unit: str, write: Callable[[str], None] | None):
        self.what, self.total, self.unit, self.write = what, total, unit, write
        self.start = self.last = time.monotonic()
        self.done = 0
        self.before: int | None = None  # done when the work began: what was kept cost no time

    def advance(self, done: int) -> None:
        self.done, now = done, time.monotonic()
        if self.before is None:
            self.before = done
        if self.write is None or now - self.last < _SECONDS_BETWEEN_LINES or done == self.before:
            return
        self.last = now
        rate = (done - self.before) / (now - self.start)
        left = duration((self.total - done) / rate)
        self.write(f"{self.what}: {done:,} of {self.total:,} {self.unit}, {rate:.3g}/s, {left} left")

    def end(self) -> None:
        _log(f"{self.what}: {self.done:,} {self.unit} in {duration(time.monotonic() - self.start)}")


def _log(line: str) -> None:
    """Write a line to the job's log, or to stderr where there is none. A log on a full disk stays short."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _line_stream(descriptor: int) -> TextIO:
    """A text stream that writes any line, also one with a file name that is not UTF-8."""
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")


@contextmanager
def _output_to(log: str | Path | None) -> Iterator[None]:
    """Point file descriptors 1 and 2 at `log` and keep the terminal for `say` and `bar`."""
    global _terminal
    if log is None:
        yield
        return
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with open(log, "wb") as stream, _line_stream(os.dup(2)) as terminal:
        _terminal = terminal
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        try:
            yield
        finally:
            for stream_of_ours in (sys.stdout, sys.stderr):
                with suppress(OSError):
                    stream_of_ours.flush()
            for number, original in enumerate(saved, 1):
                os.dup2(original, number)
                os.close(original)
            _terminal = None
