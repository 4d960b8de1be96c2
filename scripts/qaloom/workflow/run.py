"""`make run`: check the configuration, then run Snakemake.

Snakemake answers some mistakes (YAML, a missing file) with a traceback and stops at a dead run's lock; both
are handled here before it starts. Everything else is plain `snakemake`.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from qaloom.commands import command_line, option_text
from qaloom.config.load import DEMO, PROJECT_FILE, ROOT, load_config, sources
from qaloom.console import job, say, terminal_language
from qaloom.errors import ConfigError, QALoomError, StorageError
from qaloom.validate.head import check_sources
from qaloom.workflow.data_project import QUICK, data_project, examples, quick_project
from qaloom.workflow.leftovers import cancel_slurm_jobs, end_processes
from qaloom.workflow.stopping import signal_descendants

_PATIENCE = 25.0  # seconds that Snakemake has to end its jobs
# Snakemake's own lines stay in its log; its profiles would keep from ours, too, which jobs are done.
# One argument each: either option would take a target that follows it for a further value.
_LOGGED = ("--logger=qaloom", "--quiet=host")
LAUNCHED = "QALOOM_LAUNCHED"  # set for a Snakemake whose last lines are printed here
_DRY_RUN = {"-n", "--dry-run", "--dryrun"}
_LEAST_DISK = 10_000_000  # bytes; below, Snakemake cannot even write its own metadata


class BusyError(QALoomError):
    """Another run is active in the same folder."""


def run(config: Path | None, directory: Path, profile: str | None, arguments: list[str]) -> int:
    """Run the workflow in `directory`; return Snakemake's exit code.

    `config` is looked for where the command is given, then in `directory`; None is config.yaml in `directory`,
    or the demo where there is none.
    `profile` is a name under profiles/ or a folder of your own; None is this machine alone.
    Raises ConfigError for a bad configuration, SourceError for a source that holds no rows, StorageError for a
    full disk, BusyError when another run is active there, and LeftoverError when a dead run's jobs cannot be ended.
    """
    if not directory.is_dir():
        raise ConfigError(
            f"{option_text('DIR')}: there is no folder {directory}; make it and put your rows there"
        )
    chosen = _find(config, directory)
    data = load_config(chosen)["data"]
    check_sources(sources(data["sources"], directory), directory, data["columns"])
    command = _command_line(chosen, directory, profile)
    lock = directory / ".snakemake" / "qaloom.lock"
    if _DRY_RUN.intersection(arguments):
        return _dry_run([*command, *_LOGGED, *arguments], lock)
    _check_disk(directory)
    stale, started = lock.exists(), time.time()
    with _held(lock) as descriptor:
        cancel_slurm_jobs(directory)
        _unlock(directory, command, stale)
        code = _call([*command, *_LOGGED, *arguments], descriptor)
        _clean_up(directory, command, code)
    if code:
        _say_where_logs_are(directory, started)
        _check_disk(directory)
    else:
        _say_figures(directory, started)
    return code


def _dry_run(command: list[str], lock: Path) -> int:
    """Print the jobs that would run. Nothing is changed, so that no lock is needed beside a run at work."""
    if lock.exists():
        say("A run is at work here: what it finishes meanwhile is left out below.")
    return subprocess.run(command, check=False).returncode


def _command_line(config: Path, directory: Path, profile: str | None) -> list[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(directory)]
    command += ["--configfile", str(config)] if config != DEMO else []
    return [*command, *(["--workflow-profile", str(_profile(profile))] if profile else ["--cores", "all"])]


def _find(config: Path | None, directory: Path) -> Path:
    if config is None:
        own = (directory / PROJECT_FILE).absolute()
        return own if own.is_file() else DEMO
    found = next((path for path in (config, directory / config) if path.is_file()), None)
    if found is None:
        raise ConfigError(f"{config}: no such file, here or in {directory}; name your configuration")
    return found.absolute()


def _profile(name: str) -> Path:
    found = next((path for path in (ROOT / "profiles" / name, Path(name)) if path.is_dir()), None)
    if found is None:
        known = ", ".join(sorted(path.name for path in (ROOT / "profiles").iterdir()))
        raise ConfigError(
            f"{option_text('PROFILE')}: there is no profile {name}; there are {known}, or name a folder of yours"
        )
    return found.absolute()


@contextmanager
def _held(lock: Path) -> Iterator[int]:
    """Hold the folder's lock; yields its descriptor for Snakemake to inherit.

    Raises BusyError if another run holds it. The kernel releases it with the last process that holds it. The
    file of a killed run stays behind, which shows that a lock of Snakemake's in this folder is that run's.
    """
    lock.parent.mkdir(exist_ok=True)
    with lock.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"another run is active in {lock.parents[1]}; wait for it or stop it, or look at it: "
                f"{command_line('status', lock.parents[1])}"
            ) from None
        try:
            yield stream.fileno()
        finally:
            lock.unlink()


def _check_disk(directory: Path) -> None:
    """Raise StorageError when the disk is as good as full, before a run or as the cause of its end."""
    if shutil.disk_usage(directory).free < _LEAST_DISK:
        raise StorageError(f"the disk that holds {directory} is full; free some space and run again")


def _unlock(directory: Path, command: list[str], stale: bool) -> None:
    """Remove Snakemake's lock of a killed run. Raises BusyError when it may be somebody else's."""
    if not any((directory / ".snakemake" / "locks").glob("*")):
        return
    if not stale:
        raise BusyError(
            f"{directory} is locked by a snakemake that was started by hand; wait for it or, if it is gone, "
            f"run: snakemake --snakefile {ROOT / 'Snakefile'} --directory {directory} --unlock"
        )
    say(f"An earlier run in {directory} was killed; removing its lock and going on.")
    subprocess.run([*command, "--unlock"], check=True, capture_output=True)


def _clean_up(directory: Path, command: list[str], code: int) -> None:
    """End what a Snakemake leaves that was killed, or stopped in the middle of its jobs."""
    if code < 0:
        say("Snakemake was killed; run again to go on.")
        cancel_slurm_jobs(directory)
        subprocess.run([*command, "--unlock"], check=True, capture_output=True)
    if ended := end_processes(directory):
        say(f"Ended {ended} processes of this run that were still running.")


def _call(command: list[str], descriptor: int) -> int:
    """Run Snakemake to its end; at Ctrl-C, which it receives too, it still has jobs to stop.

    SIGTERM and SIGHUP are passed on to it: it ends its jobs then (see `stopping`). What is left of them is killed.
    """
    with subprocess.Popen(command, pass_fds=[descriptor], env=os.environ | {LAUNCHED: "1"}) as process:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: _pass_on(process.pid, number))
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def _pass_on(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    timer = threading.Timer(_PATIENCE, signal_descendants, [os.getpid(), signal.SIGKILL])
    timer.daemon = True
    timer.start()


def _say_where_logs_are(directory: Path, since: float) -> None:
    """Name Snakemake's log of a run that failed: it holds all lines of its own."""
    logs = (directory / ".snakemake/log").glob("*.log")
    if newest := max((log for log in logs if log.stat().st_mtime >= since), default=None):
        say(f"Not finished; what is done is kept. The logs: {directory / 'logs'} and {newest}")


