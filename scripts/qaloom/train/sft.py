"""Unsloth's model and TRL's SFTTrainer for a plan and a run's settings."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qaloom.compat_unsloth import mark_truncated
from qaloom.config.settings import LoraSettings, RunSettings, TrainingSettings
from qaloom.errors import ModelError, TrainingError, first_line
from qaloom.inference.architecture import architecture, target_projections
from qaloom.inference.prompt import Example, Tokenizer
from qaloom.train.planning.plan import Plan
from qaloom.train.tokenized import IGNORED, features, length, packed, parts

_CHECKPOINTS = 10  # in a training; qaloom.train.process saves by the clock too
# On a GPU few distinct shapes: kernels are chosen, compiled and captured for each new one.
_INITIAL = "initial"  # a PiSSA adapter's first values, in the run's cache folder
_PADDED, _PACKED = 64, 256  # tokens that a row, and a packed sequence, is filled up to a multiple of

Features = dict[str, list[int]]  # input_ids, labels and attention_mask or seq_lengths of a row or pack


def rows_in_order(steps: list[list[int]], examples: list[Example], planned: Plan, pad: int) -> list[Features]:
    """The trainer's rows in order: a row each or, when packing, a step's rows in equal parts."""
    if planned.packing:
        lengths, count = [length(e) for e in examples], planned.accumulation
        split = (parts(step, lengths, count * planned.gpus) for step in steps)
        return [packed([examples[row] for row in part], pad) for step in split for part in step]
    rows, whole = [], planned.micro_batch * planned.accumulation * planned.gpus
    filler = {"input_ids": [pad, pad], "attention_mask": [1, 1], "labels": [IGNORED] * 2}
    for step in steps:
        rows += [features(examples[row]) for row in step]
        # A step counted in tokens holds now more rows, now fewer; and of a last step that is not full,
        # accelerate would make up the rest from the first rows. Filler rows have no labels.
        if planned.effective_tokens or planned.gpus > 1:
            rows += [filler] * (whole - len(step))
    return rows


def make_trainer(
    model: Any,
    tokenizer: Tokenizer,
    rows: list[Features],
    validated: list[Example],
    planned: Plan,
    settings: RunSettings,
    folder: Path,
    kept: str | None = None,
) -> Any:
    """TRL's trainer over `rows` in order, with the rows `validated` and TensorBoard in any case.

    `kept` is the file of the base model's answers that the model is held to.

    Raises GraphError (qaloom.train.cuda_graphs) when the plan's CUDA graphs cannot be captured here.
    """
    from transformers import EarlyStoppingCallback
    from trl import SFTTrainer

    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=_dataset(rows, planned),
        eval_dataset=_dataset([features(e) for e in validated], planned) if validated else None,
        args=_arguments(planned, settings, folder, bool(validated)),
    )
    if kept:  # before the model is wrapped
        trainer.add_callback(_keep_term(trainer, kept, planned, settings))
    if planned.graphs:
        from qaloom.train.cuda_graphs import capture

        capture(trainer.model, [row["seq_lengths"] for row in rows] if planned.packing else [], _PACKED)
    trainer.add_callback(_tensorboard())
    if validated and settings.training.patience:
        trainer.add_callback(EarlyStoppingCallback(settings.training.patience))
    return trainer


def _keep_term(trainer: Any, kept: str, planned: Plan, settings: RunSettings) -> Any:
    from qaloom.train.base_answers import read_base_answers
    from qaloom.train.keep import KeepTerm

    training = settings.training
    term = KeepTerm(
        trainer.model, read_base_answers(Path(kept)), training.keep.strength, planned, training.seed
    )
    return term.callback(trainer.accelerator)


def _dataset(rows: list[Features], planned: Plan) -> Any:
    """Rows that are cut already, which Unsloth must know: else it no longer keeps packed ones apart."""
    from datasets import Dataset

    dataset = Dataset.from_list(rows)
    mark_truncated(dataset, planned.max_length)
    return dataset


def _tensorboard() -> Any:
    """TensorBoard's callback, less the model's settings: quantised to 8 bits they are no JSON."""
    from transformers.integrations import TensorBoardCallback

    class Board(TensorBoardCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            kwargs.pop("model", None)
            super().on_train_begin(args, state, control, **kwargs)

    return Board()


def _arguments(planned: Plan, settings: RunSettings, folder: Path, validated: bool) -> Any:
    """TRL's SFTConfig."""
    from trl import SFTConfig

    return SFTConfig(
        **_batches(planned),
        **_schedule(planned.steps, settings.training),
        **_evaluating(planned, settings.training) if validated else {},
        output_dir=str(folder / "checkpoints"),
        dataset_kwargs={"skip_prepare_dataset": True},
        logging_steps=1,
        logging_nan_inf_filter=False,  # or a loss that is not a number would be logged as the last one
        save_steps=_save_steps(planned.steps, settings.training),
        neftune_noise_alpha=settings.training.neftune_noise_alpha,
        label_smoothing_factor=settings.training.label_smoothing,
        save_total_limit=2,
        seed=settings.training.seed,
        report_to=_trackers(settings.training.report_to),
        run_name=folder.name,
        disable_tqdm=True,
    )


