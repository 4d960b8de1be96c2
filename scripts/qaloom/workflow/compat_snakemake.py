"""Everything that QA Loom reads of Snakemake's objects and that its documentation does not promise.

The Snakefile hands over its `workflow`; nothing here imports Snakemake. Where an attribute is missing or
has changed, the workflow runs on without what it was read for, and one line says so.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qaloom.workflow.estimate import ExpectedJob, expected_jobs
from qaloom.workflow.explain import PlannedJob, explain

# Snakemake's objects have no types of their own that could be named here.
Workflow = Any
Job = Any


def configuration_files(workflow: Workflow, arguments: Sequence[str] = tuple(sys.argv)) -> list[str]:
    """Files given with `--configfile`; without the attribute, as they stand in the command line."""
    try:
        return [str(path) for path in workflow.overwrite_configfiles or ()]
    except (AttributeError, TypeError):
        return _after_option("--configfile", arguments)


def _after_option(option: str, arguments: Sequence[str]) -> list[str]:
    """Values of an option: `--configfile a b`, `--configfiles=a`."""
    values: list[str] = []
    inside = False
    for argument in arguments:
        if argument.startswith("-"):
            name, _, value = argument.partition("=")
            inside = name in (option, f"{option}s")
            values += [value] if inside and value else []
        elif inside:
            values.append(argument)
    return values


def is_main_process(workflow: Workflow) -> bool:
    """Whether this Snakemake schedules jobs, as opposed to one that a job starts; if unknown, it does."""
    return bool(getattr(workflow, "is_main_process", True))


def dry_run_lines(workflow: Workflow, sources: Mapping[str, str]) -> list[str]:
    """Lines that explain a dry run; none when it is no dry run or when nothing is to run."""
    try:
        return explanation(workflow, sources) if workflow.dryrun and len(workflow.dag) else []
    except (AttributeError, TypeError) as error:
        return [_unavailable(error)]


def explanation(workflow: Workflow, sources: Mapping[str, str]) -> list[str]:
    """Lines that say which jobs are to run and why; `sources` maps a wildcard's value to a source file."""
    try:
        return explain(planned_jobs(workflow, sources))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [_unavailable(error)]


def expectation(workflow: Workflow, directory: Path) -> list[ExpectedJob]:
    """Jobs that are to run with what they took last time in `directory`; none where Snakemake does not say which."""
    try:
        return expected_jobs(planned_jobs(workflow, {}), directory)
    except (AttributeError, KeyError, TypeError, ValueError):
        return []


def _unavailable(error: Exception) -> str:
    return f"Why jobs run cannot be shown with this Snakemake ({error}); the workflow itself is not affected."


def planned_jobs(workflow: Workflow, sources: Mapping[str, str]) -> list[PlannedJob]:
    """Jobs that are to run, in their order.

    A job may be spared when other jobs reach it through the checkpoint alone.
    """
    dag = workflow.dag
    certain: set[Job] = set()
    plan = []
    for job in _in_order(dag):
        cause = cause_of(workflow, job)
        if cause or any(before in certain and not before.is_checkpoint for before in dag.dependencies[job]):
            certain.add(job)
        subject = " ".join(sources.get(value, value) for value in job.wildcards)
        benchmark = str(getattr(job, "benchmark", None) or "")
        plan.append(PlannedJob(job.rule.name, subject, cause, job not in certain, benchmark))
    return [job for job in plan if job.rule != "all"]


def _in_order(dag: Any) -> Iterable[Job]:
    for level in dag.toposorted(set(dag.needrun_jobs(exclude_finished=False))):
        yield from sorted(level, key=lambda job: (job.rule.name, *job.wildcards))


def cause_of(workflow: Workflow, job: Job) -> str | None:
    """Why a job runs, in words; None when only because its input is made anew."""
    reason = workflow.dag.reason(job)
    if reason.forced:
        return "asked for"
    if reason.missing_output:
        return "not made yet"
    if reason.incomplete_output:
        return "was interrupted"
    if changed := reason.updated_input - reason.updated_input_run:
        return f"{min(changed)} changed" if len(changed) == 1 else f"{len(changed)} of its files changed"
    # Snakemake looks no further once it has one reason; a change of settings makes a "may" certain.
    if params := workflow.persistence.params_changed(job):
        new = {key for key, value in job.params.items() if repr(value) in params.only_new}
        if new == {"content"}:
            return f"{min(job.input)} changed"
        return "the program changed" if new == {"code"} else "settings changed"
    return "other files than before" if reason.input_changed else None
