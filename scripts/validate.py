"""Gather the validated files into results/validate: rows.jsonl, rejected.jsonl, stats.json."""

from pathlib import Path

from qaloom.console import job
from qaloom.validate.stage import gather


def main(parts: list[str], out: Path) -> None:
    gather([Path(part).parent for part in parts], out)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        stats = [path for path in snakemake.input if path.endswith("stats.json")]
        main(stats, Path(snakemake.output.stats).parent)
