"""Command `python -m qaloom.augment`."""

from pathlib import Path
from typing import Annotated

import typer

from qaloom.augment.stage import augment
from qaloom.config.load import load_config
from qaloom.console import job


def command(
    rows: Annotated[Path, typer.Argument(help="rows.jsonl of dedup")],
    out: Annotated[Path, typer.Option(help="folder to write to")],
    config: Annotated[Path | None, typer.Option(help="a configuration; without one, its defaults")] = None,
    proposed: Annotated[list[Path] | None, typer.Option(help="what qaloom.augment.providers wrote")] = None,
) -> None:
    """Add paraphrases of the questions."""
    with job():
        augment(rows, out, load_config(config)["augment"], proposed or [])


if __name__ == "__main__":
    typer.run(command)
