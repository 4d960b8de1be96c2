"""Ask base and tuned model the held-out questions; see qaloom.evaluate.stage."""

import json
from pathlib import Path

import msgspec

from qaloom.console import job
from qaloom.evaluate.grounded import GroundedOptions
from qaloom.evaluate.stage import Sources, evaluate
from qaloom.inference.embeddings import embedder_of


def main(run: str, sources: Sources, out: Path, settings: str, grounded: str) -> None:
    options = msgspec.json.decode(grounded, type=GroundedOptions) if grounded else GroundedOptions()
    evaluate(run, sources, out, json.loads(settings), Path("cache/generate"), options)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, given = snakemake.input, snakemake.params
        split, base, adapter = (Path(files[name]).parent for name in ("recall", "base", "adapter"))
        model = Path(files.embedder).parent if files.get("embedder") else None
        embedder = embedder_of({"embedding_threshold": json.loads(given.alike or "0")}, model)
        sources = Sources(split, Path(files.contradictions), base, adapter, embedder)
        out = Path(snakemake.output.metrics).parent
        main(snakemake.wildcards.run, sources, out, given.settings, given.grounded)
