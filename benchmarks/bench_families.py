"""Losses of Gemma-3-, Qwen3- and NeoX-like models of 1 B on one GPU: qaloom's training beside a plain loop.

`python benchmarks/bench_families.py WORK OUT.json [NAME ...]`. Random weights, rows of two lengths, one
adapter to start from. Each precision is trained with and without CUDA graphs by qaloom's own process, then by
the plain loop: transformers' model, peft's adapter, torch's AdamW and transformers' schedule, a whole step's
rows padded at once, in the same order. OUT.json holds every step's loss and the largest relative difference
to the plain loop's; several are trained at a time. What it holds is not measured again.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import bench_gpu

STEPS, ROWS, RANK = 16, 8, 16  # optimizer steps; rows in each; rank of the adapter
AT_ONCE = 6
LENGTHS = ([60] * ROWS + [180] * ROWS) * (STEPS // 2)
# Of Gemma 3 1B, Qwen3 1.7B with half its layers, and Polyglot-Ko 1.3B.
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "gemma-3": ("gemma3_text", {
        "hidden_size": 1152, "intermediate_size": 6912, "num_hidden_layers": 26, "num_attention_heads": 4,
        "num_key_value_heads": 1, "head_dim": 256, "vocab_size": 262144, "sliding_window": 512,
    }),
    "qwen3": ("qwen3", {
        "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 14, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "tie_word_embeddings": True,
    }),
    "neox": ("gpt_neox", {
        "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 24, "num_attention_heads": 16,
        "vocab_size": 30080, "rotary_pct": 0.5, "use_parallel_residual": True,
    }),
}  # fmt: skip
WAYS = {"graphs": {"graphs": True}, "eager": {"graphs": False}, "plain": {}}


def write_model(folder: Path, name: str) -> None:
    """Write a shape with random weights in bfloat16, a small tokenizer, and an adapter beside them."""
    import torch
    from peft import LoraConfig, get_peft_model
    from tiny_model import make_tokenizer
    from transformers import AutoConfig, AutoModelForCausalLM

    from qaloom.inference.architecture import architecture, target_projections

    kind, sizes = CONFIGS[name]
    ids = {"bos_token_id": 1, "eos_token_id": 4, "pad_token_id": 0}
    config = AutoConfig.for_model(kind, **sizes, **ids, max_position_embeddings=2048)
    torch.manual_seed(7)
    with torch.device("cuda"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    make_tokenizer("chatml").save_pretrained(folder)
    (folder / "manifest.json").write_text(json.dumps({"origin": f"random:{name}", "sha256": name}))
    targets = target_projections(architecture(folder), ["all-linear"])
    lora = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=targets, task_type="CAUSAL_LM")
    adapted = get_peft_model(model, lora)
    adapted.peft_config["default"].base_model_name_or_path = str(folder)
    adapted.save_pretrained(folder / "adapter")


def losses(way: str, precision: str, base: Path, folder: Path) -> dict[str, Any]:
    """Each step's loss and the seconds of one, of qaloom's training or of the plain loop."""
    from msgspec import to_builtins

    from qaloom.config.settings import RunSettings, typed
    from qaloom.files import read_lines
    from qaloom.inference.architecture import architecture
    from qaloom.train.planning.device import probe
    from qaloom.train.planning.plan import plan
    from qaloom.train.tokenized import steps_of_rows

    training = {"epochs": 1, "effective_batch": ROWS, "learning_rate": 5e-4, "measure": False} | WAYS[way]
    run = bench_gpu.settings(lora={"r": RANK}, training=training, precision=precision, max_length=512)
    settings, size = typed(run, RunSettings), architecture(base)
    planned = to_builtins(plan(size, settings, LENGTHS, probe(size.hidden, size.intermediate)))
    planned |= {"steps": len(steps_of_rows(LENGTHS, settings.training)), "prompt": "plain"}
    bench_gpu.write_job(folder, base, LENGTHS, planned, run)
    job = json.loads((folder / "job.json").read_text())
    job["task"]["start"] = str(base / "adapter")
    (folder / "job.json").write_text(json.dumps(job))
    command = [sys.executable, __file__, "plain", str(folder)] if way == "plain" else None
    found = bench_gpu.run_job(folder, command=command)
    if "failed" not in found:
        history = read_lines(folder / "finished/history.jsonl", dict)
        found["losses"] = [round(step["loss"], 5) for step in history]
    return {"graphs": planned["graphs"], "micro_batch": planned["micro_batch"]} | found


def plain(folder: Path) -> None:
    """Train a job's rows with torch, transformers and peft alone."""
    import torch

    from qaloom.config.settings import RunSettings, typed
    from qaloom.files import read_lines, write_json, write_lines
    from qaloom.inference.prompt import Example
    from qaloom.train.tokenized import features, length, steps_of_rows

    job = json.loads((folder / "job.json").read_text())
    task, training = job["task"], typed(job["task"]["settings"], RunSettings).training
    examples = read_lines(folder / "examples.jsonl", Example)
    steps = steps_of_rows([length(e) for e in examples], training)
    model = peft_model(task["base"], task["start"], job["plan"]["precision"])
    optimizer, schedule = optimizer_of(model, training, len(steps))
    history, seconds = [], []
    for step in steps:
        start = time.monotonic()
        batch = padded([features(examples[row]) for row in step])
        with torch.autocast("cuda", torch.bfloat16):
            loss = model(**batch).loss  # the mean over the step's answer tokens
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.max_grad_norm)
        optimizer.step(), schedule.step(), optimizer.zero_grad()
        history.append({"loss": loss.item()})
        seconds.append(time.monotonic() - start)
    later = sorted(seconds[len(seconds) // 2 :])
    write_lines(folder / "finished/history.jsonl", history)
    write_json(folder / "finished/metrics.json", {"median_step_seconds": round(later[len(later) // 2], 4)})


def peft_model(base: str, start: str, precision: str) -> Any:
    """The base model in 16 or 4 bits (NF4, quantised twice) with the adapter in 32 bits."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    four = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip
    quantised = {"quantization_config": four} if precision == "4bit" else {}
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16, device_map={"": 0}, **quantised)
    return PeftModel.from_pretrained(model, start, is_trainable=True).train()


def optimizer_of(model: Any, training: Any, steps: int) -> tuple[Any, Any]:
    """AdamW over the adapter, and the run's learning-rate schedule."""
    import torch
    from transformers import get_scheduler

    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=training.learning_rate, weight_decay=training.weight_decay)
    warmup = round(training.warmup_fraction * steps)
    return optimizer, get_scheduler(training.scheduler, optimizer, warmup, steps)


def padded(rows: list[dict[str, list[int]]]) -> dict[str, Any]:
    """Rows as one batch on the GPU, filled up on the right."""
    import torch

    longest, fill = max(len(row["labels"]) for row in rows), {"labels": -100}
    return {
        key: torch.tensor([row[key] + [fill.get(key, 0)] * (longest - len(row[key])) for row in rows]).cuda()
        for key in rows[0]
    }


def main(work: Path, out: Path, names: list[str]) -> None:
    work.mkdir(parents=True, exist_ok=True)
    names = names or list(CONFIGS)
    for name in names:
        if not (work / name / "adapter").is_dir():
            write_model(work / name, name)
    cases = [" ".join(case) for case in product(names, ("16bit", "4bit"), WAYS)]
    results = json.loads(out.read_text())["families"] if out.is_file() else {}

    def measure(case: str) -> None:
        name, precision, way = case.split()
        results[case] = losses(way, precision, work / name, work / "jobs" / case.replace(" ", "-"))
        bench_gpu.save(out, "families", results)
        print(case, json.dumps(results[case]), flush=True)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(measure, (case for case in cases if "losses" not in results.get(case, {}))))
    for case in cases:
        ours, theirs = results[case], results[" ".join([*case.split()[:2], "plain"])]
        if "losses" in ours and "losses" in theirs:
            pairs = list(zip(ours["losses"], theirs["losses"], strict=True))
            ours["largest_relative_difference"] = round(max(abs(a - b) / b for a, b in pairs), 5)
            ours["largest_difference"] = round(max(abs(a - b) for a, b in pairs), 5)
            print(case, ours["largest_relative_difference"], ours["largest_difference"], flush=True)
    bench_gpu.save(out, "families", results)


if __name__ == "__main__":
    if sys.argv[1] == "plain":
        plain(Path(sys.argv[2]))
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
