"""`make run`: check what a person configured, then hand over to Snakemake.

Snakemake traces some mistakes (YAML, a missing file) and stops at a dead run's lock; both are dealt with
here before it starts. Everything else is plain `snakemake`.
"""

import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from qaloom.config import DEMO, ROOT, load, sources
from qaloom.errors import ConfigError, QALoomError
from qaloom.job import job, say


class BusyError(QALoomError):
    """Another run is at work in the same folder."""


def run(config: Path | None, directory: Path, arguments: list[str]) -> int:
    """Run the workflow in `directory`; return Snakemake's exit code.

    `config` is looked for where the command is given, then in `directory`; None is the demo project.
    Raises ConfigError for a bad configuration and BusyError when another run is at work there.
    """
    if not directory.is_dir():
        raise ConfigError(f"DIR: there is no folder {directory}; make it and put your JSONL there")
    chosen = _find(config, directory)
    sources(load(chosen)["data"]["sources"], directory)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(directory)]
    command += ["--configfile", str(chosen)] if config else []
    note = directory / ".snakemake" / "qaloom.lock"
    left_behind, started = note.exists(), time.time()
    with _claimed(note) as claim:
        _unlock(directory, command, left_behind)
        code = _call([*command, *(arguments or ["--cores", "all"])], claim)
    if code:
        _repeat_errors(directory, started)
    return code


def _find(config: Path | None, directory: Path) -> Path:
    if config is None:
        return DEMO
    found = next((path for path in (config, directory / config) if path.is_file()), None)
    if found is None:
        raise ConfigError(f"{config}: no such file, here or in {directory}; name your configuration")
    return found.absolute()


@contextmanager
def _claimed(note: Path) -> Iterator[int]:
    """Hold the folder; yields a descriptor for Snakemake to inherit. Raises BusyError if another run has it.

    The kernel ends the claim with the last process that holds it, however that ends. The note then stays
    behind and tells that the lock which Snakemake left there was a run's of ours.
    """
    note.parent.mkdir(exist_ok=True)
    with note.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"another run is at work in {note.parents[1]}; wait for it or stop it") from None
        try:
            yield stream.fileno()
        finally:
            note.unlink()


def _unlock(directory: Path, command: list[str], left_behind: bool) -> None:
    """Take away the lock of a run that is gone. Raises BusyError when it may be somebody else's."""
    if not any((directory / ".snakemake" / "locks").glob("*")):
        return
    if not left_behind:
        raise BusyError(
            f"{directory} is locked by a snakemake that was started by hand; wait for it or, if it is gone, "
            f"run: snakemake --snakefile {ROOT / 'Snakefile'} --directory {directory} --unlock"
        )
    say(f"An earlier run in {directory} ended without cleaning up; taking its lock away and going on.")
    subprocess.run([*command, "--unlock"], check=True, capture_output=True)


def _call(command: list[str], claim: int) -> int:
    """Run Snakemake to its end: at Ctrl-C, which it gets as well, it still has jobs to stop."""
    with subprocess.Popen(command, pass_fds=[claim]) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def _repeat_errors(directory: Path, since: float) -> None:
    """Say once more, last, what the failed jobs said, since Snakemake's own lines have scrolled it away."""
    logs = sorted((directory / "logs").glob("*/*.log"))
    lines = [
        line
        for log in logs
        if log.stat().st_mtime >= since
        for line in log.read_text("utf-8", "replace").splitlines()
        if line.startswith("qaloom: ")
    ]
    for line in lines:
        say(line)


def _command(
    arguments: Annotated[list[str] | None, typer.Argument(help="further arguments for Snakemake")] = None,
    config: Annotated[Path | None, typer.Option(help="your configuration; the demo without it")] = None,
    directory: Annotated[Path, typer.Option(help="your project's folder")] = Path(),
) -> None:
    """Check the configuration and run the workflow."""
    raise typer.Exit(run(config, directory, arguments or []))


if __name__ == "__main__":
    with job():
        typer.run(_command)
