"""Terminal output of a running job: messages, a progress bar, and one line when it fails.

Inside `job(log)` whatever libraries print, and every traceback, goes to the log file; the terminal gets
only the messages meant for a person.
"""

import errno
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
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
_SECONDS_TO_STOP = 15.0
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in b"\t\n"}
_terminal: TextIO | None = None  # the real stderr while a job's own goes to its log


@contextmanager
def job(log: str | Path | None = None) -> Iterator[None]:
    """Run a block as a job: output to `log`, failures as one line on the terminal and exit code 1.

    Without a log (a command typed by a person) a file that cannot be read or written is such a failure
    too; anything unexpected keeps its traceback.
    """
    with _output_to(log), _stopping(bool(log)):
        try:
            yield
        except KeyboardInterrupt:
            say("qaloom: stopped")
            sys.exit(130)
        except Exception as error:
            message = _message(error, log)
            if message is None:
                raise
            say(f"qaloom: {message}")
            sys.exit(1)


@contextmanager
def _stopping(for_snakemake: bool) -> Iterator[None]:
    """End a rule's job at SIGTERM as at Ctrl-C: once, however often it comes, and within seconds, whatever it does."""
    if not for_snakemake or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    timer = threading.Timer(_SECONDS_TO_STOP, os._exit, [130])  # also out of a library that goes on
    timer.daemon = True
    timer.start()
    raise KeyboardInterrupt


def _message(error: Exception, log: str | Path | None) -> str | None:
    """A failure in one line; None where its traceback is to be shown."""
    if isinstance(error, QALoomError):
        return str(error)
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):  # NumPy's and PyTorch's
        return "the memory (RAM) does not suffice; close other programs and run again, which goes on from what is done"
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"the disk is full ({error.filename or Path.cwd()}); free some space and run again"
        if log is None and error.filename:
            return f"{error.filename}: {error.strerror}"
    if log is None:
        return None
    traceback.print_exc()
    return f"unexpected {type(error).__name__}: {error}; the traceback is in {log}"


def language() -> str:
    """The terminal's language: ko where the locale (LC_ALL, LC_MESSAGES or LANG) is Korean, else en."""
    named = filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG")))
    return "ko" if next(named, "").startswith("ko") else "en"


def printable(text: str) -> str:
    """A text of rows or of a model with its control characters written out: a terminal would obey them.

    They move the cursor, set the title, or fill the clipboard (OSC 52); C1 (128 to 159) as well as ESC.
    """
    return text.translate(_CONTROL)


def say(line: str) -> None:
    """Print one line for a person: on the terminal, and in the job's log where there is one."""
    line = printable(line)
    if _terminal is not None:
        print(line, file=_terminal, flush=True)
    _log(line)


@contextmanager
def bar(title: str, total: int, unit: str = "rows") -> Iterator[Callable[[int], None]]:
    """Show progress; the block gets a function to call with the number done so far.

    A bar with the time left on a terminal; plain lines in the log and where there is no terminal.
    """
    console = Console(file=_terminal or sys.stderr)
    write = _log if console.is_terminal else say
    lines = _ProgressLines(title, total, unit, None if console.is_terminal and _terminal is None else write)
    with _progress_bar(console, unit) as progress:
        task = progress.add_task(title, total=total)

        def advance(done: int) -> None:
            progress.update(task, completed=done)
            lines.advance(done)

        yield advance
    lines.end()


def _progress_bar(console: Console, unit: str) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), _Rate(),
        TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
        # With a log, what libraries print while the bar is up still goes there, not above the bar.
        redirect_stdout=_terminal is None, redirect_stderr=_terminal is None,
    )  # fmt: skip


def duration(seconds: float) -> str:
    """A duration as text: 40 s, 5 min, 2 h 10 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class _Rate(ProgressColumn):
    """Units a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.3g}/s" if task.speed else "")


class _ProgressLines:
    """Progress as lines, one every few seconds; `write` is None where a bar shows all there is to see."""

    def __init__(self, title: str, total: int, unit: str, write: Callable[[str], None] | None):
        self.title, self.total, self.unit, self.write = title, total, unit, write
        self.start = self.last = time.monotonic()
        self.done = 0
        self.before: int | None = None  # done at the first call: what was cached cost no time

    def advance(self, done: int) -> None:
        self.done, now = done, time.monotonic()
        if self.before is None:
            self.before = done
        if self.write is None or now - self.last < _SECONDS_BETWEEN_LINES or done == self.before:
            return
        self.last = now
        rate = (done - self.before) / (now - self.start)
        left = duration((self.total - done) / rate)
        self.write(f"{self.title}: {done:,} of {self.total:,} {self.unit}, {rate:.3g}/s, {left} left")

    def end(self) -> None:
        _log(f"{self.title}: {self.done:,} {self.unit} in {duration(time.monotonic() - self.start)}")


def _log(line: str) -> None:
    """Write a line to the job's log, or to stderr where there is none. On a full disk the line is lost."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _line_stream(descriptor: int) -> TextIO:
    """A text stream that also writes file names that are not UTF-8."""
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
    with open(log, "wb") as stream, _line_stream(os.dup(2)) as _terminal:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        try:
            yield
        finally:
            _restore(saved)
            _terminal = None


def _restore(saved: tuple[int, int]) -> None:
    """Point stdout and stderr back at the descriptors that were saved."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    for number, original in enumerate(saved, 1):
        os.dup2(original, number)
        os.close(original)
