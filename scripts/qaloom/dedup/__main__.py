"""Command `python -m qaloom.dedup`."""

from pathlib import Path
from typing import Annotated

import typer

from qaloom.config.load import load_config
from qaloom.console import job
from qaloom.dedup.stage import dedup
from qaloom.inference.embeddings import embedder_of


def command(
    rows: Annotated[Path, typer.Argument(help="rows.jsonl of the validate stage")],
    out: Annotated[Path, typer.Option(help="folder to write to")],
    embedding_model: Annotated[
        Path | None, typer.Option(help="folder of an embedding model, results/base_model/NAME")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="a configuration; without one, its defaults")] = None,
) -> None:
    """Filter and deduplicate rows; contradictions and clusters of questions are written beside them."""
    with job():
        whole = load_config(config)
        dedup(rows, out, whole["dedup"], embedder=embedder_of(whole["dedup"], embedding_model))


if __name__ == "__main__":
    typer.run(command)
