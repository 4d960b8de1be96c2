"""Remedies for keys that the configuration does not know: other tools' names, and keys in another section."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

# Names of transformers, peft, TRL, Unsloth, Axolotl and LLaMA-Factory, and what is written here instead.
_OTHER_TOOLS = {
    ("num_train_epochs", "num_epochs"): "runs.NAME.training.epochs",
    (
        "per_device_train_batch_size", "train_batch_size", "batch_size", "micro_batch_size",
        "gradient_accumulation_steps",
    ): "runs.NAME.training.effective_batch, rows an optimizer step; the plan divides it into micro-batches",
    ("lr",): "runs.NAME.training.learning_rate",
    ("lr_scheduler_type", "lr_scheduler"): "runs.NAME.training.scheduler",
    ("warmup_ratio",): "runs.NAME.training.warmup_fraction",
    ("num_warmup_steps",): "runs.NAME.training.warmup_steps",
    ("optim", "optimizer_type"): "runs.NAME.training.optimizer",
    ("neftune_alpha", "neft_alpha", "noise_alpha"): "runs.NAME.training.neftune_noise_alpha",
    ("label_smoothing_factor", "label_smoothing_epsilon"): "runs.NAME.training.label_smoothing",
    ("max_norm", "gradient_clipping", "gradient_clip_val", "max_gradient_norm"): "runs.NAME.training.max_grad_norm",
    ("save_interval", "checkpointing_steps", "save_every"): "runs.NAME.training.save_steps",
    ("eval_interval", "evaluation_steps", "eval_every"): "runs.NAME.training.eval_steps",
    ("pissa", "pissa_init", "peft_init_lora_weights", "init_weights"): "runs.NAME.lora.init_lora_weights: pissa",
    ("lora_bias", "train_bias"): "runs.NAME.lora.bias",
    ("additional_target", "lora_modules_to_save", "embedding_learning_rate"): "runs.NAME.lora.modules_to_save",
    ("system_prompt", "default_system", "system_message"): "runs.NAME.prompt.system",
    ("chat_template_jinja", "chat_template_path", "jinja_template"): "runs.NAME.prompt.template: FILE.jinja",
    ("mask_history", "train_on_inputs", "roles_to_train", "assistant_only_loss", "train_on_responses_only"):
        "data.answers: last or all; the loss is of answers alone",
    ("packing", "sample_packing"): "runs.NAME.training.effective_tokens, tokens an optimizer step",
    ("val_size", "val_set_size", "eval_ratio"): "runs.NAME.training.validation_fraction",
    ("load_in_4bit", "load_in_8bit", "quantization_bit", "bf16", "fp16", "dtype"): "runs.NAME.precision",
    ("max_seq_length", "max_seq_len", "sequence_len", "cutoff_len"): "runs.NAME.max_length",
    ("model_name_or_path", "model_name", "base_model_name_or_path"): "runs.NAME.base_model",
    ("lora_r", "lora_rank", "rank"): "runs.NAME.lora.r",
    ("lora_alpha",): "runs.NAME.lora.alpha",
    ("lora_dropout",): "runs.NAME.lora.dropout",
    ("lora_target", "lora_target_modules", "lora_target_linear"): "runs.NAME.lora.target_modules",
    ("use_rslora",): "runs.NAME.lora.rslora",
    ("use_dora", "peft_use_dora"): "runs.NAME.lora.dora",
    ("finetuning_type", "adapter"): "runs.NAME.method",
    ("per_row",): "augment.wordings, the wordings that each fact should have, its own among them (5 unless you set it)",
    ("resamples",): "nothing, and no evaluate.seed: intervals are closed formulas now",
    ("template", "chat_template", "prompt_template"): "runs.NAME.prompt.template",
    ("dataset", "datasets", "data_files", "dataset_dir"): "data.sources",
    ("gradient_checkpointing", "use_gradient_checkpointing", "attn_implementation", "flash_attention"):
        "nothing: the plan chooses it for the device, and writes why into plan.json",
}  # fmt: skip
_OURS = {name: remedy for names, remedy in _OTHER_TOOLS.items() for name in names}


def unknown_key_hint(unknown: str, known: list[str], schema: Mapping[str, Any]) -> str:
    """A remedy for an unknown key: a near spelling, another section, another tool's name, or the list."""
    if close := difflib.get_close_matches(unknown, known, 1, cutoff=0.8):
        return f"did you mean {close[0]!r}?"
    if remedy := _OURS.get(unknown.lower()):
        return f"write {remedy}"
    if places := list(_places(unknown, schema, "")):
        return f"it belongs to {places[0]}"
    if close := difflib.get_close_matches(unknown, known, 1):
        return f"did you mean {close[0]!r}?"
    return f"known keys: {', '.join(known)}"


def _places(key: str, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Every section of the schema that has the key."""
    properties = schema.get("properties", {})
    if key in properties and path:
        yield path
    for name, part in properties.items():
        yield from _places(key, part, f"{path}.{name}" if path else name)
    if isinstance(more := schema.get("additionalProperties"), Mapping):
        yield from _places(key, more, f"{path}.NAME")
