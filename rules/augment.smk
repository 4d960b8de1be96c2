"""Reads <results>/dedup/rows.jsonl; writes <results>/augment: the same rows and further wordings."""


rule augment:
    input:
        rows="<results>/dedup/rows.jsonl",
    output:
        rows="<results>/augment/rows.jsonl",
        rejected="<results>/augment/rejected.jsonl",
        stats="<results>/augment/stats.json",
    log:
        "<logs>/augment/augment.log",
    benchmark:
        "<logs>/augment/augment.benchmark.jsonl"
    params:
        settings=settings("augment"),
        code=code("augment"),
    message:
        "Writing further wordings of the questions"
    script:
        "../scripts/augment.py"
