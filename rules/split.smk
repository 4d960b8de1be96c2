"""Reads <results>/augment and the clusters; writes <results>/split: train, recall, unseen, look-alikes, and the audit."""


checkpoint split:
    input:
        rows="<results>/augment/rows.jsonl",
        clusters="<results>/dedup/clusters.jsonl",
        embedder=f"<results>/base_model/{model_name(EMBEDDER)}/manifest.json" if EMBEDDER else [],
    output:
        train="<results>/split/train.jsonl",
        recall="<results>/split/recall.jsonl",
        unseen="<results>/split/unseen.jsonl",
        placement="<results>/split/placement.jsonl",
        lookalike="<results>/split/lookalike.jsonl",
        taught="<results>/split/lookalike_training.jsonl",
        audit=report(
            "<results>/split/audit.json",
            caption="../report/split.rst",
            category="2. Data",
            labels={"file": "leak audit of the split"},
        ),
        manifest="<results>/split/manifest.json",
    log:
        "<logs>/split/split.log",
    benchmark:
        "<logs>/split/split.benchmark.jsonl"
    resources:
        **gpu_for(EMBEDDER),
    params:
        settings=settings("split"),
        alike=settings_of("dedup", "threshold", "embedding_threshold"),
        code=code("split"),
    message:
        "Placing rows in train, recall and unseen, and looking for leaks"
    script:
        "../scripts/split.py"
