"""Provide a base model; see qaloom.base_model.stage."""

from pathlib import Path

from qaloom.base_model.stage import base_model
from qaloom.console import job


def main(reference: str, out: Path, trust_remote_code: bool) -> None:
    base_model(reference, out, Path("cache/models"), trust_remote_code)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        out = Path(snakemake.output.manifest).parent
        main(snakemake.params.reference, out, snakemake.params.trust_remote_code)
