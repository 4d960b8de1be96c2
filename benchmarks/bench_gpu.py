"""Training on one GPU, measured: memory over many plans, an '8 GB card', out-of-memory fallbacks, kills.

    bench_gpu.py models WORK              random weights of Llama-3-8B's and Qwen2.5-1.5B's shape
    bench_gpu.py memory WORK OUT.json     predicted against measured peaks
    bench_gpu.py card WORK OUT.json       the 8B shape within 7.0 GB: 30 steps of 2,048 tokens
    bench_gpu.py examples WORK OUT_korean.json SPLIT    20 steps of a ready configuration (or OUT_qlora.json)
    bench_gpu.py fallbacks WORK OUT.json  a training whose first plans fail
    bench_gpu.py answers WORK OUT.json    an evaluation whose first batches fail
    bench_gpu.py kills WORK OUT.json BASE ROWS          a run killed three times, and one left alone

Weights are random: memory and speed depend on shapes alone. Run from the repository's root.
"""

import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from itertools import product
from pathlib import Path
from random import Random
from threading import Condition

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "support"))  # the small tokenizer of the tests

GB = 1e9
SHAPES = {
    "8B": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
           "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
           "tie_word_embeddings": False},
    "1.5B": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
             "num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 151936,
             "tie_word_embeddings": True},
    "135M": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
             "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152,
             "tie_word_embeddings": True},
}  # fmt: skip
MEASURED = ("8B", "1.5B")  # whose memory the formula is fitted to
PLAN = {
    "gpus": 1, "dtype": "bfloat16", "accumulation": 1, "effective_tokens": None, "packing": False,
    "graphs": False, "offload_embedding": False, "optimizer": "adamw_torch_fused",
    "attention": "sdpa", "max_length": 4096,
    "cut_rows": 0, "predicted_memory_bytes": 0, "why": [], "fallbacks": [], "prompt": "plain",
}  # fmt: skip


def models(work: Path, names: Iterable[str] = MEASURED) -> None:
    """Write shapes, in bfloat16, with a small byte-level tokenizer."""
    import torch
    from tiny_model import make_tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM

    for name in names:
        folder, config = work / name, SHAPES[name]
        if (folder / "manifest.json").is_file():
            continue
        start = time.time()
        torch.set_default_dtype(torch.bfloat16)
        with torch.device("cuda"):
            model = LlamaForCausalLM(
                LlamaConfig(**config, max_position_embeddings=8192, bos_token_id=1, eos_token_id=4,
                            pad_token_id=0, rope_theta=500000.0)
            )  # fmt: skip
        model.save_pretrained(folder)
        make_tokenizer("chatml").save_pretrained(folder)
        manifest = {"origin": f"random:{name}", "sha256": name.ljust(64, "0"), "licence": None}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        print(f"{name}: {time.time() - start:.0f} s", flush=True)
        del model
        torch.cuda.empty_cache()


def settings(**changes):
    """One complete entry of `runs:`, with the guide's rank, epochs and rate, and no keep, unless others are given."""
    from qaloom.config.load import complete

    changes["lora"] = {"r": 16} | changes.get("lora", {})
    numbers = {"epochs": 3, "learning_rate": 2e-4, "keep": {"strength": 0}}
    changes["training"] = numbers | changes.get("training", {})
    return complete({"data": {"sources": ["x"]}, "runs": {"r": changes}})["runs"]["r"]


def write_job(folder: Path, base: Path, lengths: list[int], plan: dict, run: dict, **more) -> None:
    """A training process's inputs: rows of the given lengths of random tokens, and a plan."""
    from qaloom.files import write_json, write_lines

    shutil.rmtree(folder, ignore_errors=True)
    random = Random(7)
    rows = [[[random.randrange(20, 300) for _ in range(n - 8)], [*range(30, 37), 4]] for n in lengths]
    write_lines(folder / "examples.jsonl", rows)
    write_lines(folder / "validation.jsonl", [])
    ids = [f"row{n}" for n in range(len(rows))]
    task = {"name": folder.name, "base": str(base), "start": None, "settings": run, "threads": None}
    write_json(folder / "job.json", {"task": task | {"ids": ids}, "plan": plan} | more)


