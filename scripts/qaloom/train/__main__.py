"""Command `python -m qaloom.train`."""

from pathlib import Path

import typer

from qaloom.config.load import load_config
from qaloom.console import job
from qaloom.train.stage import train


def command(
    rows: Path,
    base: Path,
    out: Path,
    settings: Path,
    run: str,
    cache: Path = Path("cache/train"),
    gpus: int = 1,
) -> None:
    """Train run RUN of the configuration SETTINGS on ROWS and write it to OUT."""
    train(run, rows, base, out, load_config(settings)["runs"][run], cache, gpus=gpus)


if __name__ == "__main__":
    with job():
        typer.run(command)
