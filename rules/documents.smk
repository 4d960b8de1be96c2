"""Reads data.documents; writes <results>/documents: passages, and the rows that a model wrote from them."""


rule documents:
    input:
        document_file,
    output:
        passages="<results>/documents/{document}/passages.jsonl",
        rows="<results>/documents/{document}/rows.jsonl",
        rejected="<results>/documents/{document}/rejected.jsonl",
        stats="<results>/documents/{document}/stats.json",
    log:
        "<logs>/documents/{document}.log",
    benchmark:
        "<logs>/documents/{document}.benchmark.jsonl"
    params:
        name=document_file,
        content=document_digest,
        settings=digest(decisive_for_documents(config["documents"])),
        code=code("documents"),
    message:
        "Writing questions from {params.name}"
    script:
        "../scripts/documents.py"