def run_job(folder: Path, cap: float = 0, command: list[str] | None = None) -> dict:
    """Run it to its end, or `command` in its place; its metrics, or what went wrong."""
    start = time.time()
    with open(folder / "log", "wb") as log:
        command = command or [sys.executable, str(Path(__file__)), "attempt", str(cap), str(folder)]
        code = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
    seconds = round(time.time() - start, 1)
    metrics = folder / "finished" / "metrics.json"
    if code == 0 and metrics.is_file():
        return json.loads(metrics.read_text()) | {"process_seconds": seconds}
    events = (folder / "events.jsonl").read_text().splitlines() if (folder / "events.jsonl").exists() else []
    tail = (folder / "log").read_text(errors="replace")[-1500:]
    return {"failed": events[-1] if events else f"exit {code}", "tail": tail, "process_seconds": seconds}


def attempt(cap: float, folder: Path) -> None:
    """A training process whose allocator gets `cap` bytes of the card (0: all)."""
    live_within(cap)
    from qaloom.train.process import run_training

    run_training(folder)


def live_within(cap: float) -> None:
    """Let this process's allocator have `cap` bytes of the card (0: all)."""
    import torch

    if cap:
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(cap / total)


def configurations() -> list[dict]:
    """What the memory formula is fitted to and, `held_out`, only checked on."""
    keys = ("shape", "precision", "checkpointing", "length", "micro")
    full = product(MEASURED, ("8bit", "16bit", "4bit"), (False, "unsloth"), (512, 2048), (2,))
    held_out = [
        ("8B", "4bit", "unsloth", 2048, 1, {}),
        ("8B", "4bit", "unsloth", 2048, 1, {"offload_embedding": True}),
        ("8B", "16bit", False, 256, 8, {}),
        ("8B", "4bit", False, 1024, 2, {}),
        ("1.5B", "8bit", "unsloth", 1024, 8, {}),
        ("8B", "16bit", "unsloth", 512, 1, {"packing": 4096}),
        ("1.5B", "16bit", False, 1024, 8, {"r": 64}),
        ("1.5B", "4bit", "unsloth", 1024, 4, {"dtype": "float16"}),
        ("1.5B", "16bit", "unsloth", 1024, 4, {"dtype": "float16"}),
        ("8B", "4bit", "unsloth", 2048, 2, {"optimizer": "paged_adamw_8bit"}),
        ("1.5B", "16bit", False, 512, 2, {"method": "full"}),
    ]
    fitted = [dict(zip(keys, values, strict=True)) for values in full]
    return fitted + [dict(zip(keys, c[:5], strict=True)) | c[5] | {"held_out": True} for c in held_out]


def planned(c: dict) -> tuple[dict, dict, list[int]]:
    """Plan, run settings and row lengths of a configuration: five steps."""
    steps, packing = c.get("steps", 5), c.get("packing")
    training = {"epochs": 1, "effective_batch": c["micro"], "effective_tokens": packing}
    run = settings(
        lora={"r": c.get("r", 16)}, training=training, max_length=4096, method=c.get("method", "lora")
    )
    rows = steps * (packing // c["length"] if packing else c["micro"])
    plan = PLAN | {
        "device": {"kind": "cuda", "name": "card", "free_bytes": 0, "total_bytes": 0},
        "precision": c["precision"], "micro_batch": c["micro"],
        "effective_batch": None if packing else c["micro"], "effective_tokens": packing,
        "packing": bool(packing), "checkpointing": c["checkpointing"], "steps": steps,
        "optimizer": c.get("optimizer", PLAN["optimizer"]), "longest_row": c["length"],
        "dtype": c.get("dtype", "bfloat16"), "offload_embedding": c.get("offload_embedding", False),
    }  # fmt: skip
    return plan, run, [c["length"]] * rows


def expected(c: dict, base: Path) -> float:
    """The formula's bytes."""
    from qaloom.inference.architecture import architecture
    from qaloom.train.planning.memory import MicroBatch, predicted_memory

    tokens = c.get("packing") or c["micro"] * math.ceil(c["length"] / 64) * 64
    step = MicroBatch(c["precision"], tokens, bool(c["checkpointing"]),
                      c.get("optimizer", PLAN["optimizer"]), c.get("method") == "full",
                      c.get("offload_embedding", False))  # fmt: skip
    return predicted_memory(architecture(base), c.get("r", 16), step)


class Card:
    """Lets processes share the card while their expected sum fits, and no more than `most` at once."""

    def __init__(self, room: float, most: int):
        self.room, self.places, self.changed = room, most, Condition()

    def take(self, needed: float) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.places > 0 and self.room >= needed)
            self.room -= needed
            self.places -= 1

    def give(self, needed: float) -> None:
        with self.changed:
            self.room += needed
            self.places += 1
            self.changed.notify_all()


