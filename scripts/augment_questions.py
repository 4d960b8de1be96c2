"""Sort the questions into shards for the models; see qaloom.augment.providers."""

from pathlib import Path

from qaloom.augment.providers import write_questions
from qaloom.console import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        write_questions(Path(snakemake.input.rows), list(map(Path, snakemake.output)))
