"""Command `qaloom`, also `python -m qaloom`: a sub-command is the command of its module."""

import sys
from importlib import import_module

import typer

from qaloom.console import job

# A module is imported only when it is asked for: some bring torch along.
_COMMANDS = {
    "init": ("qaloom.workflow.init", "write a project to begin with"),
    "run": ("qaloom.workflow.run", "from data to model to report"),
    "status": ("qaloom.workflow.status", "how far the run in a folder is"),
    "plan": ("qaloom.fit", "whether a model can be trained on a card"),
    "ask": ("qaloom.serve.ask", "ask the tuned model"),
    "serve": ("qaloom.serve.__main__", "the tuned model as an OpenAI-compatible API and a chat page"),
    "review": ("qaloom.review.__main__", "decide about rows in the browser"),
    "trace": ("qaloom.workflow.trace", "the history of one row"),
    "parquet": ("qaloom.workflow.parquet", "rows that a stage wrote as a Parquet file"),
    "publish": ("qaloom.export.publish", "hand on a proven export"),
}


def main() -> None:
    """Run the sub-command that the command line names."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h", "help"):
        print(_usage())
        return
    if name not in _COMMANDS:
        sys.exit(f"qaloom: there is no command {name}; known are {', '.join(_COMMANDS)}")
    app = typer.Typer(add_completion=False)
    app.command()(import_module(_COMMANDS[name][0]).command)
    with job():
        app(rest, prog_name=f"qaloom {name}")


def _usage() -> str:
    lines = [f"  {name:<9}{says}" for name, (_, says) in _COMMANDS.items()]
    return "\n".join(["usage: qaloom COMMAND [ARGUMENTS]; qaloom COMMAND --help says more", "", *lines])


if __name__ == "__main__":
    main()
