"""Reads data.documents; writes <results>/documents: passages, and the rows that a model wrote from them."""


rule documents:
    input:
        document=document_file,
        model=f"<results>/base_model/{model_name(WRITER)}/manifest.json" if WRITER else [],
    output:
        passages="<results>/documents/{document}/passages.jsonl",
        rows="<results>/documents/{document}/rows.jsonl",
        rejected="<results>/documents/{document}/rejected.jsonl",
        stats="<results>/documents/{document}/stats.json",
    log:
        "<logs>/documents/{document}.log",
    benchmark:
        "<logs>/documents/{document}.benchmark.jsonl"
    threads: 16 if WRITER else 1
    resources:
        **gpu_for(WRITER),
    params:
        name=document_file,
        content=document_digest,
        settings=digest(decisive_for_documents(config["documents"])),
        code=code("documents"),
    message:
        "Writing questions from {params.name}"
    script:
        "../scripts/documents.py"
