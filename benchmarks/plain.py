"""A run of the project in the working directory, trained on the plain path: transformers, peft and TRL alone.

`python benchmarks/plain.py RUN` takes rows, base model and settings as the workflow would, and puts what it
trained where the workflow's evaluation looks for it. Effective batch, passes, learning rate and its schedule,
decay, adapter and seed are the run's, a whole step at once; the rest is as TRL has it: no Unsloth, 16-bit
weights, checkpointing, the order that it draws, and a step of its own for the rows left at a pass's end.
Without a GPU (32-bit weights) it is good for a few steps only.
"""

import math
import os
import shutil
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bench_speed

from qaloom.base_model.stage import model_name
from qaloom.config.load import load_config
from qaloom.files import file_digest, read_json, read_lines, write_json, write_lines
from qaloom.inference.architecture import architecture
from qaloom.inference.prompt import load_tokenizer, prompt_kind
from qaloom.train.identity import weights_digest
from qaloom.train.planning.device import probe
from qaloom.train.tokenized import cut, end_ids, tokenise

ROWS = Path("results/split/train.jsonl")


def train(run: str) -> None:
    """Train one run; write adapter, tokenizer, plan, figures, losses and, last, the manifest."""
    settings = load_config(Path("config.yaml"))["runs"][run]
    base, out = Path("results/base_model") / model_name(settings["base_model"]), Path("results/train") / run
    shutil.rmtree(out, ignore_errors=True)
    planned = plan(base, settings)
    if planned["device"]["kind"] == "cpu":
        os.environ["TRITON_INTERPRET"] = "1"  # TRL's loss is a Triton kernel
    from transformers import set_seed  # imports Triton, which reads that

    tokenizer = load_tokenizer(base)
    kind = prompt_kind(settings["prompt"], tokenizer)
    rows = read_lines(ROWS)
    (rows, whole), ends = tokenise(rows, tokenizer, kind), end_ids(tokenizer, kind)
    _, examples = cut(rows, whole, settings["max_length"], ends)
    set_seed(settings["training"]["seed"])  # the adapter's first values are drawn before the trainer sets it
    lora = settings["lora"]
    model, _ = bench_speed.peft_model(
        str(base), lora["dropout"], planned["dtype"], r=lora["r"], lora_alpha=lora["alpha"] or 2 * lora["r"],
        target_modules=lora["target_modules"],
    )  # fmt: skip
    work = Path("cache/plain") / run
    work.mkdir(parents=True, exist_ok=True)
    measured, history = bench_speed.trained(
        model, tokenizer, examples, work,
        {"micro": planned["micro_batch"], "accumulation": planned["accumulation"]},
        bf16=planned["dtype"] == "bfloat16", optim=planned["optimizer"],
        **schedule(len(examples), settings["training"]),
    )  # fmt: skip
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "README.md").unlink(missing_ok=True)  # peft's empty card
    write_json(out / "metrics.json", measured)
    write_lines(out / "history.jsonl", history)
    write_json(out / "plan.json", planned)
    write_json(out / "manifest.json", manifest(base, settings, kind, out))


def manifest(base: Path, settings: dict[str, Any], kind: str, out: Path) -> dict[str, Any]:
    """What was trained on, how and by what, as the evaluation and a reader look for it."""
    return {
        "rows": file_digest(ROWS),
        "base": read_json(base / "manifest.json")["sha256"],
        "settings": settings,
        "prompt": kind,
        "adapter": weights_digest(out),
        "versions": {library: version(library) for library in ("torch", "transformers", "trl", "peft")},
    }


def plan(base: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """How the run is trained, in the words of a plan of qaloom's."""
    size = architecture(base)
    device = probe(size.hidden, size.intermediate)
    cuda = device.kind == "cuda"
    return {
        "device": asdict(device),
        "precision": "16bit" if cuda else "32bit",
        "dtype": "bfloat16" if cuda else "float32",
        "micro_batch": settings["training"]["effective_batch"],
        "accumulation": 1,
        "checkpointing": True,
        "optimizer": "adamw_torch",
    }


def schedule(rows: int, training: dict[str, Any]) -> dict[str, Any]:
    """The run's passes and learning rate. The plain path begins each pass with a new step."""
    steps = math.ceil(training["epochs"] * math.ceil(rows / training["effective_batch"]))
    return {
        "num_train_epochs": training["epochs"],
        "learning_rate": training["learning_rate"],
        "lr_scheduler_type": training["scheduler"],
        "warmup_steps": round(training["warmup_fraction"] * steps),
        "weight_decay": training["weight_decay"],
        "max_grad_norm": training["max_grad_norm"],
        "seed": training["seed"],
    }


if __name__ == "__main__":
    train(sys.argv[1])
