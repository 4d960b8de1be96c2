"""Times reading, validating and finding near-duplicates beside what else does it, on the same records.

    python benchmarks/bench.py [--rows 10000 100000]
    python benchmarks/bench.py --million

Each measurement is a process of its own, so that its peak memory is its own; kernels are compiled and
records are made before the clock starts. CPU-seconds count all threads; `times` is CPU against ours.
Recall is against the exact join's pairs, which at 10,000 rows are compared with brute force. Writes
bench.json. With --million instead (about ten minutes): a million rows, about 400 MB, through reading, the
join at .95, also beside 100,000 rows, each data stage by itself, and all of them by `snakemake --cores 2`;
writes bench_million.json. With --stages, too, the stages by themselves alone: bench_stages.json.
"""

import argparse
import contextlib
import io
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench_join import FINDERS, SEED
from records import make_records, squash

MILLION = 1_000_000
THRESHOLDS = (0.90, 0.93, 0.95)
BRUTE_FORCE_ROWS = 10_000
HERE = Path(__file__).parent
PACKAGES = ("msgspec", "pandas", "numba", "numpy", "rapidfuzz", "rensa", "datasketch", "polars")
HEAD = f"{'':<10}{'':<22}{'t':>5}{'found':>11}{'recall':>8}{'extra':>7}{'CPU s':>9}{'times':>7}{'peak MB':>9}"


