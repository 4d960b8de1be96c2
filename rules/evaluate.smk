"""Reads adapters and held-out questions; writes <results>/evaluate/<run>: answers, scores, failures, model card."""


rule evaluate:
    input:
        adapter="<results>/train/{run}/manifest.json",
        base=base_model_of,
        train=split_file("train.jsonl"),
        recall=split_file("recall.jsonl"),
        unseen=split_file("unseen.jsonl"),
        placement=split_file("placement.jsonl"),
        lookalike=split_file("lookalike.jsonl"),
        contradictions=after_split("<results>/dedup/contradictions.jsonl"),
        embedder=embedder_of_rows,
    output:
        predictions="<results>/evaluate/{run}/predictions.jsonl",
        failures="<results>/evaluate/{run}/failures.jsonl",
        lookalike="<results>/evaluate/{run}/lookalike.jsonl",
        facts="<results>/evaluate/{run}/facts.jsonl",
        forgetting="<results>/evaluate/{run}/forgetting.jsonl",
        card=report(
            "<results>/evaluate/{run}/README.md",
            caption="../report/model_card.rst",
            category="3. Model cards",
            labels={"run": "{run}"},
        ),
        metrics=report(
            "<results>/evaluate/{run}/metrics.json",
            caption="../report/evaluate.rst",
            category="4. Metrics",
            labels={"run": "{run}"},
        ),
    log:
        "<logs>/evaluate/{run}.log",
    benchmark:
        "<logs>/evaluate/{run}.benchmark.jsonl"
    threads: 16
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: settings("evaluate"),  # not as text: a rubric may hold {braces}
        grounded=grounded_settings,
        alike=lambda wildcards: (
            settings("dedup", "embedding_threshold") if embedder_of_rows(wildcards) else ""
        ),
        code=code("evaluate", "evaluate/forgetting.yaml", "evaluate/judge.yaml"),
    message:
        "Asking base and tuned model of {wildcards.run} the held-out questions"
    script:
        "../scripts/evaluate.py"
