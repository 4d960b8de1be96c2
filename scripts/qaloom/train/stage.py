"""Train one run's adapter: Unsloth's model, TRL's SFTTrainer, on a GPU, several, or a CPU.

All work happens under `cache/train/<key>`, where the key is a digest of everything that decides the
result: a killed run goes on from its last checkpoint there, and a finished adapter is never trained anew.
The training itself is a process of its own (qaloom.train.process); this one plans, waits, and when the memory
does not suffice starts a lighter one from the last checkpoint.
"""

import math
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from qaloom import errors
from qaloom.code_digest import code_digest
from qaloom.console import duration, say
from qaloom.errors import DataError, ModelError, TrainingError
from qaloom.files import digest, file_digest, read_json, read_lines, write_json, write_lines
from qaloom.inference.prompt import is_full_model, load_tokenizer, prompt_kind
from qaloom.train.planning import launcher as launch
from qaloom.train.planning import usual_ranges as advice
from qaloom.train.planning.autotune import quickest
from qaloom.train.planning.device import GB, Device, lacking_to_compile, probe
from qaloom.train.planning.fallback import lighter
from qaloom.train.planning.memory import Shape, model_shape
from qaloom.train.planning.plan import REACH, candidates, predicted_seconds
from qaloom.train.process import last_checkpoint
from qaloom.train.tokenized import cut, end_ids, length, steps_of_rows, tokenise, validation

_LIBRARIES = ("torch", "unsloth", "unsloth_zoo", "transformers", "trl", "peft", "bitsandbytes")
_WEIGHTS = ("adapter_model.safetensors", "model.safetensors", "model.safetensors.index.json")


def train(
    name: str,
    rows: Path,
    base: Path,
    out: Path,
    settings: dict[str, Any],
    cache: Path,
    start: Path | None = None,
    threads: int | None = None,
    gpus: int = 1,
    device: Device | None = None,
) -> dict[str, Any]:
    """Fine-tune `base` on `rows` (JSON Lines of id, instruction, input, output); return the manifest.

    `settings` is one entry of `runs:` in the configuration, `start` the folder of an adapter to train on,
    `gpus` how many of this host's may be used, `device` what to plan for instead of what is found here.
    Writes adapter, tokenizer, plan.json, metrics.json, history.jsonl, tensorboard/ and, last, manifest.json.
    Raises DataError when there is nothing to train on, DeviceError when the model does not fit and
    TrainingError when a row has no label, the loss is not a number or no plan's memory suffices, ModelError
    when a model or adapter cannot be used.
    """
    if start and is_full_model(start) != (settings["method"] == "full"):
        raise ModelError(f"{name} starts from {start.name}, which is of another method; give both the same")
    identity = _identity(rows, base, settings, start)
    folder = cache / digest(identity)[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):  # another run with the same rows and settings waits, then reuses
        if (folder / "finished/manifest.json").is_file():
            say(f"train: {name} was trained before on the same rows and settings; reusing its adapter")
        else:
            size = model_shape(base / "config.json")
            for line in advice.beyond_the_usual(size, settings):
                say(f"train: {name}: {line}")
            device = device or probe(size.hidden, size.intermediate)
            if device.kind == "cuda" and (lacking := lacking_to_compile()):
                say(f"train: {name}: {lacking}; install it if training fails")
            task = {"name": name, "base": str(base), "start": str(start) if start else None}
            task |= {"settings": settings, "threads": threads}
            planned = _prepare(task, read_lines(rows), size, device, gpus, folder)
            planned = _attempts(name, planned, task, folder)
            _finish(folder, planned, identity)
        return _publish(folder / "finished", out)


def _publish(finished: Path, out: Path) -> dict[str, Any]:
    """Put what was trained in the place of what was there, its manifest last; return the manifest."""
    shutil.rmtree(out, ignore_errors=True)  # a whole model left there would answer in an adapter's place
    shutil.copytree(finished, out, ignore=shutil.ignore_patterns("manifest.json"))
    manifest = read_json(finished / "manifest.json")
    write_json(out / "manifest.json", manifest)
    return manifest


