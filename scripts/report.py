"""Write the report page, its tables and the closing lines; see qaloom.report.stage."""

import json
from pathlib import Path

from qaloom.console import job
from qaloom.files import write_text
from qaloom.report.stage import closing_lines, report


def main(page: Path, lines: Path, runs: list[str], project: dict) -> None:
    results = page.parents[1]
    report(results, runs, page, project)
    write_text(lines, closing_lines(results, runs) + "\n")


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, output = snakemake.params, snakemake.output
        project = {"name": Path.cwd().name, "command": params.command, "config": json.loads(params.settings)}
        main(Path(output.page), Path(output.summary), params.runs, project)
