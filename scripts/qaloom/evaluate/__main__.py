"""Command `python -m qaloom.evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from qaloom.config.load import load_config
from qaloom.console import job
from qaloom.evaluate.stage import Sources, evaluate


def command(
    split: Path, base: Path, run: Path, out: Path,
    contradictions: Path = Path("results/dedup/contradictions.jsonl"),
    config: Annotated[Path | None, typer.Option(help="a configuration; without one, its defaults")] = None,
    cache: Path = Path("cache/generate"),
) -> None:  # fmt: skip
    """Evaluate the adapter folder RUN against the BASE folder on the SPLIT folder; write to OUT."""
    sources = Sources(split, contradictions, base, run)
    evaluate(run.name, sources, out, load_config(config)["evaluate"], cache)


if __name__ == "__main__":
    with job():
        typer.run(command)
