"""The trial's process: a few steps of each candidate plan, on the run's own model and rows.

Started by `qaloom.train.planning.launcher`. It reads `job.json` in its folder and the run's `examples.jsonl` beside it, and
tells in `events.jsonl` when the model is loaded, then each candidate's figures: it may be ended at any time.
"""

import gc
import os
import sys
from pathlib import Path
from typing import Any

from qaloom.errors import first_line
from qaloom.files import read_json, read_lines
from qaloom.inference.prompt import Example, load_tokenizer
from qaloom.train.process import Watch, begin, peak_memory, settle_memory, tell
from qaloom.train.sft import load_training_model, make_trainer, rows_in_turn

_ROUNDS = 2  # times each step is done; the first time kernels are chosen and compiled
_RECORDING = 1  # round more in which a step's passes are recorded as CUDA graphs


def main(folder: Path) -> None:
    """Try the candidates of `folder`/job.json in turn, those that share a loaded model together."""
    job = read_json(folder / "job.json")
    begin(folder, job["candidates"][0]["device"]["kind"], job["threads"])
    examples = read_lines(folder.parent / "examples.jsonl", Example)
    ways = list(enumerate(job["candidates"]))
    for checkpointing in dict.fromkeys(way["checkpointing"] for _, way in ways):
        same = [(number, way) for number, way in ways if way["checkpointing"] == checkpointing]
        model = load_training_model(job["base"], job["start"], same[0][1], job["settings"])
        tell(folder, loaded=True)
        for number, way in same:
            tell(folder, candidate=number, **measured(model, way, job, examples, folder))
        del model
        gc.collect()


def measured(
    model: Any, way: dict[str, Any], job: dict[str, Any], examples: list[Example], folder: Path
) -> dict[str, Any]:
    """Seconds of a mean step, each step's the least of its rounds, and a GPU's peak bytes; or what failed."""
    gc.collect()  # a way before this one held its recordings
    settle_memory()
    steps = (_ROUNDS + _RECORDING * way["graphs"]) * job["steps"]
    usual = model.forward
    tokenizer = load_tokenizer(Path(job["base"]), job["settings"]["trust_remote_code"])
    rows = rows_in_turn(steps, examples, way, tokenizer.pad_token_id)
    settings = job["settings"] | {"training": job["settings"]["training"] | {"report_to": []}}
    trainer = make_trainer(model, tokenizer, rows, [], way | {"steps": len(steps)}, settings, folder)
    trainer.args.save_strategy = "no"
    watch = Watch(folder, [[str(row) for row in step] for step in steps], len(tokenizer))
    trainer.add_callback(watch.callback())
    try:
        trainer.train()
    except Exception as error:  # most likely memory; the training itself says what else it is
        return {"failed": first_line(error).partition(". GPU")[0]}
    finally:  # what the trainer wrapped it in, and kept, goes with it
        model.forward = usual
        model.__dict__.pop("_original_forward", None)
    count = len(job["steps"])
    least = [min(watch.seconds[n::count]) for n in range(count)]
    peak = peak_memory() if way["device"]["kind"] == "cuda" else None  # a CPU's is of all before, too
    return {"step_seconds": sum(least) / count, "peak_memory_bytes": peak}


if __name__ == "__main__":
    failed = 0
    try:
        main(Path(sys.argv[1]))
    except Exception as error:  # the training comes across it too, and says it better
        print(f"train: the trial failed ({first_line(error)})", file=sys.stderr, flush=True)
        failed = 1
    os._exit(failed)  # the interpreter's own end can hang on a GPU that ran out of memory
