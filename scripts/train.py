"""Train one run; see qaloom.train.stage."""

import json
from pathlib import Path

from qaloom.console import job
from qaloom.train.stage import train


def main(
    run: str, rows: str, base: str, start: str, out: Path, settings: str, threads: int, gpus: int
) -> None:
    folder, cache = Path(start).parent if start else None, Path("cache/train")
    train(run, Path(rows), Path(base).parent, out, json.loads(settings), cache, folder, threads, max(1, gpus))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, params = snakemake.input, snakemake.params
        out = Path(snakemake.output.manifest).parent
        main(
            snakemake.wildcards.run,
            files.rows,
            files.base,
            files.start,
            out,
            params.settings,
            snakemake.threads,
            snakemake.resources.gpu,
        )
