"""Train one run's adapter: Unsloth's model, TRL's SFTTrainer, on a GPU or a CPU.

All work happens under `cache/train/<key>`, where the key is a digest of everything that decides the
result: a killed run goes on from its last checkpoint there, and a finished adapter is never trained anew.
"""

import math
import os
import shutil
import time
from collections.abc import Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import typer
from filelock import FileLock

from qaloom.digest import code_digest
from qaloom.errors import DataError, TrainingError
from qaloom.files import digest, file_digest, read_json, read_lines, write_json, write_lines
from qaloom.job import bar, duration, job, say
from qaloom.plan import GB, Device, Shape, number_format, plan, predicted_seconds, probe, shape
from qaloom.prompt import Example, example, load_tokenizer, prompt_kind, stop_ids

_LIBRARIES = ("torch", "unsloth", "unsloth_zoo", "transformers", "trl", "peft", "bitsandbytes")
_IGNORED = -100  # the label that the loss leaves out


def train(
    name: str,
    rows: Path,
    base: Path,
    out: Path,
    settings: dict[str, Any],
    cache: Path,
    start: Path | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Fine-tune `base` on `rows` (JSON Lines of id, instruction, input, output); return the manifest.

    `settings` is one entry of `runs:` in the configuration, `start` the folder of an adapter to train on.
    Writes adapter, tokenizer, plan.json, metrics.json, history.jsonl and, last, manifest.json to `out`.
    Raises DataError when there is nothing to train on, DeviceError when the model does not fit and
    TrainingError when a row has no label or the loss is not a number.
    """
    identity = _identity(rows, base, settings, start)
    folder = cache / digest(identity)[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):  # another run with the same rows and settings waits, then reuses
        if (folder / "finished/manifest.json").is_file():
            say(f"train: {name} was trained before on the same rows and settings; reusing its adapter")
        else:
            _train(name, read_lines(rows), base, folder, settings, identity, start, threads)
        return _publish(folder / "finished", out)


def _publish(finished: Path, out: Path) -> dict[str, Any]:
    """Copy a finished adapter to the results, its manifest last; return the manifest."""
    shutil.copytree(finished, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("manifest.json"))
    manifest = read_json(finished / "manifest.json")
    write_json(out / "manifest.json", manifest)
    return manifest


def _identity(rows: Path, base: Path, settings: dict[str, Any], start: Path | None) -> dict[str, Any]:
    """All that decides the adapter; what a machine decides (plan, threads) is not in it.

    Models count by content: neither a folder that was moved nor a run that was renamed is a change.
    """
    named = ("base_model", "start_from")
    return {
        "rows": file_digest(rows),
        "base": read_json(base / "manifest.json")["sha256"],
        "settings": {key: value for key, value in settings.items() if key not in named},
        "start": file_digest(start / "adapter_model.safetensors") if start else None,
        "code": code_digest(Path(__file__)),
    }


def _train(
    name: str,
    rows: list[dict[str, str]],
    base: Path,
    folder: Path,
    settings: dict[str, Any],
    identity: dict[str, Any],
    start: Path | None,
    threads: int | None,
) -> None:
    if not rows:
        raise DataError(f"train: {name}: the split left no row to train on; see results/split/manifest.json")
    # Threads that spin while they wait bring training to a halt on a machine that does other work too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is first imported
    device = probe()
    _import_unsloth(folder, device.kind)
    if threads:
        import torch

        torch.set_num_threads(threads)
    tokenizer = load_tokenizer(base, settings["trust_remote_code"])
    kind = prompt_kind(settings["prompt"], tokenizer)
    examples = tokenise(rows, tokenizer, kind, settings["max_length"])
    lengths = [len(e.prompt) + len(e.completion) for e in examples]
    training, size = settings["training"], shape(base / "config.json")
    order = row_order(lengths, training["effective_batch"], training["epochs"], training["seed"])
    steps = math.ceil(len(order) / training["effective_batch"])
    planned = _planned(folder, size, settings, lengths, device) | {"steps": steps, "prompt": kind}
    _announce(name, size, planned, lengths, settings)
    trainer = _trainer(base, start, [examples[row] for row in order], planned, settings, folder)
    measured = _run(trainer, name, steps, folder)
    _finish(trainer, tokenizer, folder, planned, measured, identity, kind)


def tokenise(rows: Sequence[dict[str, str]], tokenizer: Any, kind: str, max_length: int) -> list[Example]:
    """Rows as token ids, at most `max_length` each.

    Says how many answers had to be cut, and how many rows are left out because the question alone is
    that long. Raises TrainingError when no row is left, or none ends in an end token.
    """
    whole = [example(tokenizer, kind, r["instruction"], r["input"], r["output"]) for r in rows]
    limit = f"max_length {max_length}"
    left_out = [r["id"] for r, e in zip(rows, whole, strict=True) if len(e.prompt) >= max_length]
    if left_out:
        share = f"{len(left_out)} of {len(rows)} rows"
        say(
            f"train: {share} are left out, as their questions alone reach {limit}; the first is {left_out[0]}"
        )
    kept = [e for e in whole if len(e.prompt) < max_length]
    cut = sum(len(e.prompt) + len(e.completion) > max_length for e in kept)
    if cut:
        say(f"train: {cut} of {len(rows)} rows are longer than {limit}; their answers are cut")
    kept = [Example(e.prompt, e.completion[: max_length - len(e.prompt)]) for e in kept]
    ends = set(stop_ids(tokenizer, kind))
    if not any(e.completion[-1] in ends for e in kept):
        raise TrainingError(f"no row keeps its end token within {limit}, so no answer would end; raise it")
    return kept


def row_order(lengths: Sequence[int], batch: int, epochs: float, seed: int) -> list[int]:
    """The rows of a whole training, in order: every `batch` of them make one optimizer step.

    Each row comes once an epoch (in a last part of an epoch, some of them). A step holds rows of similar
    length, so that little of it is padding; which rows share one, and the order of steps, is drawn anew
    each epoch. What an epoch has beyond whole steps is put off to the next, or every later step would
    straddle two lengths. The order is the run's, not the trainer's: a resumed run sees the same rows.
    """
    random, count = Random(seed), len(lengths)
    order, put_off = [], []
    for _ in range(math.ceil(epochs)):
        rows = put_off + random.sample(range(count), count)
        whole = len(rows) - len(rows) % batch
        rows, put_off = rows[:whole], rows[whole:]
        rows.sort(key=lambda row: lengths[row] * random.uniform(0.7, 1.4))
        steps = [rows[i : i + batch] for i in range(0, whole, batch)]
        random.shuffle(steps)
        order += chain.from_iterable(steps)
    return (order + put_off)[: max(1, round(epochs * count))]


def _import_unsloth(folder: Path, kind: str) -> None:
    """Import Unsloth (before trl, transformers and peft, which it patches) with what it reads then."""
    os.environ.setdefault("UNSLOTH_DISABLE_STATISTICS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ["UNSLOTH_COMPILE_LOCATION"] = str((folder / "compiled").absolute())
    if kind == "cpu":
        os.environ["UNSLOTH_FORCE_CPU"] = "1"
    import unsloth  # noqa: F401


def _planned(
    folder: Path, size: Shape, settings: dict[str, Any], lengths: list[int], device: Device
) -> dict[str, Any]:
    """The plan of this run; a run that was interrupted keeps the one it began with."""
    before = folder / "plan.json"
    if before.is_file() and _last_checkpoint(folder):
        return read_json(before)
    planned = plan(size, settings, lengths, device) | {"dtype": number_format(size, device)}
    write_json(before, planned)
    return planned


def _announce(
    name: str, size: Shape, planned: dict[str, Any], lengths: list[int], settings: dict[str, Any]
) -> None:
    r = settings["lora"]["r"]
    seconds = predicted_seconds(size, r, planned, lengths, planned["steps"])
    memory, disk = planned["predicted_memory_bytes"] / GB, _disk(size.adapter(r)) / GB
    say(
        f"train: {name} on {planned['device']['name']}: {len(lengths)} rows, {planned['steps']} steps of "
        f"{planned['effective_batch']} rows ({planned['dtype']}); about {duration(seconds)}, "
        f"{memory:.1f} GB of memory, {disk:.1f} GB of disk"
    )


def _disk(parameters: int) -> int:
    """Bytes on disk: the adapter twice (cache, results), and two checkpoints of it with Adam's moments."""
    return parameters * 4 * (2 + 2 * 3)


def _trainer(
    base: Path,
    start: Path | None,
    examples: list[Example],
    planned: dict[str, Any],
    settings: dict[str, Any],
    folder: Path,
) -> Any:
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    model, tokenizer = _model(base, start, planned, settings)
    training, dtype = settings["training"], getattr(torch, planned["dtype"])
    steps = planned["steps"]
    config = SFTConfig(
        output_dir=str(folder / "checkpoints"),
        per_device_train_batch_size=planned["micro_batch"],
        gradient_accumulation_steps=planned["accumulation"],
        max_steps=steps,
        learning_rate=training["learning_rate"],
        lr_scheduler_type=training["scheduler"],
        warmup_steps=round(training["warmup_fraction"] * steps),
        weight_decay=training["weight_decay"],
        optim=planned["optimizer"],
        bf16=dtype is torch.bfloat16,
        fp16=dtype is torch.float16,
        gradient_checkpointing=planned["checkpointing"],
        max_length=settings["max_length"],
        packing=planned["packing"],
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="sequential",  # the rows come in the order of row_order
        logging_steps=1,
        save_steps=max(1, steps // 10),
        save_total_limit=2,
        seed=training["seed"],
        report_to="none",
        disable_tqdm=True,
    )
    rows = Dataset.from_list([_features(e) for e in examples])
    return SFTTrainer(model=model, processing_class=tokenizer, train_dataset=rows, args=config)


def _model(base: Path, start: Path | None, planned: dict[str, Any], settings: dict[str, Any]) -> Any:
    import torch
    from unsloth import FastLanguageModel

    checkpointing = "unsloth" if planned["checkpointing"] else False
    model, tokenizer = FastLanguageModel.from_pretrained(
        str(start or base),
        max_seq_length=settings["max_length"],
        dtype=getattr(torch, planned["dtype"]),
        load_in_4bit=planned["precision"] == "4bit",
        load_in_8bit=planned["precision"] == "8bit",
        use_gradient_checkpointing=checkpointing,
        trust_remote_code=settings["trust_remote_code"],
    )
    if start:
        say(f"train: going on with the adapter of {start.name}; its rank and modules stay as they are")
        return model, tokenizer
    lora = settings["lora"]
    model = FastLanguageModel.get_peft_model(
        model,
        r=lora["r"],
        lora_alpha=lora["alpha"] or 2 * lora["r"],
        lora_dropout=lora["dropout"],
        target_modules=lora["target_modules"],
        use_gradient_checkpointing=checkpointing,
        random_state=settings["training"]["seed"],
    )
    return model, tokenizer


def _features(e: Example) -> dict[str, list[int]]:
    """One row for the collator: the prompt's labels are left out, so only the answer is learned."""
    ids = e.prompt + e.completion
    return {
        "input_ids": ids,
        "attention_mask": [1] * len(ids),
        "labels": [_IGNORED] * len(e.prompt) + e.completion,
    }


def _run(trainer: Any, name: str, steps: int, folder: Path) -> dict[str, Any]:
    """Train, from the last checkpoint if there is one; return what was measured."""
    resumed = _last_checkpoint(folder)
    if resumed:
        say(f"train: {name} goes on from {resumed.name}")
    import torch

    start = time.monotonic()
    with bar(f"train: {name}", steps, "steps") as advance:
        trainer.add_callback(_watch(advance))
        try:
            trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        except torch.OutOfMemoryError:
            raise TrainingError(
                f"{name} ran out of GPU memory at step {trainer.state.global_step}; lower max_length, set "
                "precision: 4bit or close what else holds the GPU. The next run goes on from the last one's "
                "checkpoint"
            ) from None
    seconds = time.monotonic() - start
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {
        "seconds": round(seconds, 1),
        "steps": trainer.state.global_step,
        "resumed_from": resumed.name if resumed else None,
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "peak_memory_bytes": _peak_memory(),
    }


def _watch(advance: Any) -> Any:
    """A callback that moves the bar and stops at a loss that is not a number."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            advance(state.global_step)

        def on_log(self, args, state, control, logs=None, **kwargs):
            loss = (logs or {}).get("loss")
            if loss is not None and not math.isfinite(float(loss)):
                raise TrainingError(
                    f"the loss is {loss} at step {state.global_step}; lower training.learning_rate"
                )

    return Watch()


def _last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end (the trainer's state comes last)."""
    states = [p for p in (folder / "checkpoints").glob("checkpoint-*/trainer_state.json") if _is_json(p)]
    return max((p.parent for p in states), key=lambda p: int(p.name.rpartition("-")[2]), default=None)


def _is_json(path: Path) -> bool:
    try:
        read_json(path)
    except ValueError:
        return False
    return True


def _peak_memory() -> int:
    """Peak bytes: of the GPU's allocator, or of the process's RAM on a CPU."""
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _finish(
    trainer: Any,
    tokenizer: Any,
    folder: Path,
    planned: dict[str, Any],
    measured: dict[str, Any],
    identity: dict[str, Any],
    kind: str,
) -> None:
    """Write the finished adapter, its manifest last, and drop the checkpoints."""
    finished = folder / "finished"
    shutil.rmtree(finished, ignore_errors=True)
    trainer.model.save_pretrained(finished)
    tokenizer.save_pretrained(finished)
    (finished / "README.md").unlink(missing_ok=True)  # peft's empty card; evaluate writes the real one
    write_json(finished / "plan.json", planned | {"measured_memory_bytes": measured["peak_memory_bytes"]})
    write_json(finished / "metrics.json", measured)
    keys = ("step", "loss", "learning_rate", "grad_norm")
    history = [e for e in trainer.state.log_history if "loss" in e]
    write_lines(finished / "history.jsonl", [{k: float(e[k]) for k in keys if k in e} for e in history])
    manifest = {
        **identity,
        "prompt": kind,
        "adapter": file_digest(finished / "adapter_model.safetensors"),
        "versions": {library: version(library) for library in _LIBRARIES},
    }
    write_json(finished / "manifest.json", manifest)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    shutil.rmtree(folder / "compiled", ignore_errors=True)


def _command(
    rows: Path, base: Path, out: Path, settings: Path, run: str, cache: Path = Path("cache/train")
) -> None:
    """Train run RUN of the configuration SETTINGS on ROWS and write it to OUT."""
    from qaloom.config import load

    train(run, rows, base, out, load(settings)["runs"][run], cache)


if __name__ == "__main__":
    with job():
        typer.run(_command)
