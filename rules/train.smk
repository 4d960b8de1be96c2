"""Reads the split's training rows and the base model; writes <results>/train/<run>: the adapter."""


rule train:
    input:
        rows=rows_of("train"),
        base=base_model_of,
        start=start_adapter,
        template=prompt_template,
        prompts=general_prompts,
        look_alikes=taught_look_alikes,
    output:
        adapter="<results>/train/{run}/adapter_model.safetensors",
        plan="<results>/train/{run}/plan.json",
        metrics="<results>/train/{run}/metrics.json",
        history="<results>/train/{run}/history.jsonl",
        manifest="<results>/train/{run}/manifest.json",
    log:
        "<logs>/train/{run}.log",
    benchmark:
        "<logs>/train/{run}.benchmark.jsonl"
    wildcard_constraints:
        run=runs_of("lora"),
    threads: 16
    resources:
        gpu=1,
    params:
        rows=digest_of("train"),
        settings=training_settings,
        code=code("train", "train/general_prompts.txt", "train/document_questions.txt"),
    message:
        "Training {wildcards.run}"
    script:
        "../scripts/train.py"


# All parameters: a model of its own in place of an adapter.
use rule train as train_full with:
    output:
        model="<results>/train/{run}/model.safetensors",
        plan="<results>/train/{run}/plan.json",
        metrics="<results>/train/{run}/metrics.json",
        history="<results>/train/{run}/history.jsonl",
        manifest="<results>/train/{run}/manifest.json",
    wildcard_constraints:
        run=runs_of("full"),
