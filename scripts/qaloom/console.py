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
from rich.progress import BarColumn, Progress, TextColumn

from qaloom.errors import QALoomError
from qaloom.sentences import line_in_korean

OUTCOMES = "QALOOM_OUTCOMES"  # "log": the run's own log shows what came of its jobs, numbered
_SECONDS_BETWEEN_LINES = 10
_MINUTE = 60.0  # seconds between lines where there is no terminal, once a progress is older than that
_WINDOW = 180.0  # seconds that a rate looks back
_FEWEST = 5  # advances that it looks back at least
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
            (_log if _left_to_the_run() else say)(f"qaloom: {printable(message)}")
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


def terminal_language() -> str:
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
    if _terminal is None:
        _log(in_terminal_language(line))
        return
    print(in_terminal_language(line), file=_terminal, flush=True)
    _log(line)


def say_outcome(line: str) -> None:
    """Print what came of a job, as `say` does; `make run` shows it once the job is done, with a number."""
    line = printable(line)
    if _terminal is None:
        say(line)
        return
    if not logs_outcomes():
        print(in_terminal_language(line), file=_terminal, flush=True)
    _log(f"outcome: {line}")


def logs_outcomes() -> bool:
    """Whether this belongs to a run whose own log prints what came of its jobs (workflow.run_log)."""
    return os.environ.get(OUTCOMES) == "log"


def _left_to_the_run() -> bool:
    return _terminal is not None and logs_outcomes()


def in_terminal_language(line: str) -> str:
    """A line for a person in the language of the terminal; see `terminal_language`."""
    return line_in_korean(line) if terminal_language() == "ko" else line


def counted(n: int, units: str) -> str:
    """A number with its unit, which is given in the plural: 1 row, 2,000 rows."""
    return f"{n:,} {units.removesuffix('s') if n == 1 else units}"


@contextmanager
def bar(title: str, total: int, unit: str = "rows") -> Iterator[Callable[..., None]]:
    """Show progress; the block gets a function to call with the number done so far and, at will, a note.

    A bar with rate and time left on a terminal; plain lines in the log and where there is no terminal.
    """
    console = Console(file=_terminal or sys.stderr)
    lines = _ProgressLines(title, total, unit, console.is_terminal)
    with _progress_bar(console) as progress:
        task = progress.add_task(title, total=total, clock=lines)

        def advance(done: int, note: str = "") -> None:
            lines.advance(done, note)
            progress.update(task, completed=done)

        yield advance
    lines.end()


def _progress_bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[clock]}"),
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


class Clock:
    """Rate and time left of a job, by what it did in the last minutes.

    What was done at the first call, such as cached answers, cost no time and counts for neither.
    """

    def __init__(self, total: int):
        self.total = total
        self.past: list[tuple[float, int]] = []  # seconds and number done, back to the start of the window

    def advance(self, now: float, done: int) -> None:
        """Note that `done` of the total are done at `now`, in seconds."""
        if self.past and done <= self.past[-1][1]:
            return
        self.past.append((now, done))
        while len(self.past) > _FEWEST + 1 and self.past[1][0] < now - _WINDOW:
            del self.past[0]

    @property
    def rate(self) -> float | None:
        """Units a second; None before the second advance, and within the first second."""
        if not self.past or self.past[-1][0] - self.past[0][0] < 1:
            return None
        (start, before), (end, done) = self.past[0], self.past[-1]
        return (done - before) / (end - start)

    def left(self, now: float) -> float | None:
        """Seconds left at `now`; None where there is no rate."""
        if not (rate := self.rate):
            return None
        end, done = self.past[-1]
        return max(0.0, (self.total - done) / rate - (now - end))


class _ProgressLines:
    """Progress as text: all of it for a bar, and as lines for the log or, without a terminal, for a person."""

    def __init__(self, title: str, total: int, unit: str, on_terminal: bool):
        self.title, self.total, self.unit, self.on_terminal = title, total, unit, on_terminal
        self.start = self.last = self.said = time.monotonic()
        self.done, self.note, self.clock = 0, "", Clock(total)

    def advance(self, done: int, note: str = "") -> None:
        """Note what is done, and write a line where the last one is some seconds old."""
        self.done, self.note, now = done, note or self.note, time.monotonic()
        self.clock.advance(now, done)
        if now - self.last < _SECONDS_BETWEEN_LINES or self.clock.rate is None or done >= self.total:
            return
        self.last, line = now, f"{self.title}: {self.at(now)}"
        if self.on_terminal or now - self.said < min(_MINUTE, now - self.start):
            if _terminal is not None:
                _log(line)
            return
        self.said = now
        say(line)

    def at(self, now: float) -> str:
        """How far it is: number done, rate, time left and the note."""
        parts = [f"{self.done:,} of {self.total:,} {self.unit}"]
        if rate := self.clock.rate:
            parts.append(
                f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s" if rate >= 1 else f"{1 / rate:.2g} s each"
            )
            parts.append(f"{duration(self.clock.left(now) or 0)} left")
        return ", ".join([*parts, self.note] if self.note else parts)

    def __format__(self, spec: str) -> str:
        """The text beside the bar."""
        return self.at(time.monotonic())

    def end(self) -> None:
        """Write how long it took to the log."""
        _log(f"{self.title}: {counted(self.done, self.unit)} in {duration(time.monotonic() - self.start)}")


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