def memory(work: Path, out: Path, seconds: float = 400, most: float = 5, room: float = 62e9) -> None:
    """Measure each configuration in a process of its own, some side by side; begin none after `seconds`.

    What OUT.json holds is not measured again.
    """
    results = json.loads(out.read_text())["memory"] if out.is_file() else []
    keys = {key for c in configurations() for key in c}
    known = [{key: value for key, value in result.items() if key in keys} for result in results]
    deadline, card = time.time() + seconds, Card(room, int(most))

    def one(numbered):
        number, c = numbered
        needed = 1.1 * expected(c, work / c["shape"]) + 1e9
        card.take(needed)
        try:
            if time.time() < deadline:
                results.append(_measured(c, work, work / "jobs" / str(number)))
                print(json.dumps(results[-1]), flush=True)
                save(out, "memory", results)
        finally:
            card.give(needed)

    order = {"16bit": 0, "8bit": 1, "4bit": 2}
    todo = [(number, c) for number, c in enumerate(configurations()) if c not in known]
    todo.sort(key=lambda pair: (pair[1]["shape"] != "8B", order[pair[1]["precision"]]))
    with ThreadPoolExecutor(int(most) + 2) as pool:
        list(pool.map(one, todo))


def _measured(c: dict, work: Path, folder: Path) -> dict:
    """A configuration with its predicted and its measured bytes, or with what went wrong."""
    plan, run, lengths = planned(c)
    write_job(folder, work / c["shape"], lengths, plan, run)
    got, predicted = run_job(folder), int(expected(c, work / c["shape"]))
    shutil.rmtree(folder, ignore_errors=True)
    if "failed" in got:
        return c | got
    peak = max(got["peak_memory_bytes"], got["loading_peak_bytes"])
    return c | {
        "predicted_bytes": predicted, "peak_bytes": peak,
        "peak_allocated_bytes": got["peak_allocated_bytes"], "loading_peak_bytes": got["loading_peak_bytes"],
        "predicted_over_measured": round(predicted / peak, 3),
        "median_step_seconds_beside_others": got["median_step_seconds"],
    }  # fmt: skip


def capped(cap: float):
    """Give the allocator of every training process that train() starts `cap` bytes."""
    from qaloom.train.planning import launcher as launch

    launch.command = lambda folder, gpus: [sys.executable, __file__, "attempt", str(cap), str(folder)]


def pretended(free: float):
    """A card like this one with `free` bytes to plan for."""
    from qaloom.train.planning.device import probe

    return replace(probe(), free_bytes=int(free))


