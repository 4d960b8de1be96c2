"""How much faster a batch answers than one question after the other, and whether it answers the same.

    python benchmarks/bench_generate.py PROJECT RUN [--questions 52] [--max-new-tokens 64]

PROJECT is a folder that `make run` has been through, RUN one of its runs. Both ways answer the same held-out
questions with the same model, side by side; prints a table and writes benchmarks/generate.json.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

import qaloom.generate as generate
from qaloom.files import digest, read_json, read_lines
from qaloom.prompt import prompt_ids, stop_ids

OUT = Path(__file__).with_name("generate.json")


def main(
    project: Path,
    run: str,
    questions: Annotated[int, typer.Option(help="held-out questions asked, at most")] = 52,
    max_new_tokens: int = 64,
) -> None:
    """Measure both ways with the tuned model and with the base model below it."""
    adapter = project / "results/train" / run
    trained, plan = read_json(adapter / "manifest.json"), read_json(adapter / "plan.json")
    base = next(
        folder for folder in (project / "results/base_model").iterdir()
        if read_json(folder / "manifest.json")["sha256"] == trained["base"]
    )  # fmt: skip
    loaded = generate.load(base, adapter, precision=plan["precision"])
    placed = {row["id"]: row for row in read_lines(project / "results/split/placement.jsonl")}
    rows = [
        r for r in read_lines(project / "results/split/recall.jsonl") if placed[r["id"]]["origin"] == "data"
    ]
    prompts = [prompt_ids(loaded.tokenizer, trained["prompt"], r["instruction"], r["input"]) for r in rows]
    todo = {digest(prompt): prompt for prompt in prompts[:questions]}
    stop = stop_ids(loaded.tokenizer, trained["prompt"])
    found = []
    for arm in ("tuned", "base"):
        with loaded.model.disable_adapter() if arm == "base" else nullcontext():
            found.append(
                {"arm": arm, **side_by_side(lambda: generate._generated(loaded, todo, stop, max_new_tokens))}
            )
            print(json.dumps(found[-1]), flush=True)
    about = {"machine": machine(loaded), "max_new_tokens": max_new_tokens, "load": os.getloadavg()[2]}
    OUT.write_text(json.dumps({**about, "arms": found}, indent=2) + "\n")


def side_by_side(answer: Callable) -> dict:
    """CPU-seconds and seconds both ways, and how many answers differ."""
    usual, ways = dict(generate._TOKENS_AT_ONCE), {}
    for way, budget in (("one by one", dict.fromkeys(usual, 1)), ("batches", usual)):
        generate._TOKENS_AT_ONCE.update(budget)
        cpu, wall = time.process_time(), time.monotonic()
        said = {a.prompt: a for batch in answer() for a in batch}
        ways[way] = said, time.process_time() - cpu, time.monotonic() - wall
    (alone, *slow), (together, *fast) = ways.values()
    return {
        "questions": len(alone),
        "new_tokens": sum(a.new_tokens for a in alone.values()),
        "one_by_one": {"cpu_seconds": round(slow[0], 1), "seconds": round(slow[1], 1)},
        "batches": {"cpu_seconds": round(fast[0], 1), "seconds": round(fast[1], 1)},
        "times_as_fast": {"cpu": round(slow[0] / fast[0], 1), "wall": round(slow[1] / fast[1], 1)},
        "answers_that_differ": sum(alone[name].text != together[name].text for name in alone),
    }


def machine(loaded: generate.Loaded) -> str:
    import torch

    if loaded.model.device.type == "cuda":
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads, torch {torch.__version__}"


if __name__ == "__main__":
    typer.run(main)