def _batches(planned: Plan) -> dict[str, Any]:
    """The arguments that the plan decides."""
    cuda, packing = planned.device.kind == "cuda", planned.packing
    return {
        "per_device_train_batch_size": 1 if packing else planned.micro_batch,
        "per_device_eval_batch_size": 1 if packing else planned.micro_batch,
        "gradient_accumulation_steps": planned.accumulation,
        "gradient_checkpointing": bool(planned.checkpointing),
        "bf16": planned.dtype == "bfloat16",
        "fp16": planned.dtype == "float16",
        "optim": planned.optimizer,
        "max_length": planned.max_length,
        "packing": False,  # the rows come packed
        "padding_free": packing,
        "pad_to_multiple_of": (_PACKED if packing else _PADDED) if cuda else None,
        "use_cpu": not cuda,
        "ddp_backend": ("nccl" if cuda else "gloo") if planned.gpus > 1 else None,
        "train_sampling_strategy": "sequential",  # the rows come in the order of steps_of_rows
    }


def _schedule(steps: int, training: TrainingSettings) -> dict[str, Any]:
    return {
        "max_steps": steps,
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": training.scheduler,
        "warmup_steps": _warmup_steps(steps, training),
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm,
    }


def _warmup_steps(steps: int, training: TrainingSettings) -> int:
    return round(training.warmup_fraction * steps) if training.warmup_steps is None else training.warmup_steps


def _evaluating(planned: Plan, training: TrainingSettings) -> dict[str, Any]:
    """The validation loss is measured before each checkpoint, and the best one is what remains."""
    return {
        "eval_strategy": "steps",
        "eval_steps": training.eval_steps or _save_steps(planned.steps, training),
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
    }


