"""Write question-answer rows from one document; see qaloom.documents."""

import os
from pathlib import Path
from typing import Any

from qaloom.console import job
from qaloom.documents.stage import question_document


def main(path: str, out: Path, settings: dict[str, Any], models: Path) -> None:
    question_document(Path(path), path, out, settings, models, Path("cache/documents"))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        os.environ["OMP_NUM_THREADS"] = str(snakemake.threads)  # read when torch is imported
        # The whole section: how a server is reached decides no result and so is no parameter.
        out = Path(snakemake.output.stats).parent
        main(snakemake.params.name, out, snakemake.config["documents"], Path("results/base_model"))
