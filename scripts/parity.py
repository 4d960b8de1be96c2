"""Compare an export's answers with the tuned model's; see qaloom.export.parity."""

import json
from pathlib import Path

from qaloom.console import job
from qaloom.export.parity import parity


def main(kind: str, files: dict[str, str], out: Path, settings: dict) -> None:
    run, base, split = (Path(files[name]).parent for name in ("adapter", "base", "recall"))
    parity(kind, Path(files["export"]), run, base, split, Path(files["predictions"]), out, settings)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        settings = json.loads(snakemake.params.settings)
        main(snakemake.wildcards.format, dict(snakemake.input.items()), Path(snakemake.output[0]), settings)
