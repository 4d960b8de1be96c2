"""Split rows into train, recall and unseen, and audit them. Reads results/augment and the clusters of dedup."""

import json
from pathlib import Path

from qaloom.job import job
from qaloom.split import split


def main(rows, clusters, out, settings, threshold):
    split(Path(rows), Path(clusters), Path(out), json.loads(settings), float(threshold))


if __name__ == "__main__":
    with job(snakemake.log[0]):  # noqa: F821
        read, given = snakemake.input, snakemake.params  # noqa: F821
        main(read.rows, read.clusters, Path(snakemake.output.manifest).parent, given.settings, given.threshold)  # noqa: F821
