"""Times the exact join beside what else finds near-duplicates, on the same keys, in one run.

    python benchmarks/bench_join.py --rows 10000 100000 [--million]

Each measurement is a process of its own, so that its peak memory is its own; kernels are compiled and the
keys are made before the clock starts. CPU-seconds count all threads. Recall is against the join's pairs,
which --rows 10000 compares with brute force; the approximate methods have their candidates checked by
rapidfuzz, so none of them reports a wrong pair. Writes benchmarks/join.json.
"""

import argparse
import importlib.util
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist
from records import make_keys

from qaloom.join import similar_pairs

SEED = 1
THRESHOLDS = (0.90, 0.93, 0.95)
BRUTE_FORCE_ROWS = 10_000
APPROXIMATE_ROWS = 100_000
OUT = Path(__file__).with_name("join.json")
Finder = Callable[[list[str], float], set[tuple[int, int]]]


def main() -> None:
    arguments = _arguments()
    results = []
    for rows in [*arguments.rows, *([1_000_000] if arguments.million else [])]:
        for threshold in THRESHOLDS if rows < 1_000_000 else THRESHOLDS[-1:]:
            results += _compare(rows, threshold)
    OUT.write_text(json.dumps({**_circumstances(), "results": results}, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument(
        "--million", action="store_true", help="also the join of 1,000,000 rows at .95 (a minute or two)"
    )
    return parser.parse_args()


def _compare(rows: int, threshold: float) -> list[dict]:
    """One line of the table for each method that suits this many rows."""
    if threshold == THRESHOLDS[0] or rows >= 1_000_000:
        print(
            f"\n{rows:,} rows\n{'method':<22}{'t':>5}{'pairs':>9}{'recall':>8}{'CPU s':>9}{'peak MB':>9}",
            flush=True,
        )
    exact = _measured("join", rows, threshold)
    pairs = exact.pop("found")
    lines = [exact | {"recall": 1.0}]
    for method in _others(rows, threshold):
        line = _measured(method, rows, threshold)
        found = line.pop("found")
        lines.append(
            line | {"recall": round(len(pairs & found) / max(1, len(pairs)), 4), "extra": len(found - pairs)}
        )
    for line in lines:
        print(
            f"{line['method']:<22}{line['threshold']:>5.2f}{line['pairs']:>9,}{line['recall']:>8.3f}"
            f"{line['cpu_seconds']:>9.2f}{line['peak_mb']:>9,.0f}",
            flush=True,
        )
    return lines


def _others(rows: int, threshold: float) -> list[str]:
    """What to set beside the join: brute force while affordable, MinHash at the lowest threshold."""
    brute = ["cdist"] if rows <= BRUTE_FORCE_ROWS else []
    if threshold > THRESHOLDS[0] or rows > APPROXIMATE_ROWS:
        return brute
    hashed = []
    for package in ("rensa", "datasketch"):
        if importlib.util.find_spec(package):
            hashed.append(package)
        else:
            print(f"{package:<22} not installed, skipped")
    return brute + hashed


def _measured(method: str, rows: int, threshold: float) -> dict:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, method, rows, threshold).result()


def _measure(method: str, rows: int, threshold: float) -> dict:
    find = FINDERS[method]
    find(["compile first", "compile this first"], threshold)
    keys = make_keys(rows, SEED)
    before = _peak_mb()
    cpu, wall = time.process_time(), time.perf_counter()
    found = find(keys, threshold)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "method": method,
        "rows": rows,
        "threshold": threshold,
        "pairs": len(found),
        "cpu_seconds": round(cpu, 3),
        "wall_seconds": round(wall, 3),
        "peak_mb": round(_peak_mb()),
        "peak_before_mb": round(before),
        "found": found,
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _join(keys: list[str], threshold: float) -> set[tuple[int, int]]:
    pairs = similar_pairs(keys, threshold)
    return set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))


def _cdist(keys: list[str], threshold: float) -> set[tuple[int, int]]:
    """Brute force at its quickest: float32 and a loose cutoff, as a tight one drops pairs exactly at it."""
    scores = cdist(
        keys,
        keys,
        scorer=Indel.normalized_similarity,
        score_cutoff=threshold - 1e-3,
        dtype=np.float32,
        workers=1,
    )
    pairs = ((int(i), int(j)) for i, j in zip(*np.nonzero(scores), strict=True) if i < j)
    return {(i, j) for i, j in pairs if Indel.normalized_similarity(keys[i], keys[j]) >= threshold}


def _rensa(keys: list[str], threshold: float) -> set[tuple[int, int]]:
    """MinHash of character trigrams in 25 bands of 5, each candidate checked by rapidfuzz."""
    from rensa import RMinHash, RMinHashLSH

    lsh = RMinHashLSH(threshold=0.5, num_perm=125, num_bands=25)
    return _hashed(
        keys,
        threshold,
        lsh.query,
        lsh.insert,
        lambda grams: _updated(RMinHash(num_perm=125, seed=SEED), grams),
    )


def _datasketch(keys: list[str], threshold: float) -> set[tuple[int, int]]:
    """As `_rensa`."""
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(num_perm=125, params=(25, 5))

    def hashed(grams: list[str]) -> MinHash:
        return _updated(MinHash(num_perm=125, seed=SEED), [g.encode() for g in grams], "update_batch")

    return _hashed(keys, threshold, lsh.query, lsh.insert, hashed)


def _updated(minhash, grams: list, method: str = "update"):
    getattr(minhash, method)(grams)
    return minhash


def _hashed(
    keys: list[str], threshold: float, query: Callable, insert: Callable, hashed: Callable
) -> set[tuple[int, int]]:
    found = set()
    for j, key in enumerate(keys):
        minhash = hashed([key[i : i + 3] for i in range(len(key) - 2)])
        found.update((i, j) for i in query(minhash) if Indel.normalized_similarity(keys[i], key) >= threshold)
        insert(j, minhash)
    return found


FINDERS: dict[str, Finder] = {"join": _join, "cdist": _cdist, "rensa": _rensa, "datasketch": _datasketch}


def _circumstances() -> dict:
    cpu = next(
        (
            x.split(":")[1].strip()
            for x in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in x
        ),
        "",
    )
    packages = {}
    for name in ("numba", "numpy", "rapidfuzz", "rensa", "datasketch"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    return {
        "command": " ".join(["python", *sys.argv]), "date": time.strftime("%Y-%m-%d"), "seed": SEED,
        "machine": f"{cpu or platform.processor()}, {len(os.sched_getaffinity(0))} cores",
        "python": platform.python_version(), "packages": packages,
    }  # fmt: skip


if __name__ == "__main__":
    main()