def _say_figures(directory: Path, since: float) -> None:
    """Print the lines that end a run, on stdout, if this run wrote a report."""
    summary = directory / f"results/report/summary.{terminal_language()}.txt"
    if summary.is_file() and summary.stat().st_mtime >= since:
        page = "results/report/index.html"
        print(summary.read_text("utf-8").replace(page, str(directory / page)), end="", flush=True)


def command(
    arguments: Annotated[list[str] | None, typer.Argument(help="further arguments for Snakemake")] = None,
    config: Annotated[
        Path | None, typer.Option(help="your configuration; config.yaml in the folder, else the demo")
    ] = None,
    directory: Annotated[Path | None, typer.Option(help="your project's folder; the current one")] = None,
    profile: Annotated[str | None, typer.Option(help="slurm, kubernetes or a folder of your own")] = None,
    data: Annotated[str, typer.Option(help="rows, a file, folder or glob: makes a project of its own")] = "",
    quick: Annotated[bool, typer.Option(help="all stages in minutes; the figures mean nothing")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="only say what would run")] = False,
) -> None:
    """Check the configuration and run the workflow."""
    if (data or quick) and (config or (data and quick)):
        raise ConfigError(
            f"{option_text('DATA')}, {option_text('QUICK')} and {option_text('CONFIG')} each name a "
            "configuration; give one of them"
        )
    if data:
        directory = data_project(data, directory)
        config = directory / PROJECT_FILE
    elif quick:
        directory, config = quick_project(directory), QUICK
    further = ["-n"] * dry_run + (arguments or [])
    code = run(config, directory or Path(), profile, further)
    if code == 0 and not _DRY_RUN.intersection(further):
        if quick:
            say("This was a quick look, a few steps on a few rows: its figures mean nothing.")
        if data and directory:
            for line in examples(directory):
                say(line)
    raise typer.Exit(code)


if __name__ == "__main__":
    with job():
        typer.run(command)
