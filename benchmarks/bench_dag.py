"""What Snakemake itself costs when a project has many source files: `python benchmarks/bench_dag.py`.

Times the dry run of projects of one-row files, and a run of some of their jobs; writes benchmarks/dag.json.
CPU-seconds of the whole process tree, which other work on the machine hardly changes; wall-clock it does.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARDS = (6, 2_000, 10_000)
JOBS = 20


def project(folder: Path, shards: int) -> None:
    (folder / "data").mkdir(parents=True)
    for number in range(shards):
        row = {"question": f"Where is place number {number} of them?", "answer": f"Room {number}"}
        (folder / "data" / f"{number:06}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (folder / "config.yaml").write_text('data: {sources: ["data/*.jsonl"]}\nruns: {one: {}}\n')


def cost(folder: Path, *arguments: str) -> dict[str, float]:
    """CPU- and wall-clock seconds and the largest process's peak memory of one Snakemake."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    command += ["--directory", str(folder), "--configfile", str(folder / "config.yaml"), *arguments]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - started
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": round(cpu, 2), "wall_s": round(wall, 1), "peak_mb": round(after.ru_maxrss / 1024)}


def main() -> None:
    measured = {"python": platform.python_version(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as temporary:
        for shards in SHARDS:
            folder = Path(temporary) / str(shards)
            project(folder, shards)
            measured[f"dry_run_{shards}"] = cost(folder, "--dry-run")
        folder = Path(temporary) / "jobs"
        project(folder, JOBS)
        first = cost(folder, "--until", "validate_file")
        again = cost(folder, "--until", "validate_file")
    measured["nothing_to_do_cpu_s"] = again["cpu_s"]
    measured["job_cpu_s"] = round((first["cpu_s"] - again["cpu_s"]) / JOBS, 3)
    (ROOT / "benchmarks" / "dag.json").write_text(json.dumps(measured, indent=2) + "\n")
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
