"""Filter rows and remove duplicates. Reads results/validate/rows.jsonl; writes results/dedup."""

import json
from pathlib import Path

from qaloom.console import job
from qaloom.dedup.stage import dedup
from qaloom.inference.embeddings import embedder_of


def main(rows: str, out: Path, settings: str, threads: int, embedder: str | None) -> None:
    chosen = json.loads(settings)
    dedup(Path(rows), out, chosen, threads, embedder_of(chosen, Path(embedder).parent if embedder else None))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        out = Path(snakemake.output.stats).parent
        main(
            snakemake.input.rows,
            out,
            snakemake.params.settings,
            snakemake.threads,
            snakemake.input.get("embedder"),
        )
