"""Ask a final model what it was trained on; see qaloom.evaluate.memory_check."""

import json
from pathlib import Path

from qaloom.console import job
from qaloom.evaluate.memory_check import MemorySources, memory_check


def main(run: str, files: dict[str, str], out: Path, settings: dict) -> None:
    folders = (Path(files[name]).parent for name in ("rows", "base", "final", "evaluated"))
    sources = MemorySources(*folders, predictions=Path(files["predictions"]))
    memory_check(run, sources, out, settings, Path("cache/generate"))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        settings, out = json.loads(snakemake.params.settings), Path(snakemake.output.metrics).parent
        main(snakemake.wildcards.run, dict(snakemake.input.items()), out, settings)
