"""The autotune process: a few steps of each candidate plan, on the run's own model and rows.

Started by `qaloom.train.planning.launcher`. It reads `job.json` in its folder and the run's `examples.jsonl`
beside it, and reports in `events.jsonl` when a model is loaded, then each candidate's figures: it may be
ended at any time.
"""

import gc
import os
import sys
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from qaloom.compat_unsloth import restore_forward
from qaloom.errors import first_line
from qaloom.files import read_document, read_lines
from qaloom.inference.prompt import Example, load_tokenizer
from qaloom.train.planning.plan import Plan
from qaloom.train.planning.task import AutotuneJob, Measured, ModelLoaded, emit
from qaloom.train.process import StepMonitor, begin, peak_memory, settle_memory
from qaloom.train.sft import load_training_model, make_trainer, rows_in_order

_ROUNDS = 2  # times each step is done; the first time kernels are chosen and compiled
_CAPTURE_ROUNDS = 1  # more, in which a step's passes are captured as CUDA graphs


def run_candidates(folder: Path) -> None:
    """Time the candidates of `folder`/job.json in turn, those that share a loaded model together."""
    job = read_document(folder / "job.json", AutotuneJob)
    task = job.task
    begin(folder, job.candidates[0].device.kind, task.threads)
    examples = read_lines(folder.parent / "examples.jsonl", Example)
    numbered = list(enumerate(job.candidates))
    for checkpointing in dict.fromkeys(plan.checkpointing for plan in job.candidates):
        same = [(number, plan) for number, plan in numbered if plan.checkpointing == checkpointing]
        model = load_training_model(task.base, task.start, same[0][1], task.settings)
        emit(folder, ModelLoaded())
        for number, plan in same:
            emit(folder, measured(number, model, plan, job, examples, folder))
        del model
        gc.collect()


def measured(
    number: int, model: Any, plan: Plan, job: AutotuneJob, examples: list[Example], folder: Path
) -> Measured:
    """Seconds of a mean step, each step's the least of its rounds, and a GPU's peak bytes; or the failure."""
    gc.collect()  # a candidate before this one held its graphs
    settle_memory()
    eager = model.forward
    try:
        monitor = _train(model, plan, job, examples, folder)
    except Exception as error:  # most likely memory; the training itself reports what else it is
        return Measured(number, failed=first_line(error).partition(". GPU")[0])
    finally:
        restore_forward(model, eager)
    count = len(job.steps)
    least = [min(monitor.seconds[n::count]) for n in range(count)]
    peak = peak_memory() if plan.device.kind == "cuda" else None  # a CPU's includes all before
    return Measured(number, sum(least) / count, peak)


def _train(model: Any, plan: Plan, job: AutotuneJob, examples: list[Example], folder: Path) -> StepMonitor:
    """Train the job's steps as often as the plan needs; return the monitor with their times."""
    task, steps = job.task, (_ROUNDS + _CAPTURE_ROUNDS * plan.graphs) * job.steps
    tokenizer = load_tokenizer(Path(task.base), task.settings.trust_remote_code)
    rows = rows_in_order(steps, examples, plan, tokenizer.pad_token_id)
    settings = replace(task.settings, training=replace(task.settings.training, report_to=[]))
    trainer = make_trainer(model, tokenizer, rows, [], replace(plan, steps=len(steps)), settings, folder)
    trainer.args.save_strategy = "no"
    monitor = StepMonitor(folder, [[str(row) for row in step] for step in steps], len(tokenizer))
    trainer.add_callback(monitor.callback())
    trainer.train()
    return monitor


if __name__ == "__main__":
    failed = 0
    try:
        run_candidates(Path(sys.argv[1]))
    except Exception as error:  # the training comes across it too, and reports it better
        print(f"train: autotune failed ({first_line(error)})", file=sys.stderr, flush=True)
        failed = 1
    os._exit(failed)  # the interpreter's own end can hang on a GPU that ran out of memory
