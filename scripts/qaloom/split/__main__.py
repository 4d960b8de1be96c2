"""Command `python -m qaloom.split`."""

from pathlib import Path
from typing import Annotated

import typer

from qaloom.config.load import load_config
from qaloom.console import job
from qaloom.inference.embeddings import embedder_of
from qaloom.split.stage import split


def command(
    rows: Annotated[Path, typer.Argument(help="rows.jsonl of augment")],
    clusters: Annotated[Path, typer.Argument(help="clusters.jsonl of dedup")],
    out: Annotated[Path, typer.Option(help="folder to write to")],
    embedding_model: Annotated[
        Path | None, typer.Option(help="folder of an embedding model, results/base_model/NAME")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="a configuration; without one, its defaults")] = None,
) -> None:
    """Split rows into train, recall and unseen, and audit the result."""
    with job():
        whole = load_config(config)
        embedder = embedder_of(whole["dedup"], embedding_model)
        split(rows, clusters, out, whole["split"], whole["dedup"]["threshold"], embedder)


if __name__ == "__main__":
    typer.run(command)
