"""`make run`: check what a person configured, then hand over to Snakemake.

Snakemake traces some mistakes (YAML, a missing file) and stops at a dead run's lock; both are dealt with
here before it starts. Everything else is plain `snakemake`.
"""

import os
import subprocess
import sys
import time
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
    _unlock_dead(directory, command)
    started = time.time()
    with _Claim(directory):
        code = subprocess.call([*command, *(arguments or ["--cores", "all"])])
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


class _Claim:
    """A note of who runs in a folder, so that a lock left by a dead run can be told from a live one."""

    def __init__(self, directory: Path):
        self.note = directory / ".snakemake" / "qaloom.pid"

    def __enter__(self) -> None:
        self.note.parent.mkdir(exist_ok=True)
        self.note.write_text(str(os.getpid()))

    def __exit__(self, *_: object) -> None:
        self.note.unlink(missing_ok=True)


def _unlock_dead(directory: Path, command: list[str]) -> None:
    """Take away the lock of a run that is no longer there. Raises BusyError when it is, or may be."""
    if not any((directory / ".snakemake" / "locks").glob("*")):
        return
    note = _Claim(directory).note
    if not note.is_file():
        raise BusyError(
            f"{directory} is locked by a snakemake that was started by hand; wait for it or, if it is gone, "
            f"run: snakemake --snakefile {ROOT / 'Snakefile'} --directory {directory} --unlock"
        )
    process = int(note.read_text() or 0)
    if _alive(process):
        raise BusyError(f"another run is at work in {directory} (process {process}); wait for it or stop it")
    say(f"An earlier run in {directory} ended without cleaning up; taking its lock away and going on.")
    subprocess.run([*command, "--unlock"], check=True, capture_output=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return process > 0


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
