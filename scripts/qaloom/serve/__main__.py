"""Command `python -m qaloom.serve`."""

from pathlib import Path
from typing import Annotated

import typer

from qaloom.console import job
from qaloom.serve.server import serve


def command(
    run: Annotated[str, typer.Argument(help="the name of a trained run")] = "demo",
    project: Annotated[Path, typer.Option(help="the project's folder")] = Path(),
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any free one")] = 8000,
    base: Annotated[bool, typer.Option(help="serve the base model too")] = True,
) -> None:
    """Serve a run's tuned model beside its base model."""
    with job(project / "logs/serve" / f"{run}.log"):
        serve(project, run, host, port, base)


if __name__ == "__main__":
    typer.run(command)
