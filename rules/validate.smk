"""Reads the sources and a review's decisions; writes <results>/validate: rows as they should be, and why the others are not."""


rule validate_file:
    input:
        files_of_source,
    output:
        rows="<results>/validate/files/{file}/rows.jsonl",
        rejected="<results>/validate/files/{file}/rejected.jsonl",
        stats="<results>/validate/files/{file}/stats.json",
    log:
        "<logs>/validate_file/{file}.log",
    benchmark:
        "<logs>/validate_file/{file}.benchmark.jsonl"
    params:
        name=source_file,
        # Snakemake looks at times: a file restored from a copy is older than what was made of another content.
        content=source_digest,
        answers=config["data"]["answers"],
        columns=settings("data", "columns"),
        code=code("validate_file"),
    message:
        "Reading {params.name}"
    script:
        "../scripts/validate_file.py"


rule validate:
    input:
        collect("<results>/validate/files/{file}/stats.json", file=FILES),
        decisions=DECIDED,
    output:
        rows="<results>/validate/rows.jsonl",
        rejected="<results>/validate/rejected.jsonl",
        stats="<results>/validate/stats.json",
    log:
        "<logs>/validate/validate.log",
    benchmark:
        "<logs>/validate/validate.benchmark.jsonl"
    params:
        decisions=content_digest(Path(DECIDED)) if DECIDED else "none",
        code=code("validate"),
    message:
        "Gathering the rows of all sources"
    script:
        "../scripts/validate.py"