def _save_steps(steps: int, training: TrainingSettings) -> int:
    """Steps from one checkpoint to the next, a multiple of those from one validation loss to the next."""
    if training.save_steps:
        return training.save_steps
    each = training.eval_steps or 1
    return max(1, steps // _CHECKPOINTS // each) * each


def _trackers(wanted: list[str]) -> list[str]:
    """The trackers beside TensorBoard. Raises TrainingError when a package is missing."""
    missing = [name for name in wanted if find_spec(name) is None]
    if missing:
        raise TrainingError(
            f"training.report_to names {missing[0]}, which is not installed; "
            f"'uv pip install {missing[0]}', or take it out"
        )
    return wanted


def load_training_model(base: str, start: str | None, planned: Plan, settings: RunSettings) -> Any:
    """Unsloth's model with its adapter, as the plan says. Raises ModelError when it cannot be loaded."""
    import torch
    from unsloth import FastLanguageModel

    try:
        model, _ = FastLanguageModel.from_pretrained(
            start or base,
            max_seq_length=planned.max_length,
            dtype=getattr(torch, planned.dtype),
            load_in_4bit=planned.precision == "4bit",
            load_in_8bit=planned.precision == "8bit",
            full_finetuning=settings.method == "full",
            offload_embedding=planned.offload_embedding,
            use_gradient_checkpointing=planned.checkpointing,
            trust_remote_code=settings.trust_remote_code,
        )
    except (OSError, ValueError) as error:
        raise ModelError(f"{start or base} cannot be loaded ({first_line(error)})") from None
    if start or settings.method == "full":
        return model
    size = architecture(Path(base), settings.trust_remote_code)
    return _with_adapter(model, target_projections(size, settings.lora.target_modules), planned, settings)


def _with_adapter(model: Any, targets: list[str], planned: Plan, settings: RunSettings) -> Any:
    from unsloth import FastLanguageModel

    lora = settings.lora
    return FastLanguageModel.get_peft_model(
        model,
        r=lora.r,
        lora_alpha=lora.alpha or 2 * lora.r,
        lora_dropout=lora.dropout,
        target_modules=targets,
        use_rslora=lora.rslora,
        use_dora=lora.dora,
        bias=lora.bias,
        modules_to_save=list(lora.modules_to_save) or None,
        **_first_values(lora, planned.precision),
        use_gradient_checkpointing=planned.checkpointing,
        random_state=settings.training.seed,
    )


def _first_values(lora: LoraSettings, precision: str) -> dict[str, Any]:
    """LoftQ starts the adapter from what quantising to 4 bits loses, PiSSA from the principal components.

    Both work from the 16-bit weights.
    """
    if precision in ("4bit", "8bit") and (lora.loftq or lora.init_lora_weights == "pissa"):
        raise TrainingError(
            "lora.loftq and pissa work from the 16-bit weights; set precision: 16bit with them"
        )
    if lora.loftq:
        return {"init_lora_weights": "loftq", "loftq_config": {"loftq_bits": 4, "loftq_iter": 1}}
    return {} if lora.init_lora_weights == "default" else {"init_lora_weights": lora.init_lora_weights}


def keep_initial(model: Any, folder: Path, settings: RunSettings) -> None:
    """Keep a PiSSA adapter's first values: what is trained is the difference from them.

    PiSSA takes the adapter's first values out of the base model's weights; as an ordinary adapter, of twice
    the rank, the result fits the base model as it is.
    """
    if settings.lora.init_lora_weights != "pissa" or settings.start_from or settings.method == "full":
        return
    config = model.peft_config["default"]
    config.init_lora_weights = True  # else peft would compute them again when it reads them
    model.save_pretrained(folder / _INITIAL)
    config.init_lora_weights = "pissa"


def save_trained(model: Any, folder: Path, finished: Path) -> None:
    """Write the trained adapter, or whole model, to `finished`."""
    initial = folder / _INITIAL
    if initial.is_dir():
        model.save_pretrained(finished, path_initial_model_for_weight_conversion=str(initial))
    else:
        model.save_pretrained(finished)


def check_trained(model: Any, settings: RunSettings) -> None:
    """Raise TrainingError for a setting of the adapter that changes nothing in this model."""
    if settings.method == "full" or settings.start_from:
        return
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    if settings.lora.bias != "none" and not any(name.endswith(".bias") for name in trained):
        raise TrainingError(f"lora.bias: {settings.lora.bias}, but those layers have no bias; write none")
    for module in settings.lora.modules_to_save:
        if not any(f".{module}.modules_to_save." in name for name in trained):
            raise TrainingError(f"lora.modules_to_save: the base model has no layer {module}; leave it out")


def check_batch(trainer: Any, rows: list[Features]) -> None:
    """Raise TrainingError unless the collator hands on the first rows' labels, and where packed rows end."""
    first = rows[: trainer.args.per_device_train_batch_size]
    got = trainer.data_collator([dict(row) for row in first])
    learned = sorted(int(label) for label in got["labels"].flatten() if label != IGNORED)
    wanted = sorted(label for row in first for label in row["labels"] if label != IGNORED)
    if not wanted or learned != wanted:
        raise TrainingError(
            f"of {len(wanted)} answer tokens the first batch keeps {len(learned)} to learn from; "
            "the installed trl and unsloth do not fit each other"
        )
    lengths, ends = first[0].get("seq_lengths"), got.get("packed_seq_lengths")
    if lengths and ("position_ids" not in got or ends is None or ends.tolist() != lengths):
        raise TrainingError(
            "rows of this model cannot be packed; set effective_batch instead of effective_tokens"
        )
