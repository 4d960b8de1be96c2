"""Explanation of a run before it starts: jobs that will run, jobs that may run, and why."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

_SHOWN = 4  # jobs of one rule that are named; of more, only how many


class PlannedJob(NamedTuple):
    """A job that is to run.

    `subject` is its run, model or source file, empty if its rule has none. `cause` is its own reason to run,
    None when only its input is made anew. `uncertain` is true when that depends on a checkpoint's output
    (the split's). `benchmark` is the file that Snakemake writes its duration to.
    """

    rule: str
    subject: str
    cause: str | None
    uncertain: bool
    benchmark: str = ""


def explain(jobs: Sequence[PlannedJob]) -> list[str]:
    """One line for each cause, in the order of the jobs."""
    groups: dict[str, list[PlannedJob]] = defaultdict(list)
    for job in jobs:
        groups[_why(job)].append(job)
    return [_sentence(why, group) for why, group in groups.items()]


def _why(job: PlannedJob) -> str:
    if job.cause:
        return job.cause
    return "only if their input comes out different" if job.uncertain else "input is made anew"


def _sentence(why: str, jobs: list[PlannedJob]) -> str:
    subjects: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        subjects[job.rule].append(job.subject)
    names = ", ".join(_names(rule, of_rule) for rule, of_rule in subjects.items())
    uncertain = all(job.uncertain and not job.cause for job in jobs)
    return f"{'May' if uncertain else 'Will'} run {names}: {why}."


def _names(rule: str, subjects: list[str]) -> str:
    if len(subjects) > _SHOWN:
        return f"{rule} ({len(subjects):,})"
    return ", ".join(f"{rule} {subject}".strip() for subject in subjects)
