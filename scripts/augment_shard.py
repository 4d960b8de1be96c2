"""Paraphrase one shard of the questions; see qaloom.augment.providers."""

import os
from pathlib import Path
from typing import Any

from qaloom.augment.providers import paraphrase
from qaloom.console import job


def main(questions: str, out: str, settings: dict[str, Any]) -> None:
    paraphrase(Path(questions), Path(out), settings, Path("results/base_model"), Path("cache/augment"))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        os.environ["OMP_NUM_THREADS"] = str(snakemake.threads)  # read when torch is imported
        # The whole section: how a server is reached decides no result and so is no parameter.
        main(snakemake.input.questions, snakemake.output[0], snakemake.config["augment"])
