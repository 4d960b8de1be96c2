"""Reads adapters, base models and answers; writes <results>/export/<run>: proven files for other programs.

One format is converted in <results>/convert and asked again in <results>/parity, which the report shows.
Only what answers as the tuned model does comes to <results>/export: the same files under a second name.
"""


rule convert:
    input:
        adapter=model_to_export,
        base=base_model_of,
        source=source_of_format,
    output:
        directory("<results>/convert/{run}/{format}"),
    log:
        "<logs>/convert/{run}.{format}.log",
    benchmark:
        "<logs>/convert/{run}.{format}.benchmark.jsonl"
    threads: 4
    params:
        code=code("convert"),
    message:
        "Converting {wildcards.run} to {wildcards.format}"
    script:
        "../scripts/convert.py"


rule parity:
    input:
        export="<results>/convert/{run}/{format}",
        weights=weights_of_modelfile,
        adapter=model_to_export,
        base=base_model_of,
        predictions=answers_of_model,
        train=split_file("train.jsonl"),
        recall=split_file("recall.jsonl"),
        unseen=split_file("unseen.jsonl"),
    output:
        "<results>/parity/{run}/{format}.json",
    log:
        "<logs>/parity/{run}.{format}.log",
    benchmark:
        "<logs>/parity/{run}.{format}.benchmark.jsonl"
    threads: 16
    resources:
        gpu=lambda wildcards: int(wildcards.format in ("adapter", "merged")),
    params:
        settings=canonical(
            {
                "questions": config["export"]["questions"],
                "max_new_tokens": config["evaluate"]["max_new_tokens"],
            }
        ),
        code=code("parity"),
    message:
        "Asking {wildcards.run} again, as {wildcards.format}"
    script:
        "../scripts/parity.py"


rule export:
    input:
        converted=lambda wildcards: collect(
            "<results>/convert/{run}/{format}", run=wildcards.run, format=EXPORTS[wildcards.run]
        ),
        parity=lambda wildcards: collect(
            "<results>/parity/{run}/{format}.json", run=wildcards.run, format=EXPORTS[wildcards.run]
        ),
        card="<results>/evaluate/{run}/README.md",
        evaluated="<results>/train/{run}/manifest.json",
        memory=memory_check_of,
        base=base_model_of,
        # The report first: it shows what differs when a format is not given out. Not as ancient(): Snakemake then
        # looks at none of this job's parameters in a run that also writes the report.
        report="<results>/report/index.html",
    output:
        manifest="<results>/export/{run}/manifest.json",
    log:
        "<logs>/export/{run}.log",
    benchmark:
        "<logs>/export/{run}.benchmark.jsonl"
    params:
        formats=lambda wildcards: EXPORTS[wildcards.run],
        max_drop=config["export"]["max_drop"],
        code=code("export"),
    message:
        "Exporting {wildcards.run}"
    script:
        "../scripts/export.py"
