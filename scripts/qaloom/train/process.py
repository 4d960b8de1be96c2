"""The training process: one plan, one attempt, on one GPU, several, or the CPU.

Started by `qaloom.train.planning.launcher`, under torchrun on several GPUs. It reads `job.json` and `examples.jsonl` in the
run's cache folder, writes checkpoints, then `finished/`, and tells how it goes in `events.jsonl`.
"""

import ctypes
import json
import math
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from statistics import median
from typing import Any

from qaloom.errors import QALoomError, TrainingError, first_line
from qaloom.files import read_json, read_lines, write_json, write_lines
from qaloom.inference.prompt import Example, load_tokenizer
from qaloom.train.planning.device import supply_autocast_check
from qaloom.train.sft import check_batch, load_training_model, make_trainer, rows_in_turn
from qaloom.train.tokenized import length, steps_of_rows

_SECONDS_BETWEEN = 600  # two checkpoints, at most
_EXPLODED = 3  # times the first loss, and above what guessing costs, is no longer learning
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


def main(folder: Path) -> None:
    """Train as `folder`/job.json says; what ends it goes to events.jsonl, as the exit code 0 or 1."""
    try:
        _train(folder, read_json(folder / "job.json"))
    except QALoomError as error:
        tell(folder, error=str(error), kind=type(error).__name__)
        sys.exit(1)
    except Exception as error:
        traceback.print_exc()
        tell(folder, **_what_went_wrong(error))
        sys.stderr.flush()
        os._exit(1)  # the interpreter's own end can hang on a GPU that ran out of memory


def tell(folder: Path, **event: Any) -> None:
    """Append one event for the process that waits."""
    with (folder / "events.jsonl").open("ab", buffering=0) as stream:
        stream.write(json.dumps(event).encode() + b"\n")


def _end_with_the_parent() -> None:
    """Ask the kernel to kill this process with its parent: an orphan would train on beside the next run."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _what_went_wrong(error: Exception) -> dict[str, Any]:
    import torch

    from qaloom.train.cuda_graphs import GraphError

    if isinstance(error, GraphError):
        return {"not_recorded": str(error)}
    if isinstance(error, torch.OutOfMemoryError) or "CUDA out of memory" in str(error):
        return {"out_of_memory": first_line(error).partition(". GPU")[0], "peak": peak_memory()}
    return {"error": first_line(error), "kind": "unexpected"}


def _train(folder: Path, job: dict[str, Any]) -> None:
    planned, settings = job["plan"], job["settings"]
    begin(folder, planned["device"]["kind"], job["threads"])
    examples = read_lines(folder / "examples.jsonl", Example)
    kept = read_lines(folder / "validation.jsonl", Example)
    steps = steps_of_rows([length(e) for e in examples], settings["training"])
    model = load_training_model(job["base"], job["start"], planned, settings)
    loading = settle_memory()
    tokenizer = load_tokenizer(Path(job["base"]), settings["trust_remote_code"])
    rows = rows_in_turn(steps, examples, planned, tokenizer.pad_token_id)
    trainer = make_trainer(model, tokenizer, rows, kept, planned, settings, folder)
    check_batch(trainer, rows)
    watch = Watch(folder, [[job["ids"][row] for row in step] for step in steps], len(tokenizer))
    measured = _run(trainer, watch, folder)
    if trainer.is_world_process_zero():
        _finish(trainer, tokenizer, folder, measured | {"loading_peak_bytes": loading})


def begin(folder: Path, kind: str, threads: int | None) -> None:
    """Make this the process that computes on the device of that kind, in `threads` threads."""
    _end_with_the_parent()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin halt a machine with other work
    _import_unsloth(folder, kind)
    if threads:
        import torch

        torch.set_num_threads(threads)


def _import_unsloth(folder: Path, kind: str) -> None:
    """Import Unsloth (before trl, transformers and peft, which it patches) with what it reads then."""
    import torch

    supply_autocast_check(torch)
    os.environ.setdefault("UNSLOTH_DISABLE_STATISTICS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ["UNSLOTH_COMPILE_LOCATION"] = str((folder / "compiled").absolute())
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "tensorboard")
    if kind == "cpu":
        os.environ["UNSLOTH_FORCE_CPU"] = "1"
    import unsloth  # noqa: F401

    if kind == "cuda":
        # cuDNN's attention builds a plan for every new batch shape: 0.1 s forward, 0.1 s backward (H100).
        torch.backends.cuda.enable_cudnn_sdp(False)
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))


class Watch:
    """Tells each step, saves by the clock, and stops at a loss that is not a number or runs away."""

    def __init__(self, folder: Path, ids: list[list[str]], vocabulary: int):
        self.folder, self.ids = folder, ids
        self.guessing, self.first = math.log(vocabulary), None
        self.saved = self.before = time.monotonic()
        self.seconds: list[float] = []  # of each step of this attempt, its saving left out

    def step(self, number: int, loss: float) -> None:
        """Look at a step's loss. Raises TrainingError with the step and its rows."""
        self.first = self.first or loss
        if math.isfinite(loss) and loss <= max(2 * self.guessing, _EXPLODED * self.first):
            return
        rows = self.ids[number - 1]
        raise TrainingError(
            f"the loss is {loss:.4g} at step {number}; its rows are {', '.join(rows[:8])}"
            f"{' and more' if len(rows) > 8 else ''}. Look at them, or lower training.learning_rate"
        )

    def rows_per_second(self, last: int) -> float | None:
        """Rows a second over this attempt's later half, to step `last`; the first compile and record."""
        warm = len(self.seconds) // 2
        later = self.ids[last - len(self.seconds) + warm : last]
        return round(sum(map(len, later)) / sum(self.seconds[warm:]), 3) if later else None

    def callback(self) -> Any:
        from transformers import TrainerCallback

        watch = self

        class Callback(TrainerCallback):
            def on_step_begin(self, args, state, control, **kwargs):
                watch.before = time.monotonic()

            def on_step_end(self, args, state, control, **kwargs):
                _wait_for_the_card()
                watch.seconds.append(time.monotonic() - watch.before)
                if state.is_world_process_zero:
                    tell(watch.folder, step=state.global_step)
                due = time.monotonic() - watch.saved > _SECONDS_BETWEEN and args.save_strategy != "no"
                if due and args.world_size == 1:
                    control.should_save = True

            def on_save(self, args, state, control, **kwargs):
                watch.saved = time.monotonic()

            def on_log(self, args, state, control, logs=None, **kwargs):
                if logs and "loss" in logs:
                    watch.step(state.global_step, float(logs["loss"]))

        return Callback()


