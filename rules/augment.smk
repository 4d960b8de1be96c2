"""Reads <results>/dedup/rows.jsonl; writes <results>/augment: the same rows and further wordings."""


checkpoint augment_questions:
    input:
        rows="<results>/dedup/rows.jsonl",
    output:
        collect("<results>/augment/questions/{shard}.jsonl", shard=SHARDS),
    log:
        "<logs>/augment_questions/augment_questions.log",
    benchmark:
        "<logs>/augment_questions/augment_questions.benchmark.jsonl"
    params:
        code=code("augment_questions"),
    message:
        "Sorting the questions into shards"
    script:
        "../scripts/augment_questions.py"


rule augment_shard:
    input:
        questions=shard_questions,
        models=collect(
            "<results>/base_model/{model}/manifest.json",
            model=[model_name(name) for name in REWORDERS],
        ),
    output:
        "<results>/augment/shards/{shard}.jsonl",
    log:
        "<logs>/augment_shard/{shard}.log",
    benchmark:
        "<logs>/augment_shard/{shard}.benchmark.jsonl"
    threads: 16 if REWORDERS else 1
    resources:
        **gpu_for(REWORDERS),
    params:
        settings=digest(decisive(config["augment"])),
        code=code("augment_shard", "augment/model_paraphrases.yaml"),
    message:
        "Rewording shard {wildcards.shard} of the questions"
    script:
        "../scripts/augment_shard.py"


rule augment:
    input:
        rows="<results>/dedup/rows.jsonl",
        shards=collect("<results>/augment/shards/{shard}.jsonl", shard=SHARDS),
        judge=f"<results>/base_model/{model_name(JUDGE)}/manifest.json" if JUDGE else [],
    output:
        rows="<results>/augment/rows.jsonl",
        rejected="<results>/augment/rejected.jsonl",
        stats="<results>/augment/stats.json",
    log:
        "<logs>/augment/augment.log",
    benchmark:
        "<logs>/augment/augment.benchmark.jsonl"
    resources:
        **gpu_for(JUDGE),
    params:
        settings=canonical(gathering(config["augment"])),
        code=code("augment", "augment/paraphrase_judge.yaml"),
    message:
        "Writing further wordings of the questions"
    script:
        "../scripts/augment.py"
