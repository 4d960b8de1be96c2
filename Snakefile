# QA Loom: question-answer rows in, a fine-tuned and honestly evaluated language model out.
from snakemake.utils import min_version

min_version("9.27")


include: "rules/common.smk"
include: "rules/hooks.smk"
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
    message:
        "The report, and all that it shows"
