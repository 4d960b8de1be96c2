"""Training speed on one GPU: the guide's notebook and Unsloth's defaults beside qaloom's own plan.

`python benchmarks/bench_speed.py WORK OUT.json [WAY ...]`, or `make bench-gpu`. The shapes of Llama-3-8B,
Qwen2.5-1.5B and SmolLM2-135M with random weights (speed depends on shapes alone), LoRA of r=16 on all seven
projections, the same rows for each way of a shape, each in a process of its own, one after the other. Rows a
second are those of the later half: kernels are chosen, compiled and captured before. What OUT.json holds is
not measured again.
"""

import json
import math
import sys
import time
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

import bench_gpu

SHORT, LONG = 8, 2048  # rows an optimizer step; tokens a row
NOTEBOOK = {"micro": 2, "accumulation": 4, "dropout": 0.05}
DEFAULTS = {"micro": 2, "accumulation": 1, "dropout": 0.0}
# Transformers, peft and TRL alone, in 16 bits, with TRL's checkpointing; a whole step at once.
PLAIN = {"micro": SHORT, "accumulation": 1, "dropout": 0.0, "unsloth": False}


class Way(NamedTuple):
    """Rows by their lengths in tokens; a notebook's settings or a run's `training`; the allocator's bytes;
    the model's shape.
    """

    lengths: list[int]
    notebook: dict[str, Any] | None = None
    training: dict[str, Any] | None = None
    cap: float = 0  # 0 is the whole card
    shape: str = "8B"


def short_rows() -> list[int]:
    """Lengths of 96 rows as Q&A rows have them: 24 to 600 tokens, 104 on average."""
    random = Random(7)
    return [min(600, max(24, round(random.lognormvariate(4.55, 0.65)))) for _ in range(96)]


WAYS = {
    "short, the guide's notebook": Way(short_rows(), NOTEBOOK),
    "short, padded": Way(12 * short_rows(), training={"effective_batch": SHORT}),
    "short, packed": Way(24 * short_rows(), training={"effective_tokens": LONG}),
    "long, Unsloth's defaults": Way([LONG] * 28, DEFAULTS),
    "long": Way([LONG] * 28, training={"effective_batch": 2}),
    "long, Unsloth's defaults within 7.0 GB": Way([LONG] * 28, DEFAULTS, cap=7.0e9),
    "long, within 7.0 GB": Way([LONG] * 28, training={"effective_batch": 2}, cap=7.0e9),
    "1.5B, short, plain": Way(3 * short_rows(), PLAIN, shape="1.5B"),
    "1.5B, short": Way(12 * short_rows(), training={"effective_batch": SHORT}, shape="1.5B"),
    "135M, short, plain": Way(3 * short_rows(), PLAIN, shape="135M"),
    "135M, short": Way(12 * short_rows(), training={"effective_batch": SHORT}, shape="135M"),
}


def measured(way: Way, base: Path, folder: Path) -> dict[str, Any]:
    """Run one way; its speed, memory and plan, or what went wrong."""
    from msgspec import to_builtins

    from qaloom.config.settings import RunSettings, typed
    from qaloom.inference.architecture import architecture
    from qaloom.train.planning.device import probe
    from qaloom.train.planning.plan import plan
    from qaloom.train.tokenized import steps_of_rows

    training = {"epochs": 1} | (way.training or {})
    run = bench_gpu.settings(lora={"r": 16}, training=training, max_length=LONG)
    command, planned = None, way.notebook
    if way.notebook:
        command = [sys.executable, __file__, "notebook", str(folder), json.dumps(way.notebook), str(way.cap)]
    else:
        size = architecture(base)
        device = probe(size.hidden, size.intermediate)
        device = replace(device, free_bytes=int(way.cap)) if way.cap else device
        settings = typed(run, RunSettings)
        steps = steps_of_rows(way.lengths, settings.training)
        planned = to_builtins(plan(size, settings, way.lengths, device))
        planned |= {"steps": len(steps), "prompt": "plain"}
    bench_gpu.write_job(folder, base, way.lengths, planned, run)
    found = bench_gpu.run_job(folder, way.cap, command)
    tokens = sum(way.lengths) / len(way.lengths)
    return found | {"plan": planned, "mean_tokens": round(tokens, 1)}


