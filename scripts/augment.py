"""Add paraphrases of the questions. Reads results/dedup/rows.jsonl; writes results/augment."""

import json
from pathlib import Path

from qaloom.augment.paraphrase_judge import judge_of
from qaloom.augment.stage import augment
from qaloom.console import job


def main(rows: str, shards: list[str], out: Path, settings: str, judge: str | None) -> None:
    chosen = json.loads(settings)
    judging = judge_of(chosen["gates"], Path(judge).parent if judge else None)
    augment(Path(rows), out, chosen, [Path(shard) for shard in shards], judging)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        source, out = snakemake.input, Path(snakemake.output.stats).parent
        main(
            source.rows,
            source.get("shards", []),
            out,
            snakemake.params.settings,
            source.get("judge"),
        )
