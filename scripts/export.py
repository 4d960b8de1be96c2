"""Gather a run's verified exports; see qaloom.export.stage."""

from pathlib import Path

from qaloom.console import job
from qaloom.export.stage import RunRecords, export


def main(run: str, formats: list[str], files: dict, out: Path, max_drop: float) -> None:
    converted, parities = (
        dict(zip(formats, map(Path, files[name]), strict=True)) for name in ("converted", "parity")
    )
    base, evaluated = (Path(files[name]).parent for name in ("base", "evaluated"))
    memory = Path(files["memory"]) if files["memory"] else None
    about = RunRecords(Path(files["card"]), base, evaluated, memory)
    export(run, converted, parities, about, out, max_drop)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, out = snakemake.params, Path(snakemake.output.manifest).parent
        files = {name: value for name, value in snakemake.input.items()}
        main(snakemake.wildcards.run, params.formats, files, out, params.max_drop)
