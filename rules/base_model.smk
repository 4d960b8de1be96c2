"""Reads what a run's `base_model` names; writes <results>/base_model/<name>: links and a manifest."""


# On a cluster it runs where Snakemake does: compute nodes often have no network.
rule base_model:
    input:
        model_files,
    output:
        manifest="<results>/base_model/{model}/manifest.json",
    log:
        "<logs>/base_model/{model}.log",
    benchmark:
        "<logs>/base_model/{model}.benchmark.jsonl"
    localrule: True
    params:
        reference=lambda wildcards: MODELS[wildcards.model],
        trust_remote_code=lambda wildcards: MODELS[wildcards.model] in TRUSTED,
        code=code("base_model"),
    message:
        "Bringing the base model {params.reference}"
    script:
        "../scripts/base_model.py"
