"""Command `python -m qaloom.report`."""

from pathlib import Path
from typing import Annotated

import typer

from qaloom.console import job
from qaloom.report.stage import report


def command(
    results: Annotated[Path, typer.Argument(help="the results folder of a project")],
    out: Annotated[Path, typer.Option(help="the page to write")] = Path("report.html"),
) -> None:
    """Write the report on every evaluated run of a results folder."""
    with job():
        runs = sorted({path.name for part in ("train", "evaluate") for path in (results / part).glob("*/")})
        report(results, runs, out, {"name": results.resolve().parent.name})
        typer.echo(out)


if __name__ == "__main__":
    typer.run(command)
