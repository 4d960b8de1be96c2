"""Bring a tuned model into one format; see qaloom.convert."""

from pathlib import Path

from qaloom.convert import convert
from qaloom.job import job


def main(kind: str, adapter: str, base: str, source: str, out: Path) -> None:
    convert(kind, Path(adapter).parent, Path(base).parent, Path(source) if source else None, out)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        main(snakemake.wildcards.format, files.adapter, files.base, files.source, Path(snakemake.output[0]))
