"""Add paraphrases of the questions. Reads results/dedup/rows.jsonl; writes results/augment."""

import json
from pathlib import Path

from qaloom.augment import augment
from qaloom.job import job


def main(rows, out, settings):
    augment(Path(rows), Path(out), json.loads(settings))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.rows, Path(snakemake.output.stats).parent, snakemake.params.settings)
