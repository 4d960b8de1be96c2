"""Train one run; see qaloom.train.stage."""

import json
from pathlib import Path

from qaloom.console import job
from qaloom.train.stage import train


def main(run: str, files: dict[str, str], out: Path, settings: str, threads: int, gpus: int) -> None:
    rows, base = Path(files["rows"]), Path(files["base"]).parent
    start, twin = (Path(files[key]).parent if files.get(key) else None for key in ("start", "twin"))
    cache, values = Path("cache/train"), json.loads(settings)
    name = f"{run}, final" if twin else run
    train(name, rows, base, out, values, cache, start, threads, max(1, gpus), twin=twin)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, out = snakemake.params, Path(snakemake.output.manifest).parent
        files = dict(snakemake.input.items())
        main(snakemake.wildcards.run, files, out, params.settings, snakemake.threads, snakemake.resources.gpu)
