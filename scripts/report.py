"""Write the report page, its tables and the closing lines; see qaloom.report.stage."""

import json
from pathlib import Path

from qaloom.console import job
from qaloom.report.stage import report


def main(page: Path, runs: list[str], project: dict, logs: Path) -> None:
    report(page.parents[1], runs, page, project, logs)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        project = {"name": Path.cwd().name, "command": params.command, "config": json.loads(params.settings)}
        main(Path(snakemake.output.page), params.runs, project, Path(snakemake.log[0]).parents[1])
