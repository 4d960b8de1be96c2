"""Ask base and tuned model the held-out questions; see qaloom.evaluate."""

import json
from pathlib import Path

from qaloom.evaluate import evaluate
from qaloom.job import job


def main(run: str, split: Path, base: Path, adapter: Path, out: Path, settings: str) -> None:
    evaluate(run, split, base, adapter, out, json.loads(settings), Path("cache/generate"))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        split, base, adapter = (Path(snakemake.input[name]).parent for name in ("recall", "base", "adapter"))
        out = Path(snakemake.output.metrics).parent
        main(snakemake.wildcards.run, split, base, adapter, out, snakemake.params.settings)
