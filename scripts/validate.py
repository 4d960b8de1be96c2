"""Gather validated files into results/validate: rows.jsonl, rejected.jsonl, stats.json."""

from pathlib import Path

from qaloom.console import job
from qaloom.validate.reviewed import Review
from qaloom.validate.stage import as_found, gather


def main(parts: list[str], out: Path, decisions: str | None) -> None:
    write = Review(Path(decisions)).write if decisions else as_found
    gather([Path(part).parent for part in parts], out, write)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        stats = [path for path in snakemake.input if path.endswith("stats.json")]
        main(stats, Path(snakemake.output.stats).parent, snakemake.input.get("decisions"))
