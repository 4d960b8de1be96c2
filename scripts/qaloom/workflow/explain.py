"""Say in words what a run will do, what it may do, and why."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

_SHOWN = 4  # jobs of one rule that are named; of more, only how many


class Planned(NamedTuple):
    """A job that is to run. `of` is its run, model or source file, if its rule has one.

    `cause` is what it runs for by itself; None when only since what it reads is made anew. `may` is true
    when that hangs on what a checkpoint (the split) will bring.
    """

    rule: str
    of: str
    cause: str | None
    may: bool


def explain(jobs: Sequence[Planned]) -> list[str]:
    """One line for each cause, in the order of the jobs."""
    groups: dict[str, list[Planned]] = defaultdict(list)
    for job in jobs:
        groups[_why(job)].append(job)
    return [_sentence(why, group) for why, group in groups.items()]


def _why(job: Planned) -> str:
    if job.cause:
        return job.cause
    return "only if their input comes out different" if job.may else "input is made anew"


def _sentence(why: str, jobs: list[Planned]) -> str:
    rules: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        rules[job.rule].append(job.of)
    names = ", ".join(_names(rule, of) for rule, of in rules.items())
    may = all(job.may and not job.cause for job in jobs)
    return f"{'May' if may else 'Will'} run {names}: {why}."


def _names(rule: str, of: list[str]) -> str:
    if len(of) > _SHOWN:
        return f"{rule} ({len(of):,})"
    return ", ".join(f"{rule} {one}".strip() for one in of)