def write_rows(path: Path, lengths: list[int]) -> None:
    """Rows whose answers have about these many tokens."""
    from qaloom.files import write_lines

    rows = [(f"{n:016x}", f"Question {n}?", "x7 " * (length // 3)) for n, length in enumerate(lengths)]
    write_lines(path, [{"id": i, "instruction": q, "input": "", "output": a} for i, q, a in rows])


def example(work: Path, name: str, split: Path, cap: float | None) -> dict:
    """20 steps of a ready configuration, with the 8B shape, through train() and evaluate()."""
    import torch
    import yaml

    from qaloom.config.load import complete
    from qaloom.evaluate.stage import evaluate
    from qaloom.train.stage import train

    config = yaml.safe_load((ROOT / "config" / "examples" / f"{name}.yaml").read_text())
    rows = sum(1 for _ in (split / "train.jsonl").open())
    run = config["runs"][name]
    run["base_model"] = f"path:{work / '8B'}"
    run["training"]["epochs"] = 160 / rows
    config = complete(config)
    base, out = work / "8B", work / name
    device = None
    if cap:
        capped(cap)
        device = pretended(cap)
    start = time.time()
    train(
        name,
        split / "train.jsonl",
        base,
        out / "train",
        config["runs"][name],
        work / "cache" / name,
        device=device,
    )
    trained = time.time() - start
    live_within(cap)
    settings = config["evaluate"] | {"max_questions": 20}
    metrics = evaluate(
        name, split, base, out / "train", out / "evaluate", settings, work / "cache" / "generate"
    )
    return {
        "example": name, "cap_bytes": cap, "plan": json.loads((out / "train" / "plan.json").read_text()),
        "metrics": json.loads((out / "train" / "metrics.json").read_text()), "train_seconds": round(trained),
        "questions": metrics.recall.n + metrics.unseen.n, "seconds": round(time.time() - start),
        "evaluate_peak_bytes": torch.cuda.max_memory_reserved(),
    }  # fmt: skip


def card(work: Path, out: Path) -> None:
    """An '8 GB card', 7.0 GB of it the allocator's: 30 full steps of 2,048 tokens, then the 8 GB example."""
    from qaloom.train.stage import train

    capped(7.0e9)
    rows = work / "long.jsonl"
    write_rows(rows, [1980] * 30)
    run = settings(
        precision="auto", training={"epochs": 1, "effective_batch": 1}, max_length=2048, prompt="plain"
    )
    train("card", rows, work / "8B", work / "card", run, work / "cache" / "card", device=pretended(7.0e9))
    result = {name: json.loads((work / "card" / f"{name}.json").read_text()) for name in ("plan", "metrics")}
    print(json.dumps(result), flush=True)
    save(out, "card_of_8_GB", {"cap_bytes": 7.0e9} | result)


def examples(work: Path, out: Path, split: Path) -> None:
    """Both ready 8B configurations: the 8 GB one within 7.0 GB."""
    name, cap = {"korean": ("korean-8b", None), "qlora": ("qlora-8gb", 7.0e9)}[out.stem.split("_")[-1]]
    result = example(work, name, split, cap)
    print(json.dumps(result), flush=True)
    save(out, name, result)


def fallbacks(work: Path, out: Path) -> None:
    """Training: planned for 30 GB, given 7.5. Evaluation: 3.7 GB for the 1.5B shape and 400 questions."""
    from qaloom.train.stage import train

    capped(7.5e9)
    rows = work / "mixed.jsonl"
    write_rows(rows, [60] * 80 + [1000] * 80)
    run = settings(
        precision="16bit", training={"epochs": 1, "effective_batch": 8}, max_length=1024, prompt="plain"
    )
    train(
        "fallbacks",
        rows,
        work / "1.5B",
        work / "fallbacks",
        run,
        work / "cache" / "fallbacks",
        device=pretended(30e9),
    )
    result = {
        name: json.loads((work / "fallbacks" / f"{name}.json").read_text()) for name in ("plan", "metrics")
    }
    print(json.dumps(result), flush=True)
    save(out, "fallbacks_training", {"planned_for_bytes": 30e9, "cap_bytes": 7.5e9} | result)


def answers(work: Path, out: Path) -> None:
    """Evaluation's fallback: fewer questions at once until they fit; the answers beside an uncapped run's."""
    import torch

    from qaloom.inference.answers import answers
    from qaloom.inference.model import load_model

    random = Random(7)
    prompts = [[random.randrange(20, 300) for _ in range(random.randrange(40, 200))] for _ in range(400)]
    loaded = load_model(work / "1.5B")
    found = {}
    for cap in (None, 3.7e9):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(cap / total if cap else 1.0)
        kept = work / f"answers-{cap}.jsonl"
        kept.unlink(missing_ok=True)
        start = time.time()
        texts = answers(lambda: loaded, prompts, [4], 64, kept, lambda done: None)
        found[str(cap)] = {
            "answers": len(texts), "seconds": round(time.time() - start, 1),
            "peak_bytes": torch.cuda.max_memory_reserved(), "texts": [a.text for a in texts],
        }  # fmt: skip
    same = sum(a == b for a, b in zip(*(f.pop("texts") for f in found.values()), strict=True))
    result = {"questions": 400, "by_cap_bytes": found, "equal_answers": same}
    print(json.dumps(result), flush=True)
    save(out, "fallbacks_evaluation", result)


def kills(work: Path, out: Path, base: Path, rows: Path, epochs: float = 4) -> None:
    """The same run undisturbed and killed (SIGKILL) three times: losses step by step."""
    import yaml

    run = {"lora": {"r": 128}, "training": {"epochs": epochs, "learning_rate": 0.001}}
    (work / "kills.yaml").write_text(yaml.safe_dump({"data": {"sources": ["x"]}, "runs": {"demo": run}}))
    histories = {}
    for name, times in (("undisturbed", 0), ("killed", 3)):
        seen: set[str] = set()
        for _ in range(times):
            seen |= _killed_at_a_checkpoint(work, base, rows, name, seen)
        _start(work, base, rows, name).wait()
        history = [json.loads(line) for line in (work / name / "history.jsonl").read_text().splitlines()]
        histories[name] = [entry["loss"] for entry in history]
    apart = max(abs(a - b) for a, b in zip(*histories.values(), strict=True))
    metrics = {name: json.loads((work / name / "metrics.json").read_text()) for name in histories}
    result = {
        "steps": len(histories["killed"]), "kills": 3, "killed_after": sorted(seen),
        "last_loss": {name: history[-1] for name, history in histories.items()},
        "largest_difference_at_any_step": apart, "metrics": metrics,
    }  # fmt: skip
    print(json.dumps(result), flush=True)
    save(out, "kills", result)


def _start(work: Path, base: Path, rows: Path, name: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "qaloom.train", rows, base, work / name, work / "kills.yaml", "demo",
               "--cache", work / "cache" / name]  # fmt: skip
    return subprocess.Popen(list(map(str, command)))


def _killed_at_a_checkpoint(work: Path, base: Path, rows: Path, name: str, seen: set[str]) -> set[str]:
    """Kill the run once a new checkpoint is whole; its training process must die with it."""
    process = _start(work, base, rows, name)
    fresh: set[str] = set()
    while not fresh:
        assert process.poll() is None, "ended before it could be killed"
        time.sleep(0.05)
        states = (work / "cache" / name).glob("*/checkpoints/checkpoint-*/trainer_state.json")
        fresh = {state.parent.name for state in states} - seen
    process.kill()
    process.wait()
    time.sleep(2)
    commands = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    orphans = [c for c in commands if "qaloom.train.process" in c and str(work / "cache" / name) in c]
    assert not orphans, f"a training process outlived its parent: {orphans}"
    return fresh


def save(out: Path, key: str, value) -> None:
    """Put one part of the results in the file, beside the others, with card and versions."""
    found = json.loads(out.read_text()) if out.is_file() else {}
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:2]])
    found |= {key: value, "machine": machine(), "commands": sorted({*found.get("commands", []), command})}
    out.write_text(json.dumps(found, indent=1) + "\n")


def each_once(
    out: Path, part: str, names: Iterable[str], figure: str, measure: Callable[[str], dict]
) -> Iterator[tuple[str, dict]]:
    """Each name's results in that part of the file; measured and saved where they lack `figure`."""
    found = json.loads(out.read_text()).get(part, {}) if out.is_file() else {}
    for name in names:
        if figure not in found.get(name, {}):
            found[name] = measure(name) | {"machine": machine()}
            save(out, part, found)
        yield name, found[name]


def machine() -> dict:
    """The card and the versions that a figure belongs to."""
    import torch

    from qaloom.train.planning.device import driver_version

    names = ("torch", "unsloth", "unsloth_zoo", "transformers", "trl", "peft", "bitsandbytes")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"gpu": gpu, "driver": driver_version(), "cuda": torch.version.cuda, "cores": os.cpu_count()} | {
        name: version(name) for name in names
    }


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    commands = {
        "attempt": attempt, "models": models, "memory": memory, "card": card, "examples": examples,
        "fallbacks": fallbacks, "answers": answers, "kills": kills,
    }  # fmt: skip
    commands[command](*(float(a) if a.replace(".", "").isdigit() else Path(a) for a in arguments))
