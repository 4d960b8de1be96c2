"""Stop of a Snakemake with everything that it started, within half a minute of SIGINT, SIGTERM or SIGHUP.

At SIGTERM Snakemake would wait until its jobs are done, which a training is hours later; SIGINT to it alone reaches
no job. What was finished stays, and a training goes on from its last checkpoint.
"""

import os
import signal
import threading
from contextlib import suppress
from types import FrameType

import psutil

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Seconds. At Ctrl-C the terminal signals the jobs, too; a second signal would cut their clean-up short.
_TERMINAL = 2.0
_PATIENCE = 20.0  # seconds until what still runs is killed


def stop_with_jobs() -> None:
    """From now on end this process and its jobs at a signal. Called once Snakemake has set its own handlers."""
    with suppress(ImportError):
        import polars  # noqa: F401  (Snakemake imports it with the first job, and it takes SIGINT for itself then)
    for number in _SIGNALS:
        signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    _later(_TERMINAL if number == signal.SIGINT else 0, signal.SIGINT)
    _later(_PATIENCE, signal.SIGKILL)
    raise KeyboardInterrupt


def _later(seconds: float, number: int) -> None:
    timer = threading.Timer(seconds, signal_descendants, [os.getpid(), number])
    timer.daemon = True
    timer.start()


def signal_descendants(pid: int, number: int) -> None:
    """Send a signal to every process that the process `pid` started, the innermost first."""
    with suppress(psutil.NoSuchProcess):
        for process in reversed(psutil.Process(pid).children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
