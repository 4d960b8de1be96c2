"""Gather a run's verified exports; see qaloom.export.stage."""

from pathlib import Path

from qaloom.console import job
from qaloom.export.stage import export


def main(run: str, formats: list[str], files: dict[str, list[str]], out: Path, max_drop: float) -> None:
    converted, parities = (
        dict(zip(formats, map(Path, files[name]), strict=True)) for name in ("converted", "parity")
    )
    export(run, converted, parities, Path(files["card"]), Path(files["base"]).parent, out, max_drop)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, out = snakemake.params, Path(snakemake.output.manifest).parent
        files = {name: value for name, value in snakemake.input.items()}
        main(snakemake.wildcards.run, params.formats, files, out, params.max_drop)
