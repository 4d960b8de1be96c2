"""Validate one source file into a folder of its own: rows.jsonl, rejected.jsonl, stats.json."""

from pathlib import Path

from qaloom.console import job
from qaloom.validate.stage import validate_file


def main(source: str, name: str, out: Path) -> None:
    validate_file(Path(source), name, out)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input[0], snakemake.params.name, Path(snakemake.output.stats).parent)
