"""Command `python -m qaloom.review`."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from qaloom.console import counted, job, say
from qaloom.project_files import DECISIONS
from qaloom.review.app import review_application
from qaloom.review.state import ReviewState
from qaloom.serve.access import Access, access_to, api_key
from qaloom.serve.listening import (
    FurtherNames,
    Host,
    KeyVariable,
    Port,
    bound,
    listening_at,
    run_until_stopped,
)


def review(project: Path, host: str, port: int, user: str, access: Access) -> None:
    """Serve the review page of a project until Ctrl-C.

    Raises DataError when its rows are not read yet, PortError when the address is taken.
    """
    with bound(host, port) as socket:
        state = ReviewState(project, user)
        say(
            f"review: {counted(len(state.rows), 'rows')} at {listening_at(socket, host)}; decisions go to "
            f"{project / DECISIONS}; Ctrl-C ends"
        )
        run_until_stopped(review_application(state, access), socket)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "reviewer"


def command(
    project: Annotated[Path, typer.Option(help="the project's folder")] = Path(),
    host: Host = "127.0.0.1",
    port: Port = 8001,
    user: Annotated[str, typer.Option(help="who decides, until the page is told another name")] = "",
    api_key_env: KeyVariable = "",
    name: FurtherNames = None,
) -> None:
    """Review a project's rows in the browser: approve, edit, drop, merge."""
    with job():  # without the log, which is not to hold the key
        access = access_to(host, api_key(host, api_key_env, "review"), name or ())
    with job(project / "logs/review/review.log"):
        review(project, host, port, user or _user_name(), access)


if __name__ == "__main__":
    typer.run(command)
