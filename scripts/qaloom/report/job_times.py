"""Time and peak memory of each rule's jobs, as Snakemake's benchmark files have them from their last run."""

from pathlib import Path
from typing import NamedTuple

import msgspec

_MIB = 2**20
_ORDER = (
    "documents", "validate_file", "validate", "dedup", "augment_questions", "augment_shard", "augment", "split",
    "base_model", "train", "evaluate", "final", "memory_check", "convert", "parity",
)  # fmt: skip


class Benchmark(msgspec.Struct):
    """Fields of a benchmark file: seconds, and MiB resident; its CPU time leaves out processes that ended."""

    s: float
    max_rss: float | str = 0  # 'NA' or '-' of a job too short to be looked at


class RuleTime(NamedTuple):
    """Jobs of a rule: how many, their seconds in all, and the most memory of one (bytes; 0 is unknown)."""

    rule: str
    jobs: int
    seconds: float
    peak_bytes: int


def rule_times(logs: Path) -> list[RuleTime]:
    """Times of the rules that ran, in the order of the workflow; export and report, which come last, are left out.

    A file that was cut off is passed over.
    """
    found = ((rule, _benchmarks(logs / rule)) for rule in _ORDER)
    return [_of_rule(rule, benchmarks) for rule, benchmarks in found if benchmarks]


def _benchmarks(folder: Path) -> list[Benchmark]:
    return [one for path in sorted(folder.glob("*.benchmark.jsonl")) if (one := last_benchmark(path))]


def last_benchmark(path: Path) -> Benchmark | None:
    """The last run of a job in its benchmark file; None where the file was cut off."""
    lines = path.read_bytes().splitlines()
    try:
        return msgspec.json.decode(lines[-1], type=Benchmark) if lines else None
    except msgspec.DecodeError:
        return None


def _of_rule(rule: str, benchmarks: list[Benchmark]) -> RuleTime:
    rss = max((one.max_rss for one in benchmarks if not isinstance(one.max_rss, str)), default=0)
    return RuleTime(rule, len(benchmarks), sum(one.s for one in benchmarks), round(rss * _MIB))
