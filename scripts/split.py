"""Split rows into train, recall and unseen, and audit them. Reads results/augment and dedup's clusters."""

import json
from pathlib import Path

from qaloom.console import job
from qaloom.split.stage import split


def main(rows, clusters, out, settings, threshold):
    split(Path(rows), Path(clusters), Path(out), json.loads(settings), float(threshold))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        read, out, given = snakemake.input, snakemake.output, snakemake.params
        main(read.rows, read.clusters, Path(out.manifest).parent, given.settings, given.threshold)
