"""Estimate of a run's duration: what its jobs took here last time, by their benchmark files."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, to_builtins

from qaloom.console import counted, duration
from qaloom.files import read_lines, write_lines
from qaloom.report.job_times import last_benchmark
from qaloom.workflow.explain import PlannedJob
from qaloom.workflow.run_log import RunState

EXPECTED = Path(".snakemake/qaloom-expected.jsonl")
_BENCHMARK = ".benchmark.jsonl"
_MARGIN = 60.0  # seconds; clocks of a shared disk differ


class ExpectedJob(Struct):
    """A job with what it took last time, in seconds; None where it was not timed in this folder.

    `uncertain` is true where it may be spared.
    """

    benchmark: str
    seconds: float | None
    uncertain: bool


def expected_jobs(jobs: Iterable[PlannedJob], directory: Path) -> list[ExpectedJob]:
    """The jobs of a plan with their last durations in a project's folder."""
    return [ExpectedJob(job.benchmark, _recorded(directory / job.benchmark), job.uncertain) for job in jobs]


def _recorded(benchmark: Path) -> float | None:
    """Seconds of a job's last run; None where it was not timed."""
    found = last_benchmark(benchmark) if benchmark.is_file() else None
    return found.s if found else None


def note_expected(jobs: Sequence[ExpectedJob]) -> None:
    """Keep the jobs for `make status`."""
    with suppress(OSError):  # a full disk is said by the jobs
        write_lines(EXPECTED, map(to_builtins, jobs))


def estimate_line(jobs: Sequence[ExpectedJob]) -> str:
    """A sentence on how long the jobs take; empty without any."""
    if not jobs:
        return ""
    if all(job.seconds is None for job in jobs):
        return (
            "How long this takes is not known yet, as no job was timed in this folder; a training says its minutes "
            "once it is planned."
        )
    certain = duration(sum(job.seconds or 0 for job in jobs if not job.uncertain))
    most = duration(sum(job.seconds or 0 for job in jobs))
    span = f"about {most}" if certain == most else f"between {certain} and {most}"
    return f"This takes {span}, as these jobs took in this folder last time (an estimate){_untimed(jobs)}."


def time_left(directory: Path, state: RunState, now: float) -> str:
    """A sentence on how long the rest of a run takes; empty where no job of it was timed before."""
    if not _is_of(directory / EXPECTED, state):
        return ""
    jobs = read_lines(directory / EXPECTED, ExpectedJob)
    left = [job for job in jobs if not _written_since(directory / job.benchmark, state.started)]
    since = {job.log.removesuffix(".log"): job.since for job in state.running.values()}
    seconds = [
        max(0.0, job.seconds - (now - since.get(job.benchmark.removesuffix(_BENCHMARK), now)))
        for job in left
        if job.seconds is not None
    ]
    if not seconds:
        return ""
    most = "at most " if any(job.uncertain for job in left) else ""
    return (
        f"{most}about {duration(sum(seconds))} left, as its jobs took last time (an estimate){_untimed(left)}"
    )


def _is_of(expected: Path, state: RunState) -> bool:
    """Whether the jobs were kept for this run and not for an earlier one."""
    return _written_since(expected, state.started - _MARGIN)


def _written_since(file: Path, started: float) -> bool:
    return file.is_file() and file.stat().st_mtime >= started


def _untimed(jobs: Iterable[ExpectedJob]) -> str:
    number = sum(job.seconds is None for job in jobs)
    return f"; not timed yet: {counted(number, 'jobs')}" if number else ""
