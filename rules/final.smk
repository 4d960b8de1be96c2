"""Reads all rows of the split; writes <results>/final/<run>: the model to take home, and what it remembers of them.

The figures of the report are those of its held-out twin in <results>/train/<run>: the same recipe, on the training
rows alone.
"""


use rule train as train_final with:
    input:
        rows=rows_of("final"),
        base=base_model_of,
        start=start_of_final,
        template=prompt_template,
        prompts=general_prompts,
        look_alikes=taught_look_alikes,
        twin="<results>/train/{run}/manifest.json",
    output:
        adapter="<results>/final/{run}/adapter_model.safetensors",
        plan="<results>/final/{run}/plan.json",
        metrics="<results>/final/{run}/metrics.json",
        history="<results>/final/{run}/history.jsonl",
        manifest="<results>/final/{run}/manifest.json",
    log:
        "<logs>/final/{run}.log",
    benchmark:
        "<logs>/final/{run}.benchmark.jsonl"
    wildcard_constraints:
        run=runs_of("lora", FINAL),
    params:
        rows=digest_of("final"),
        settings=training_settings,
        code=code("train", "train/general_prompts.txt", "train/document_questions.txt"),
    message:
        "Training {wildcards.run} once more, on all rows"


use rule train_final as train_full_final with:
    output:
        model="<results>/final/{run}/model.safetensors",
        plan="<results>/final/{run}/plan.json",
        metrics="<results>/final/{run}/metrics.json",
        history="<results>/final/{run}/history.jsonl",
        manifest="<results>/final/{run}/manifest.json",
    wildcard_constraints:
        run=runs_of("full", FINAL),


rule memory_check:
    input:
        final="<results>/final/{run}/manifest.json",
        base=base_model_of,
        rows=split_file("final.jsonl"),
        recall=split_file("recall.jsonl"),
        placement=split_file("placement.jsonl"),
        predictions="<results>/evaluate/{run}/predictions.jsonl",
        evaluated="<results>/train/{run}/manifest.json",
    output:
        predictions="<results>/memory_check/{run}/predictions.jsonl",
        metrics="<results>/memory_check/{run}/metrics.json",
    log:
        "<logs>/memory_check/{run}.log",
    benchmark:
        "<logs>/memory_check/{run}.benchmark.jsonl"
    wildcard_constraints:
        run="|".join((runs_of("lora", FINAL), runs_of("full", FINAL))),
    threads: 16
    resources:
        gpu=1,
    params:
        settings=canonical(
            {
                "questions": config["export"]["questions"],
                "max_new_tokens": config["evaluate"]["max_new_tokens"],
            }
        ),
        code=code("memory_check"),
    message:
        "Asking the final model of {wildcards.run} what it was trained on"
    script:
        "../scripts/memory_check.py"
