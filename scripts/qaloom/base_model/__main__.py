"""Command `python -m qaloom.base_model`."""

from pathlib import Path

import typer

from qaloom.base_model.stage import base_model
from qaloom.console import job


def command(
    reference: str, out: Path, cache: Path = Path("cache/models"), trust_remote_code: bool = False
) -> None:
    """Bring a base model (embedded:NAME, hub:ORG/NAME[@REVISION], path:FOLDER) to the folder OUT."""
    base_model(reference, out, cache, trust_remote_code)


if __name__ == "__main__":
    with job():
        typer.run(command)
