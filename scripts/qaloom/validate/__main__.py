"""Command `python -m qaloom.validate`."""

from pathlib import Path
from typing import Annotated

import typer

from qaloom.config.settings import Answers
from qaloom.console import job
from qaloom.files import digest
from qaloom.validate.stage import ReadOptions, gather, validate_file


def command(
    sources: Annotated[list[Path], typer.Argument(help="files, or folders that datasets saved")],
    out: Annotated[Path, typer.Option(help="folder to write to")],
    answers: Annotated[Answers, typer.Option(help="of a dialogue that become rows: last or all")] = "last",
    question: Annotated[str, typer.Option(help="key of the question, where it has a name of your own")] = "",
    answer: Annotated[str, typer.Option(help="key of the answer, the same")] = "",
) -> None:
    """Validate source files: rows.jsonl, rejected.jsonl and stats.json."""
    own = ("question", question), ("answer", answer)
    reading = ReadOptions(answers, tuple(pair for pair in own if pair[1]))
    with job():
        parts = [out / "files" / digest(str(source))[:16] for source in sources]
        for source, part in zip(sources, parts, strict=True):
            validate_file(source, str(source), part, reading)
        gather(parts, out)


if __name__ == "__main__":
    typer.run(command)
