"""What is done before the first job and after the last one."""

SUMMARY = Path("results/report/summary.txt")
SUMMARY_BEFORE = SUMMARY.exists() and SUMMARY.stat().st_mtime_ns


onstart:
    with job():
        if end_processes(Path.cwd()):
            print("Ended processes of a run here that was killed.", file=sys.stderr)
        refuse_slurm_jobs(Path.cwd())


onsuccess:
    # A run of some targets alone leaves the last report's figures as they are: they would mislead here.
    if SUMMARY.exists() and SUMMARY.stat().st_mtime_ns != SUMMARY_BEFORE:
        print(SUMMARY.read_text(encoding="utf-8"), end="")
