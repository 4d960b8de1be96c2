"""Command `python -m qaloom.split`."""

from pathlib import Path
from typing import Annotated

import typer

from qaloom.config.load import load_config
from qaloom.console import job
from qaloom.split.stage import split


def command(
    rows: Annotated[Path, typer.Argument(help="rows.jsonl of augment")],
    clusters: Annotated[Path, typer.Argument(help="clusters.jsonl of dedup")],
    out: Annotated[Path, typer.Option(help="folder to write to")],
    config: Annotated[Path | None, typer.Option(help="a configuration; without one, its defaults")] = None,
) -> None:
    """Split rows into train, recall and unseen, and audit the result."""
    with job():
        settings = load_config(config)
        split(rows, clusters, out, settings["split"], settings["dedup"]["threshold"])


if __name__ == "__main__":
    typer.run(command)
