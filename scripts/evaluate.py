"""Ask base and tuned model the held-out questions; see qaloom.evaluate.stage."""

import json
from pathlib import Path

from qaloom.console import job
from qaloom.evaluate.stage import Sources, evaluate


def main(run: str, sources: Sources, out: Path, settings: str) -> None:
    evaluate(run, sources, out, json.loads(settings), Path("cache/generate"))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        split, base, adapter = (Path(files[name]).parent for name in ("recall", "base", "adapter"))
        sources = Sources(split, Path(files.contradictions), base, adapter)
        main(
            snakemake.wildcards.run, sources, Path(snakemake.output.metrics).parent, snakemake.params.settings
        )
