# QA Loom: question-answer rows in, a fine-tuned and honestly evaluated language model out.
from snakemake.utils import min_version

min_version("9.27")


# The demo project, unless another is named: Snakemake would merge the two.
if not workflow.overwrite_configfiles:

    configfile: f"{workflow.basedir}/config/config.yaml"


include: "rules/common.smk"
include: "rules/hooks.smk"
include: "rules/validate.smk"
include: "rules/dedup.smk"
include: "rules/augment.smk"
include: "rules/split.smk"
include: "rules/base_model.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"
include: "rules/export.smk"


rule all:
    default_target: True
    input:
        "<results>/report/index.html",
        sorted(set(exports("<results>/export/{run}/manifest.json"))),
    message:
        "The report, and all that it shows"