def _run(trainer: Any, watch: Watch, folder: Path) -> dict[str, Any]:
    """Train, from the last checkpoint if there is one; return what was measured."""
    resumed = last_checkpoint(folder)
    if trainer.is_world_process_zero():
        tell(folder, started=True, step=int(resumed.name.rpartition("-")[2]) if resumed else 0)
    start = time.monotonic()
    trainer.add_callback(watch.callback())
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    seconds = time.monotonic() - start
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    best = trainer.state.best_model_checkpoint
    return {
        "seconds": round(seconds, 1),
        "steps": trainer.state.global_step,
        "median_step_seconds": round(median(watch.seconds), 4) if watch.seconds else None,
        "rows_per_second": watch.rows_per_second(trainer.state.global_step),
        "resumed_from": resumed.name if resumed else None,
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "best_step": int(best.rpartition("-")[2]) if best else None,
        "best_validation_loss": trainer.state.best_metric,
        "peak_memory_bytes": peak_memory(),
        "peak_allocated_bytes": _peak_allocated(),
    }


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end (the trainer's state comes last)."""
    states = [p for p in (folder / "checkpoints").glob("checkpoint-*/trainer_state.json") if _is_json(p)]
    return max((p.parent for p in states), key=lambda p: int(p.name.rpartition("-")[2]), default=None)


def _is_json(path: Path) -> bool:
    try:
        read_json(path)
    except ValueError:
        return False
    return True


def peak_memory() -> int:
    """Peak bytes: of the GPU's allocator, or of the process's RAM on a CPU."""
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _wait_for_the_card() -> None:
    """Let a GPU finish what it was given, so that a step's time is its own."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def settle_memory() -> int | None:
    """Hand back what only loading needed, so that training's own peak shows; return loading's, on a GPU."""
    import torch

    if not torch.cuda.is_available():
        return None
    peak = torch.cuda.max_memory_reserved()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return peak


def _peak_allocated() -> int | None:
    """Peak bytes of live tensors on the GPU; what was reserved beyond them is fragmentation."""
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


def _finish(trainer: Any, tokenizer: Any, folder: Path, measured: dict[str, Any]) -> None:
    """Write what was trained, all but the plan and the manifest, which the waiting process adds."""
    finished = folder / "finished"
    shutil.rmtree(finished, ignore_errors=True)
    trainer.model.save_pretrained(finished)
    tokenizer.save_pretrained(finished)
    (finished / "README.md").unlink(missing_ok=True)  # peft's empty card; evaluate writes the real one
    write_json(finished / "metrics.json", measured)
    keys = ("step", "loss", "eval_loss", "learning_rate", "grad_norm")
    history = [e for e in trainer.state.log_history if "loss" in e or "eval_loss" in e]
    write_lines(finished / "history.jsonl", [{k: float(e[k]) for k in keys if k in e} for e in history])
    if (folder / "tensorboard").is_dir():
        shutil.copytree(folder / "tensorboard", finished / "tensorboard")
    tell(folder, finished=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
