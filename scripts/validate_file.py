"""Validate one source file into a folder of its own: rows.jsonl, rejected.jsonl, stats.json."""

import json
from pathlib import Path

from qaloom.config.settings import Answers
from qaloom.console import job
from qaloom.validate.stage import ReadOptions, validate_file


def main(source: str, name: str, out: Path, answers: Answers, columns: dict[str, str]) -> None:
    validate_file(Path(source), name, out, ReadOptions(answers, tuple(columns.items())))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        folder = Path(snakemake.output.stats).parent
        main(params.name, params.name, folder, params.answers, json.loads(params.columns))