def _identity(rows: Path, base: Path, settings: dict[str, Any], start: Path | None) -> dict[str, Any]:
    """All that decides the adapter: not how this machine gets there (plan, threads, GPUs), nor a tracker.

    Models count by content: neither a folder that was moved nor a run that was renamed is a change.
    """
    named, training = ("base_model", "start_from"), dict(settings["training"])
    del training["report_to"], training["measure"], training["graphs"]
    return {
        "rows": file_digest(rows),
        "base": read_json(base / "manifest.json")["sha256"],
        "settings": {key: value for key, value in settings.items() if key not in named}
        | {"training": training},
        "start": weights_digest(start) if start else None,
        "code": code_digest(Path(__file__)),
    }


def weights_digest(folder: Path) -> str:
    """sha256 of the file that holds, or indexes, what was trained."""
    return file_digest(next(folder / name for name in _WEIGHTS if (folder / name).is_file()))


def _prepare(
    task: dict[str, Any],
    rows: list[dict[str, str]],
    size: Shape,
    device: Device,
    gpus: int,
    folder: Path,
) -> dict[str, Any]:
    """Write the rows as the training process reads them; return the plan. `task` gets the rows' ids."""
    name, settings = task["name"], task["settings"]
    training = settings["training"]
    if not rows:
        raise DataError(f"train: {name}: the split left no row to train on; see results/split/manifest.json")
    rows, kept = validation(rows, training["validation_fraction"], training["seed"])
    if training["validation_fraction"] and not kept:
        say(f"train: {name}: no row to validate on: no fact has a wording to spare; trained to the end")
    tokenizer = load_tokenizer(Path(task["base"]), settings["trust_remote_code"])
    kind = prompt_kind(settings["prompt"], tokenizer)
    (rows, whole), ends = tokenise(rows, tokenizer, kind), end_ids(tokenizer, kind)
    task["ids"], examples = cut(rows, whole, settings["max_length"], ends)
    plans = _plans(folder, size, settings, [length(e) for e in examples], device, gpus)
    longest = plans[0]["max_length"]  # as in all of them
    if longest < settings["max_length"]:
        task["ids"], examples = cut(rows, whole, longest, ends)
    lengths = [length(e) for e in examples]
    steps = steps_of_rows(lengths, training)
    plans = [_with_steps(planned, steps, kind) for planned in plans]
    write_lines(folder / "examples.jsonl", examples)
    _, to_validate = tokenise(kept, tokenizer, kind)
    write_lines(folder / "validation.jsonl", [e for e in to_validate if length(e) <= longest])
    seconds = predicted_seconds(size, settings["lora"]["r"], plans[0], sum(lengths) * training["epochs"])
    _announce(task, size, plans[0], seconds, folder)
    return quickest(plans, task, lengths, steps, seconds, folder)


def _plans(
    folder: Path, size: Shape, settings: dict[str, Any], lengths: list[int], device: Device, gpus: int
) -> list[dict[str, Any]]:
    """The candidates; a run that was interrupted keeps its plan while kind of device and GPUs allow."""
    before = folder / "plan.json"
    kept = read_json(before) if before.is_file() else None
    begun = kept and (last_checkpoint(folder) or kept["rungs"])
    if begun and kept["device"]["kind"] == device.kind and kept["gpus"] <= min(gpus, device.count):
        return [kept | {"graphs": kept["graphs"] and settings["training"]["graphs"]}]
    return candidates(size, settings, lengths, device, gpus)


def _with_steps(planned: dict[str, Any], steps: list[list[int]], kind: str) -> dict[str, Any]:
    """A plan that knows the run's steps and its kind of prompt."""
    most = max(map(len, steps))  # rows; a pack holds one at least
    planned |= {"steps": len(steps), "prompt": kind, "most_packs": most if planned["packing"] else None}
    if planned["effective_tokens"] and not planned["packing"]:
        planned["accumulation"] = math.ceil(most / planned["gpus"])
    return planned


