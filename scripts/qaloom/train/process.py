"""The training process: one plan, one attempt, on one GPU, several, or the CPU.

Started by `qaloom.train.planning.launcher`, under torchrun on several GPUs. It reads `job.json` and
`examples.jsonl` in the run's cache folder, writes checkpoints, then `finished/`, and reports its progress
in `events.jsonl`.
"""

import math
import os
import shutil
import sys
import time
import traceback
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from msgspec import Struct
from msgspec.structs import replace

from qaloom.errors import QALoomError, TrainingError, first_line
from qaloom.files import VOUCHER, damaged_file, read_document, read_lines, vouch_for, write_lines
from qaloom.inference.prompt import Example, Tokenizer, load_tokenizer
from qaloom.inference.tokenizer_files import write_tokenizer
from qaloom.processes import end_with_parent, is_orphan
from qaloom.train.planning.task import (
    Event,
    Failed,
    Finished,
    NotCaptured,
    OutOfMemory,
    Started,
    StepDone,
    TrainingJob,
    emit,
    write_struct,
)
from qaloom.train.sft import (
    check_batch,
    check_trained,
    keep_initial,
    load_training_model,
    make_trainer,
    rows_in_order,
    save_trained,
)
from qaloom.train.tokenized import length, steps_of_rows

_SECONDS_BETWEEN = 600  # two checkpoints, at most
_STOPPED = 130  # exit code after SIGINT
_FIRST_STEPS = 3  # in which kernels are compiled and CUDA graphs recorded
_EXPLODED = 3  # times the first loss, and above what guessing costs, is no longer learning


class Metrics(Struct, frozen=True, kw_only=True):
    """metrics.json: speed, losses and peak memory (bytes) of the last attempt; null where unknown."""

    seconds: float
    importing_seconds: float  # before `seconds`: the process and its libraries
    loading_seconds: float  # before `seconds`: the model, and what the trainer makes of the rows
    first_steps_seconds: float  # of `seconds`: three steps, which compile and record
    saving_seconds: float  # after `seconds`
    steps: int
    median_step_seconds: float | None
    rows_per_second: float | None
    resumed_from: str | None
    first_loss: float
    last_loss: float
    best_step: int | None
    best_validation_loss: float | None
    peak_memory_bytes: int
    peak_allocated_bytes: int | None
    loading_peak_bytes: int | None


class Loaded(Struct, frozen=True):
    """Seconds before the first step, and the peak memory of loading the model (bytes)."""

    importing_seconds: float
    loading_seconds: float
    peak_bytes: int | None


def run_training(folder: Path) -> None:
    """Train as `folder`/job.json says; exits with 1, and an event, when training fails."""
    try:
        _train(folder, read_document(folder / "job.json", TrainingJob))
    except KeyboardInterrupt:
        os._exit(_STOPPED)
    except QALoomError as error:
        emit(folder, Failed(str(error), type(error).__name__))
        sys.exit(1)
    except Exception as error:
        traceback.print_exc()
        emit(folder, _failure_event(error))
        sys.stderr.flush()
        os._exit(1)  # the interpreter's own end can hang on a GPU that ran out of memory


def _failure_event(error: Exception) -> Event:
    import torch

    from qaloom.train.cuda_graphs import GraphError

    if isinstance(error, GraphError):
        return NotCaptured(str(error))
    if isinstance(error, torch.OutOfMemoryError) or "CUDA out of memory" in str(error):
        return OutOfMemory(first_line(error).partition(". GPU")[0], peak_memory())
    return Failed(first_line(error), "unexpected")


