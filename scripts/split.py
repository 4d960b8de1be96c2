"""Split rows into train, recall and unseen, and audit the result; see qaloom.split.stage."""

import json
from pathlib import Path

from qaloom.console import job
from qaloom.split.stage import split


def main(rows: str, clusters: str, out: Path, settings: str, threshold: str) -> None:
    split(Path(rows), Path(clusters), out, json.loads(settings), float(threshold))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        read, out, given = snakemake.input, snakemake.output, snakemake.params
        main(read.rows, read.clusters, Path(out.manifest).parent, given.settings, given.threshold)
