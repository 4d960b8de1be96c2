# QA Loom: question-answer rows in, a fine-tuned and honestly evaluated language model out.
from snakemake.utils import min_version

min_version("9.27")


include: "rules/common.smk"
include: "rules/hooks.smk"
include: "rules/documents.smk"
include: "rules/validate.smk"
include: "rules/dedup.smk"
include: "rules/augment.smk"
include: "rules/split.smk"
include: "rules/base_model.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/final.smk"
include: "rules/report.smk"
include: "rules/export.smk"


rule all:
    default_target: True
    input:
        "<results>/report/index.html",
        sorted(set(exports("<results>/export/{run}/manifest.json"))),
        # A failed job's output is taken away. What was made of it before is still there, and Snakemake would not
        # make again what only stands between: the next run would have nothing to do.
        collect("<results>/validate/files/{file}/stats.json", file=FILES),
        "<results>/validate/stats.json",
        "<results>/dedup/stats.json",
        "<results>/augment/stats.json",
        "<results>/split/manifest.json",
        collect("<results>/{stage}/{run}/metrics.json", stage=("train", "evaluate"), run=RUNS),
        collect("<results>/{stage}/{run}/metrics.json", stage=("final", "memory_check"), run=FINAL),
    message:
        "The report, and all that it shows"