def _train(folder: Path, job: TrainingJob) -> None:
    task, planned, settings = job.task, job.plan, job.task.settings
    begin(folder, planned.device.kind, task.threads)
    imported = _age()
    examples = read_lines(folder / "examples.jsonl", Example)
    validated = read_lines(folder / "validation.jsonl", Example)
    steps = steps_of_rows([length(e) for e in examples], settings.training)
    model = load_training_model(task.base, task.start, planned, settings)
    check_trained(model, settings)
    keep_initial(model, folder, settings)
    loading = settle_memory()
    tokenizer = load_tokenizer(Path(task.base), settings.trust_remote_code, task.template)
    rows = rows_in_order(steps, examples, planned, tokenizer.pad_token_id)
    trainer = make_trainer(model, tokenizer, rows, validated, planned, settings, folder, task.kept)
    check_batch(trainer, rows)
    monitor = StepMonitor(folder, [[task.ids[row] for row in step] for step in steps], len(tokenizer))
    metrics = _run(trainer, monitor, folder, Loaded(imported, _age() - imported, loading))
    if trainer.is_world_process_zero():
        _finish(trainer, tokenizer, folder, metrics)


def _age() -> float:
    """Seconds since this process was started."""
    return time.time() - psutil.Process().create_time()


def begin(folder: Path, kind: str, threads: int | None) -> None:
    """Make this the process that computes on the device of that kind, in `threads` threads."""
    end_with_parent()  # an orphan would train on beside the next run
    if is_orphan():
        sys.exit(1)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin halt a machine with other work
    _import_unsloth(folder, kind)
    if threads:
        import torch

        torch.set_num_threads(threads)


def _import_unsloth(folder: Path, kind: str) -> None:
    """Import Unsloth, before trl, transformers and peft, which it patches; it reads the environment then."""
    os.environ.setdefault("UNSLOTH_DISABLE_STATISTICS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ["UNSLOTH_COMPILE_LOCATION"] = str((folder / "compiled").absolute())
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "tensorboard")
    if kind == "cpu":
        os.environ["UNSLOTH_FORCE_CPU"] = "1"
    import unsloth  # noqa: F401

    if kind == "cuda":
        import torch

        # cuDNN's attention builds a plan for every new batch shape: 0.1 s forward, 0.1 s backward (H100).
        torch.backends.cuda.enable_cudnn_sdp(False)
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))


class StepMonitor:
    """Reports each step, saves by the clock, and stops at a loss that is not a number or diverges."""

    def __init__(self, folder: Path, ids: list[list[str]], vocabulary: int):
        self.folder, self.ids = folder, ids
        self.guessing = math.log(vocabulary)
        self.first: float | None = None
        self.loss: float | None = None  # the last one
        self.saved = self.before = time.monotonic()
        self.seconds: list[float] = []  # of each step of this attempt, its saving left out

    def check_loss(self, number: int, loss: float) -> None:
        """Check a step's loss. Raises TrainingError with the step and its rows."""
        self.first, self.loss = self.first or loss, loss
        if math.isfinite(loss) and loss <= max(2 * self.guessing, _EXPLODED * self.first):
            return
        rows = self.ids[number - 1]
        raise TrainingError(
            f"the loss is {loss:.4g} at step {number}; its rows are {', '.join(rows[:8])}"
            f"{' and more' if len(rows) > 8 else ''}. Look at them, or lower training.learning_rate"
        )

    def rows_per_second(self, last: int) -> float | None:
        """Rows a second over this attempt's later half, to step `last`; the first compile and capture."""
        warm = len(self.seconds) // 2
        later = self.ids[last - len(self.seconds) + warm : last]
        return round(sum(map(len, later)) / sum(self.seconds[warm:]), 3) if later else None

    def callback(self) -> Any:
        """A transformers TrainerCallback that calls this monitor."""
        from transformers import TrainerCallback

        monitor = self

        class Callback(TrainerCallback):
            def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                monitor.before = time.monotonic()

            def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                _synchronize()
                monitor.seconds.append(time.monotonic() - monitor.before)
                if state.is_world_process_zero:
                    emit(monitor.folder, StepDone(state.global_step, monitor.loss))
                due = time.monotonic() - monitor.saved > _SECONDS_BETWEEN and args.save_strategy != "no"
                if due and args.world_size == 1:
                    control.should_save = True

            def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                if state.is_world_process_zero:
                    # Random states of further GPUs may still be on their way.
                    saved = monitor.folder / f"checkpoints/checkpoint-{state.global_step}"
                    vouch_for(saved, leaving_out="rng_state_")
                monitor.saved = time.monotonic()

            def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
                if logs and "loss" in logs:
                    monitor.check_loss(state.global_step, float(logs["loss"]))

        return Callback()


