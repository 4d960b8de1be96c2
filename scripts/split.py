"""Split rows into train, recall and unseen, and audit the result; see qaloom.split.stage."""

import json
from pathlib import Path

from qaloom.console import job
from qaloom.inference.embeddings import embedder_of
from qaloom.split.stage import split


def main(rows: str, clusters: str, out: Path, settings: str, alike: str, model: str | None) -> None:
    thresholds = json.loads(alike)
    embedder = embedder_of(thresholds, Path(model).parent if model else None)
    split(Path(rows), Path(clusters), out, json.loads(settings), thresholds["threshold"], embedder)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        read, given = snakemake.input, snakemake.params
        out = Path(snakemake.output.manifest).parent
        main(read.rows, read.clusters, out, given.settings, given.alike, read.get("embedder"))
