"""What is said and done before the first job and after the last one."""

import atexit

SUMMARY = Path("results/report/summary.txt")
SUMMARY_BEFORE = SUMMARY.exists() and SUMMARY.stat().st_mtime_ns


def cause_of(planned):
    """Why a job runs, in words, unless just because what it reads is made anew."""
    reason = workflow.dag.reason(planned)
    changed = reason.updated_input - reason.updated_input_run
    if reason.forced:
        return "asked for"
    if reason.missing_output:
        return "not made yet"
    if reason.incomplete_output:
        return "was interrupted"
    if changed:
        return f"{min(changed)} changed" if len(changed) == 1 else f"{len(changed)} of its files changed"
    # Snakemake looks no further once it has one reason; a change of settings makes a "may" certain.
    params = workflow.persistence.params_changed(planned)
    if params:
        new = {key for key, value in planned.params.items() if repr(value) in params.only_new}
        return "the program changed" if new == {"code"} else "settings changed"
    return "other files than before" if reason.input_changed else None


def planned_jobs():
    """The jobs that are to run, in their order, as `explain` takes them.

    A job may be spared when it is reached from other jobs through the checkpoint alone.
    """
    dag, certain, plan = workflow.dag, set(), []
    for level in dag.toposorted(set(dag.needrun_jobs(exclude_finished=False))):
        for planned in sorted(level, key=lambda one: (one.rule.name, *one.wildcards)):
            cause = cause_of(planned)
            if cause or any(read in certain and not read.is_checkpoint for read in dag.dependencies[planned]):
                certain.add(planned)
            of = " ".join(SOURCES.get(value, value) for value in planned.wildcards)
            plan.append(Planned(planned.rule.name, of, cause, planned not in certain))
    return [one for one in plan if one.rule != "all"]


def explain_dry_run():
    if workflow._executor_plugin is not None and workflow.dryrun and len(workflow.dag):
        print("", *explain(planned_jobs()), sep="\n", file=sys.stderr)


if workflow.is_main_process:
    atexit.register(explain_dry_run)


onstart:
    print(*explain(planned_jobs()), sep="\n", file=sys.stderr)
    with job():
        refuse_slurm_jobs(Path.cwd())
        if ended := end_processes(Path.cwd()):
            print(f"Ended {ended} processes of a run here that was killed.", file=sys.stderr)


onsuccess:
    # A run of some targets alone leaves the last report's figures as they are: they would mislead here.
    if SUMMARY.exists() and SUMMARY.stat().st_mtime_ns != SUMMARY_BEFORE:
        print(SUMMARY.read_text(encoding="utf-8"), end="")