def _run(trainer: Any, monitor: StepMonitor, folder: Path, loaded: Loaded) -> Metrics:
    """Train, from the last checkpoint if there is one."""
    resumed = last_checkpoint(folder)
    if trainer.is_world_process_zero():
        emit(folder, Started(_step(resumed.name) if resumed else 0))
    start = time.monotonic()
    trainer.add_callback(monitor.callback())
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    seconds = time.monotonic() - start
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    best = trainer.state.best_model_checkpoint
    return Metrics(
        seconds=round(seconds, 1),
        importing_seconds=round(loaded.importing_seconds, 1),
        loading_seconds=round(loaded.loading_seconds, 1),
        first_steps_seconds=round(sum(monitor.seconds[:_FIRST_STEPS]), 1),
        saving_seconds=0.0,  # not yet saved
        steps=trainer.state.global_step,
        median_step_seconds=round(median(monitor.seconds), 4) if monitor.seconds else None,
        rows_per_second=monitor.rows_per_second(trainer.state.global_step),
        resumed_from=resumed.name if resumed else None,
        first_loss=losses[0],
        last_loss=losses[-1],
        best_step=_step(best) if best else None,
        best_validation_loss=trainer.state.best_metric,
        peak_memory_bytes=peak_memory(),
        peak_allocated_bytes=_peak_allocated(),
        loading_peak_bytes=loaded.peak_bytes,
    )


def _step(checkpoint: str) -> int:
    """The step in a checkpoint folder's name."""
    return int(checkpoint.rpartition("-")[2])


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end and is undamaged."""
    found = (folder / "checkpoints").glob(f"checkpoint-*/{VOUCHER}")
    newest_first = sorted((path.parent for path in found), key=lambda p: _step(p.name), reverse=True)
    return next((checkpoint for checkpoint in newest_first if not damaged_file(checkpoint)), None)


def peak_memory() -> int:
    """Peak bytes: of the GPU's allocator, or of the process's RAM on a CPU."""
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _synchronize() -> None:
    """Wait until a GPU has finished its kernels, so that a step's time is its own."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def settle_memory() -> int | None:
    """Free the memory that only loading needed, so that training's peak shows; return loading's, on a GPU."""
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


def _finish(trainer: Any, tokenizer: Tokenizer, folder: Path, metrics: Metrics) -> None:
    """Write the trained model, all but the plan and the manifest, which the waiting process adds."""
    finished, start = folder / "finished", time.monotonic()
    shutil.rmtree(finished, ignore_errors=True)
    save_trained(trainer.model, folder, finished)
    write_tokenizer(tokenizer, finished)
    (finished / "README.md").unlink(missing_ok=True)  # peft's empty card; evaluate writes the real one
    saving = round(time.monotonic() - start, 1)
    write_struct(finished / "metrics.json", replace(metrics, saving_seconds=saving))
    keys = ("step", "loss", "keep_loss", "eval_loss", "learning_rate", "grad_norm")
    history = [e for e in trainer.state.log_history if "loss" in e or "eval_loss" in e]
    write_lines(finished / "history.jsonl", [{k: float(e[k]) for k in keys if k in e} for e in history])
    if (folder / "tensorboard").is_dir():
        shutil.copytree(folder / "tensorboard", finished / "tensorboard")
    emit(folder, Finished())


if __name__ == "__main__":
    run_training(Path(sys.argv[1]))