def main() -> None:
    """Print the table line by line and write what was measured."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--million", action="store_true", help="one million rows instead")
    parser.add_argument("--stages", action="store_true", help="with --million: the data stages alone")
    arguments = parser.parse_args()
    table = _table
    if arguments.million:
        table = _stages_alone if arguments.stages else _million
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="qaloom-bench-") as temporary:
        million = [MILLION] if arguments.stages else [MILLION // 10, MILLION]
        for rows in million if arguments.million else arguments.rows:
            folder = Path(temporary) / str(rows)
            _measured(_make, rows, folder)  # apart: a child's peak is never below its parent's
            print(f"\n{rows:,} rows\n{HEAD}", flush=True)
            for line in table(rows, folder):
                print(_shown(line), flush=True)
                results.append(line)
    name = "bench_stages.json" if arguments.stages else "bench_million.json"
    path = HERE / (name if arguments.million else "bench.json")
    path.write_text(json.dumps({**_circumstances(), "results": results}, indent=1) + "\n", encoding="utf-8")


def _make(rows: int, folder: Path) -> None:
    """Write records as a source file has them, and their distinct question keys."""
    folder.mkdir()
    keys: dict[str, None] = {}
    records = make_records(rows + rows // 8, SEED)
    with (folder / "source.jsonl").open("w", encoding="utf-8") as stream:
        for number, record in enumerate(records):
            if number < rows:
                pair = {"question": record["question"], "answer": record["answer"]}
                stream.write(json.dumps(pair, ensure_ascii=False) + "\n")
            keys.setdefault(squash(record["question"]))
    (folder / "keys.json").write_text(json.dumps(list(keys)[:rows], ensure_ascii=False), encoding="utf-8")


def _table(rows: int, folder: Path) -> Iterable[dict[str, Any]]:
    yield from _against_first("reading", READERS, rows, folder)
    yield from _against_first("validating", {"validate_file": _validate}, rows, folder)
    for threshold in THRESHOLDS:
        yield from _joins(rows, threshold, folder)


def _million(rows: int, folder: Path) -> Iterable[dict[str, Any]]:
    """Of a tenth of a million only the join, which shows how it grows."""
    if rows == MILLION:
        yield from _against_first("reading", READERS, rows, folder)
    yield from _joins(rows, THRESHOLDS[-1], folder)
    if rows == MILLION:
        yield from _stages_alone(rows, folder)
        yield from _workflow(rows, folder)


def _against_first(
    what: str, methods: dict[str, Callable], rows: int, folder: Path
) -> Iterable[dict[str, Any]]:
    ours = None
    for method, function in methods.items():
        line = {"what": what, "method": method, "rows": rows} | _measured(_read_with, function, folder)
        ours = ours or line["cpu_seconds"]
        yield line | {"times": round(line["cpu_seconds"] / ours, 2)}


def _joins(rows: int, threshold: float, folder: Path) -> Iterable[dict[str, Any]]:
    """The exact join, then brute force while affordable, and MinHash at the lowest threshold."""
    methods = ["exact join"] + ["cdist"] * (rows <= BRUTE_FORCE_ROWS)
    if threshold == THRESHOLDS[0]:
        methods += [method for method in FINDERS if method not in ("exact join", "cdist")]
    exact, ours = set(), 0.0
    for method in methods:
        line = {"what": "joining", "method": method, "rows": rows, "threshold": threshold}
        line |= _measured(_find_with, method, threshold, folder)
        pairs = line.pop("value")
        if method == "exact join":
            exact, ours = pairs, line["cpu_seconds"]
        recall = round(len(exact & pairs) / max(1, len(exact)), 4)
        times = round(line["cpu_seconds"] / ours, 2)
        yield line | {"recall": recall, "extra": len(pairs - exact), "times": times}


def _shown(line: dict[str, Any]) -> str:
    def field(key: str, form: str, width: int) -> str:
        return f"{format(line[key], form):>{width}}" if key in line else " " * width

    counts = field("threshold", ".2f", 5) + field("found", ",", 11)
    counts += field("recall", ".3f", 8) + field("extra", ",", 7)
    cost = field("cpu_seconds", ".2f", 9) + field("times", ".1f", 7) + field("peak_mb", ",", 9)
    return f"{line['what']:<10} {line['method']:<21}{counts}{cost}"


# --- one measurement, in a process of its own ---------------------------------------------------------


def _measured(task: Callable, *arguments: Any) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(task, *arguments).result()


def _timed(function: Callable, *arguments: Any) -> dict[str, Any]:
    before = _peak_mb()
    cpu, wall = time.process_time(), time.perf_counter()
    value = function(*arguments)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    measured = {"cpu_seconds": round(cpu, 3), "wall_seconds": round(wall, 3)}
    return {"value": value, **measured, "peak_mb": round(_peak_mb()), "peak_before_mb": round(before)}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _read_with(function: Callable, folder: Path) -> dict[str, Any]:
    _imports()
    measured = _timed(function, folder / "source.jsonl")
    return {"found": measured.pop("value"), **measured}


def _imports() -> None:
    import pandas  # noqa: F401

    import qaloom.validate.stage  # noqa: F401


def _find_with(method: str, threshold: float, folder: Path) -> dict[str, Any]:
    find = FINDERS[method]
    find(["compile first", "compile this first"], threshold)
    keys = json.loads((folder / "keys.json").read_bytes())
    measured = _timed(find, keys, threshold)
    return {"found": len(measured["value"]), **measured}


# --- reading and validating: each holds all rows, as the next step would need them --------------------


def _read_ours(source: Path) -> int:
    """Encoding found, every line diagnosed, fast path and slow."""
    from qaloom.validate.lines import read_source

    return len([line.value for line in read_source(source)])


def _read_json(source: Path) -> int:
    """The standard library, line by line; the first bad line would end it."""
    with source.open(encoding="utf-8") as stream:
        return len([json.loads(line) for line in stream])


def _read_pandas(source: Path) -> int:
    import pandas

    return len(pandas.read_json(source, lines=True))


def _validate(source: Path) -> int:
    from qaloom.validate.stage import validate_file

    with contextlib.redirect_stderr(io.StringIO()):  # its progress would stand between the table's lines
        return validate_file(source, source.name, source.with_name("validated"))["out"]


READERS = {
    "qaloom (msgspec)": _read_ours,
    "stdlib json": _read_json,
    "pandas.read_json": _read_pandas,
}


# --- the stages by themselves -------------------------------------------------------------------------


_PLAIN = {
    "providers": [],
    "forms": {"statement": False, "reverse": False, "cloze": False, "keywords": 0},
}  # rows as they came


def _stages_alone(rows: int, folder: Path) -> Iterable[dict[str, Any]]:
    """validate, dedup, augment without providers and forms, split at .95, one after the other, each a process."""
    lines = []
    for stage in ("validate", "dedup", "augment", "split"):
        measured = _measured(_stage_alone, stage, folder)
        del measured["value"]
        lines.append({"what": "stage", "method": stage, "rows": rows, "threshold": 0.95, **measured})
        yield lines[-1]
    yield {
        "what": "stage", "method": "all four", "rows": rows, "threshold": 0.95,
        "cpu_seconds": round(sum(line["cpu_seconds"] for line in lines), 2),
        "wall_seconds": round(sum(line["wall_seconds"] for line in lines), 2),
        "peak_mb": max(line["peak_mb"] for line in lines),
    }  # fmt: skip


def _stage_alone(stage: str, folder: Path) -> dict[str, Any]:
    from qaloom.augment.stage import augment
    from qaloom.config.load import defaults
    from qaloom.dedup.stage import dedup
    from qaloom.split.stage import split
    from qaloom.text.similarity_join import similar_pairs

    settings = defaults()
    threshold = THRESHOLDS[-1]
    similar_pairs(["compile first", "compile this first"], threshold)
    clusters = folder / "dedup/clusters.jsonl"
    run: dict[str, Callable[[], Any]] = {
        "validate": lambda: _validate(folder / "source.jsonl"),
        "dedup": lambda: dedup(
            folder / "validated/rows.jsonl", folder / "dedup", settings["dedup"] | {"threshold": threshold}
        ),
        "augment": lambda: augment(
            folder / "dedup/rows.jsonl", folder / "augment", settings["augment"] | _PLAIN
        ),
        "split": lambda: split(
            folder / "augment/rows.jsonl", clusters, folder / "split", settings["split"], threshold
        ),
    }
    with contextlib.redirect_stderr(io.StringIO()):
        return _timed(run[stage])


# --- the stages, in the workflow ----------------------------------------------------------------------

STAGES = ("validate_file", "validate", "dedup", "augment", "split")


def _workflow(rows: int, folder: Path) -> Iterable[dict[str, Any]]:
    """Sources to split at .95, without paraphrases: each stage as Snakemake saw it, then the whole of it."""
    project = {"data": {"sources": ["source.jsonl"]}, "runs": {"demo": {}}}
    project |= {"dedup": {"threshold": 0.95}, "augment": _PLAIN}
    (folder / "project.json").write_text(json.dumps(project), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", HERE.parent / "Snakefile"]
    command += ["split", "--directory", folder, "--configfile", folder / "project.json"]
    started = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the workflow failed:\n{said}")
    yield from (_stage(stage, rows, folder) for stage in STAGES)
    yield {
        "what": "workflow", "method": "all, with Snakemake", "rows": rows, "threshold": 0.95,
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "wall_seconds": round(time.perf_counter() - started, 2),
        "peak_mb": round(used.ru_maxrss / 1024),
    }  # fmt: skip


def _stage(stage: str, rows: int, folder: Path) -> dict[str, Any]:
    (path,) = (folder / "logs" / stage).glob("*.benchmark.jsonl")
    used = json.loads(path.read_text().splitlines()[-1])
    return {
        "what": "workflow", "method": stage, "rows": rows, "threshold": 0.95,
        "cpu_seconds": used["cpu_time"], "wall_seconds": used["s"], "peak_mb": round(used["max_rss"]),
    }  # fmt: skip


def _circumstances() -> dict[str, Any]:
    cpu = (
        x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x
    )
    return {
        "command": " ".join(["python", *sys.argv]), "date": time.strftime("%Y-%m-%d"), "seed": SEED,
        "machine": f"{next(cpu, platform.processor())}, {len(os.sched_getaffinity(0))} cores",
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(), "packages": {name: version(name) for name in PACKAGES},
    }  # fmt: skip


if __name__ == "__main__":
    main()
