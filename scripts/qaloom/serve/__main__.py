"""Command `python -m qaloom.serve`."""

from pathlib import Path
from typing import Annotated

import typer

from qaloom.console import job
from qaloom.serve.access import access_to, api_key
from qaloom.serve.listening import FurtherNames, Host, KeyVariable, Port
from qaloom.serve.server import serve


def command(
    run: Annotated[str, typer.Argument(help="the name of a trained run")] = "demo",
    project: Annotated[Path, typer.Option(help="the project's folder")] = Path(),
    host: Host = "127.0.0.1",
    port: Port = 8000,
    base: Annotated[bool, typer.Option(help="serve the base model too")] = True,
    grounded: Annotated[
        bool, typer.Option(help="put near rows into the prompt and cite them, as serve.grounded does")
    ] = False,
    api_key_env: KeyVariable = "",
    name: FurtherNames = None,
) -> None:
    """Serve a run's tuned model beside its base model."""
    with job():  # without the log, which is not to hold the key
        access = access_to(host, api_key(host, api_key_env), name or ())
    with job(project / "logs/serve" / f"{run}.log"):
        serve(project, run, host, port, base, access, grounded)


if __name__ == "__main__":
    typer.run(command)
