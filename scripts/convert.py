"""Convert a tuned model to one format; see qaloom.export.convert."""

from pathlib import Path

from qaloom.console import job
from qaloom.export.convert import convert


def main(kind: str, adapter: str, base: str, source: str, out: Path) -> None:
    convert(kind, Path(adapter).parent, Path(base).parent, Path(source) if source else None, out)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        main(snakemake.wildcards.format, files.adapter, files.base, files.source, Path(snakemake.output[0]))
