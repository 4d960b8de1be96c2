"""Write results/report/index.html from what the other stages left in results/."""

from pathlib import Path

from qaloom.job import job, say
from qaloom.report import report


def main(page: Path, runs: list[str], project: dict) -> None:
    report(page.parents[1], runs, page, project)
    say(f"The report is in {page}")


if __name__ == "__main__":
    with job(snakemake.log[0]):  # noqa: F821
        main(Path(snakemake.output.page), snakemake.params.runs, snakemake.params.project)  # noqa: F821
