"""Validate one source file into a folder of its own: rows.jsonl, rejected.jsonl, stats.json."""

from pathlib import Path

from qaloom.config.settings import Answers
from qaloom.console import job
from qaloom.validate.stage import validate_file


def main(source: str, name: str, out: Path, answers: Answers) -> None:
    validate_file(Path(source), name, out, answers)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        main(snakemake.input[0], params.name, Path(snakemake.output.stats).parent, params.answers)