def _announce(
    task: dict[str, Any], size: Shape, planned: dict[str, Any], seconds: float, folder: Path
) -> None:
    batch, disk = planned["effective_batch"], _disk(size.adapter(task["settings"]["lora"]["r"])) / GB
    memory = planned["predicted_memory_bytes"] / GB
    step = f"{batch} rows" if batch else f"{planned['effective_tokens']} tokens"
    where = planned["device"]["name"] + (f" x {planned['gpus']}" if planned["gpus"] > 1 else "")
    say(
        f"train: {task['name']} on {where}: {len(task['ids'])} rows, {planned['steps']} steps of "
        f"{step} ({planned['precision']}, {planned['dtype']}); about {duration(seconds)}, "
        f"{memory:.1f} GB of memory, {disk:.1f} GB of disk; tensorboard --logdir {folder / 'tensorboard'}"
    )


def _disk(parameters: int) -> int:
    """Bytes on disk: the adapter twice (cache, results), and two checkpoints of it with Adam's moments."""
    return parameters * 4 * (2 + 2 * 3)


def _attempts(name: str, planned: dict[str, Any], task: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Train; after each lack of memory again, lighter, from the last checkpoint. Return the plan that held.

    Raises TrainingError at the ladder's foot, and what stopped the training process otherwise.
    """
    while True:
        write_json(folder / "plan.json", planned)
        write_json(folder / "job.json", task | {"plan": planned})
        resumed = last_checkpoint(folder)
        if resumed:
            say(f"train: {name} goes on from {resumed.name}")
        outcome = launch.attempt(name, folder, planned)
        if outcome.kind == "finished":
            return planned
        if outcome.kind == "failed":
            raise _failure(name, outcome)
        lighter_plan = _next_rung(name, planned, task["settings"], outcome)
        if lighter_plan is None:
            (folder / "plan.json").unlink()  # the next run plans anew, for the memory that is free then
            raise TrainingError(
                f"{name} ran out of memory at step {outcome.step + 1} with the lightest plan there is; lower "
                "max_length, take a smaller base model or close what else holds the memory. The next run "
                "goes on from the last checkpoint"
            )
        planned = lighter_plan


def _failure(name: str, outcome: launch.Outcome) -> Exception:
    kind = getattr(errors, outcome.error, None)
    if kind:
        return kind(f"{name}: {outcome.detail}")
    return RuntimeError(f"{name}: {outcome.detail}")


def _next_rung(
    name: str, planned: dict[str, Any], settings: dict[str, Any], outcome: launch.Outcome
) -> dict[str, Any] | None:
    """The next lighter plan, which remembers what failed; None at the ladder's foot."""
    rung = lighter(planned, settings["precision"], planned["most_packs"])
    if rung is None:
        return None
    change, lighter_plan = rung
    what = (
        "ran out of memory"
        if outcome.kind == "out_of_memory"
        else f"cannot be recorded as CUDA graphs ({outcome.detail})"
    )
    say(f"train: {name} {what} at step {outcome.step + 1}; again with {change}")
    tried = {"step": outcome.step + 1, "failed": _reach(planned), "why": outcome.detail, "then": change}
    return lighter_plan | {"rungs": [*planned["rungs"], tried]}


def _reach(planned: dict[str, Any]) -> dict[str, Any]:
    """How a plan reaches the effective batch: what a rung changes."""
    return {key: planned[key] for key in ("precision", *REACH)}


def _finish(folder: Path, planned: dict[str, Any], identity: dict[str, Any]) -> None:
    """Add plan and manifest, the manifest last, to what was trained, and drop what training needed."""
    finished = folder / "finished"
    peak = read_json(finished / "metrics.json")["peak_memory_bytes"]
    write_json(finished / "plan.json", planned | {"measured_memory_bytes": peak})
    manifest = {
        **identity,
        "prompt": planned["prompt"],
        "adapter": weights_digest(finished),
        "versions": {library: version(library) for library in _LIBRARIES},
    }
    write_json(finished / "manifest.json", manifest)
    for rest in ("checkpoints", "compiled", "tensorboard", "trial"):
        shutil.rmtree(folder / rest, ignore_errors=True)
    for rest in ("examples.jsonl", "validation.jsonl", "job.json", "events.jsonl"):
        (folder / rest).unlink(missing_ok=True)
