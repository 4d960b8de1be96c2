"""Command `python -m qaloom.augment`."""

from pathlib import Path
from typing import Annotated

import typer

from qaloom.augment.paraphrase_judge import judge_of
from qaloom.augment.stage import augment
from qaloom.config.load import load_config
from qaloom.console import job


def command(
    rows: Annotated[Path, typer.Argument(help="rows.jsonl of dedup")],
    out: Annotated[Path, typer.Option(help="folder to write to")],
    config: Annotated[Path | None, typer.Option(help="a configuration; without one, its defaults")] = None,
    judge: Annotated[
        Path | None, typer.Option(help="the folder of base_model that augment.gates.judge names")
    ] = None,
    proposed: Annotated[list[Path] | None, typer.Option(help="what qaloom.augment.providers wrote")] = None,
) -> None:
    """Add paraphrases of the questions."""
    with job():
        settings = load_config(config)["augment"]
        augment(rows, out, settings, proposed or [], judge_of(settings["gates"], judge))


if __name__ == "__main__":
    typer.run(command)
