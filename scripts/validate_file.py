"""Validate one source file. Reads it whole; writes rows.jsonl, rejected.jsonl, stats.json into its own folder."""

from pathlib import Path

from qaloom.job import job
from qaloom.validate import validate_file


def main(source, name, out):
    validate_file(Path(source), name, Path(out))


if __name__ == "__main__":
    with job(snakemake.log[0]):  # noqa: F821
        main(snakemake.input[0], snakemake.params.name, Path(snakemake.output.stats).parent)  # noqa: F821
