"""Reads what all stages left; writes <results>/report: the page, its tables, and the lines that end a run."""


rule report:
    input:
        "<results>/validate/stats.json",
        "<results>/dedup/stats.json",
        "<results>/augment/stats.json",
        "<results>/split/audit.json",
        collect("<results>/train/{run}/metrics.json", run=RUNS),
        collect("<results>/evaluate/{run}/metrics.json", run=RUNS),
        collect("<results>/memory_check/{run}/metrics.json", run=FINAL),
        exports("<results>/parity/{run}/{format}.json"),
    output:
        page=report(
            "<results>/report/index.html",
            caption="../report/report.rst",
            category="1. Verdict",
            labels={"file": "report on all runs"},
        ),
        funnel=report(
            "<results>/report/funnel.csv",
            caption="../report/funnel.rst",
            category="2. Data",
            labels={"file": "rows in and out of each stage"},
        ),
        comparison="<results>/report/comparison.json",
        summary=collect("<results>/report/summary.{language}.txt", language=("en", "ko")),
    log:
        "<logs>/report/report.log",
    benchmark:
        "<logs>/report/report.benchmark.jsonl"
    params:
        runs=list(RUNS),
        command=f"{RUN_AGAIN} {relpath(CONFIG_NAME)}",
        settings=lambda wildcards: settings(),  # not as text: a prompt may hold {question}
        code=code(
            "report",
            "report/page.html.j2",
            "report/facts.html.j2",
            "report/made_up.html.j2",
            "report/page.css",
            "report/page.js",
            "sentences.yaml",
            "report/strings.yaml",
        ),
    message:
        "Writing the report"
    script:
        "../scripts/report.py"
