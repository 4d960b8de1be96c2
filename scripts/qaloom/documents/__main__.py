"""Command `python -m qaloom.documents`."""

from pathlib import Path
from typing import Annotated

import typer

from qaloom.config.load import load_config
from qaloom.console import job
from qaloom.documents.stage import question_document


def command(
    document: Annotated[Path, typer.Argument(help="PDF, DOCX, HTML, Markdown or plain text")],
    out: Annotated[Path, typer.Option(help="folder to write to")],
    config: Annotated[Path, typer.Option(help="a configuration that names a server or model in documents")],
    models: Annotated[Path, typer.Option(help="what base_model wrote")] = Path("results/base_model"),
    cache: Annotated[Path, typer.Option(help="where replies are kept")] = Path("cache/documents"),
) -> None:
    """Write question-answer rows from a document."""
    with job():
        question_document(document, str(document), out, load_config(config)["documents"], models, cache)


if __name__ == "__main__":
    typer.run(command)
