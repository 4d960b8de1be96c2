"""Reads <results>/validate/rows.jsonl; writes <results>/dedup: good rows, once each, and contradictions."""


rule dedup:
    input:
        rows="<results>/validate/rows.jsonl",
        embedder=f"<results>/base_model/{model_name(EMBEDDER)}/manifest.json" if EMBEDDER else [],
    output:
        rows="<results>/dedup/rows.jsonl",
        rejected="<results>/dedup/rejected.jsonl",
        contradictions=report(
            "<results>/dedup/contradictions.jsonl",
            caption="../report/dedup.rst",
            category="2. Data",
            labels={"file": "contradictions to resolve"},
        ),
        clusters="<results>/dedup/clusters.jsonl",
        stats="<results>/dedup/stats.json",
    log:
        "<logs>/dedup/dedup.log",
    benchmark:
        "<logs>/dedup/dedup.benchmark.jsonl"
    threads: 2
    resources:
        **gpu_for(EMBEDDER),
    params:
        settings=settings("dedup"),
        code=code("dedup"),
    message:
        "Filtering rows, finding duplicates and contradictions"
    script:
        "../scripts/dedup.py"
