"""Command `qaloom init`: a project to begin with, which runs as it is: the demo's configuration and rows."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from qaloom.config.load import DEMO, PROJECT_FILE, ROOT
from qaloom.console import job, say
from qaloom.errors import ConfigError

_ROWS = Path("data/demo")
_HEADING = "# Every setting, with its range and its default (in brackets); one left out has its default.\n\n"


def init(project: Path) -> None:
    """Write config.yaml and example rows to a folder, new or without either; say what to do next.

    Raises ConfigError rather than write over a file.
    """
    for taken in (project / PROJECT_FILE, project / _ROWS):
        if taken.exists():
            raise ConfigError(f"{taken} is there already; name another folder")
    shutil.copytree(ROOT / _ROWS, project / _ROWS)
    settings = DEMO.read_text("utf-8").partition("\n\n")[2]
    (project / PROJECT_FILE).write_text(_HEADING + settings, "utf-8")
    say(f"{project}: {PROJECT_FILE} with every setting, and example rows in {_ROWS}")
    say(f"Next: cd {project} && qaloom run -n (says what would run; without -n it does)")
    say(f"Your own rows: name their files in data.sources of {PROJECT_FILE}")


def command(
    project: Annotated[Path, typer.Argument(help="the folder of the new project")],
) -> None:
    """Write a project to begin with."""
    init(project)


if __name__ == "__main__":
    with job():
        typer.run(command)