def notebook(folder: Path, chosen: dict[str, Any], cap: float) -> None:
    """A job's rows as notebooks train on them: on Unsloth's model, or peft's alone."""
    bench_gpu.live_within(cap)
    job = json.loads((folder / "job.json").read_text())
    with_unsloth = chosen.get("unsloth", True)
    load = unsloth_model if with_unsloth else peft_model
    model, tokenizer = load(job["task"]["base"], chosen["dropout"])
    from qaloom.files import read_lines, write_json
    from qaloom.inference.prompt import Example

    rows = read_lines(folder / "examples.jsonl", Example)
    measured, _ = trained(
        model, tokenizer, rows, folder, chosen, num_train_epochs=1, learning_rate=2e-4, bf16=True,
        optim="adamw_8bit" if with_unsloth else "adamw_torch",
    )  # fmt: skip
    write_json(folder / "finished/metrics.json", measured)


def trained(
    model: Any, tokenizer: Any, rows: list[Any], folder: Path, chosen: dict[str, Any], **settings: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """TRL's trainer as notebooks have it, on rows as they come; what was measured, and the log of each step.

    `chosen` divides the effective batch; `settings` are what else SFTConfig is told.
    """
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer  # after Unsloth, which changes it

    from qaloom.train.process import StepMonitor, peak_memory
    from qaloom.train.tokenized import features

    args = SFTConfig(
        per_device_train_batch_size=chosen["micro"],
        gradient_accumulation_steps=chosen["accumulation"],
        gradient_checkpointing=True, logging_steps=1,
        max_length=LONG, dataset_kwargs={"skip_prepare_dataset": True}, save_strategy="no",
        report_to="none", output_dir=str(folder / "out"), disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(), **settings,
    )  # fmt: skip
    dataset = Dataset.from_list([features(e) for e in rows])
    trainer = SFTTrainer(model=model, processing_class=tokenizer, train_dataset=dataset, args=args)
    size = chosen["micro"] * chosen["accumulation"]
    ids = [f"row{n}" for n in range(len(rows))]
    epoch = [ids[i : i + size] for i in range(0, len(ids), size)]
    monitor = StepMonitor(folder, epoch * math.ceil(args.num_train_epochs), len(tokenizer))
    trainer.add_callback(monitor.callback())
    start = time.monotonic()
    trainer.train()
    seconds, history = time.monotonic() - start, [e for e in trainer.state.log_history if "loss" in e]
    measured = {
        "seconds": round(seconds, 1),
        "steps": trainer.state.global_step,
        "median_step_seconds": round(median(monitor.seconds), 4),
        "rows_per_second": monitor.rows_per_second(trainer.state.global_step),
        "first_loss": history[0]["loss"],
        "last_loss": history[-1]["loss"],
        "peak_memory_bytes": peak_memory(),
    }
    return measured, history


def unsloth_model(base: str, dropout: float) -> tuple[Any, Any]:
    """As Unsloth's notebooks have it: 4 bits, its own checkpointing."""
    from unsloth import FastLanguageModel

    model, tokenizer = FastLanguageModel.from_pretrained(base, max_seq_length=LONG, load_in_4bit=True)
    model = FastLanguageModel.get_peft_model(
        model, r=16, lora_alpha=32, lora_dropout=dropout, use_gradient_checkpointing="unsloth"
    )
    return model, tokenizer


def peft_model(base: str, dropout: float, dtype: str = "bfloat16", **lora: Any) -> tuple[Any, Any]:
    """As peft's documents have it: the weights in bfloat16, an adapter on all linear layers."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype)
    lora = {"r": 16, "lora_alpha": 32, "target_modules": "all-linear"} | lora
    config = LoraConfig(**lora, lora_dropout=dropout, task_type="CAUSAL_LM")
    return get_peft_model(model, config), AutoTokenizer.from_pretrained(base)


def main(work: Path, out: Path, names: list[str]) -> None:
    work.mkdir(parents=True, exist_ok=True)
    names = names or list(WAYS)
    bench_gpu.models(work, {WAYS[name].shape for name in names})

    def measure(name: str) -> dict[str, Any]:
        return measured(WAYS[name], work / WAYS[name].shape, work / "job")

    kept = ("rows_per_second", "median_step_seconds", "peak_memory_bytes", "failed", "tail")
    for name, found in bench_gpu.each_once(out, "speed", names, "rows_per_second", measure):
        print(name, {key: found[key] for key in kept if key in found}, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "notebook":
        notebook(Path(sys.argv[2]), json.loads(sys.argv[3]), float(sys.argv[4]))
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
