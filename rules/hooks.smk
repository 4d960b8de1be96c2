"""Printed and done before the first job and after the last one."""

import atexit
import os

PROJECT = Path.cwd()
SUMMARY = Path(f"results/report/summary.{terminal_language()}.txt")
SUMMARY_BEFORE = SUMMARY.exists() and SUMMARY.stat().st_mtime_ns


def explain_dry_run():
    if lines := compat_snakemake.dry_run_lines(workflow, FILES | DOCUMENTS):
        for line in filter(None, [*lines, estimate_line(compat_snakemake.expectation(workflow, PROJECT))]):
            say(line)


if compat_snakemake.is_main_process(workflow):
    atexit.register(explain_dry_run)


onstart:
    for line in compat_snakemake.explanation(workflow, FILES | DOCUMENTS):
        say(line)
    EXPECTED_JOBS = compat_snakemake.expectation(workflow, PROJECT)
    if ESTIMATE := estimate_line(EXPECTED_JOBS):
        say(ESTIMATE)
    note_expected(EXPECTED_JOBS)
    stop_with_jobs()
    with job():
        refuse_slurm_jobs(Path.cwd())
        if ended := end_processes(Path.cwd()):
            print(f"Ended {ended} processes of a run here that was killed.", file=sys.stderr)


onsuccess:
    # A run of some targets alone leaves the last report's figures as they are: they would mislead here.
    # `make run` prints them itself, below the lines of all jobs.
    if (
        "QALOOM_LAUNCHED" not in os.environ
        and SUMMARY.exists()
        and SUMMARY.stat().st_mtime_ns != SUMMARY_BEFORE
    ):
        print(SUMMARY.read_text(encoding="utf-8"), end="")


onerror:
    for line in note_killed_jobs(Path(log[-1])):
        say(line)
