"""Train one run's adapter: Unsloth's model, TRL's SFTTrainer, on a GPU, several, or a CPU.

All work happens under `cache/train/<key>`, where the key is a digest of everything that decides the
result: a killed run goes on from its last checkpoint there, and a finished adapter is never trained anew.
The training itself is a process of its own (qaloom.train.process); this one plans, waits, and when the memory
does not suffice starts one that needs less, from the last checkpoint.
"""

import math
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock
from msgspec import to_builtins
from msgspec.structs import asdict, replace

from qaloom import errors
from qaloom.config.settings import RunSettings, TrainingSettings, typed
from qaloom.console import counted, duration, say, say_outcome
from qaloom.errors import DataError, ModelError, TrainingError
from qaloom.files import (
    changed_file,
    digest,
    file_digests,
    flush_folder,
    read_document,
    write_lines,
)
from qaloom.inference.architecture import Architecture, architecture, target_projections
from qaloom.inference.own_template import is_file_of_template, read_template
from qaloom.inference.prompt import load_tokenizer, prompt_kind
from qaloom.records import check_handed_over, read_texts
from qaloom.train.abstain import abstention_rows, check_abstention, look_alikes_file
from qaloom.train.context_rows import context_rows
from qaloom.train.identity import Identity, Manifest, identity_of, weights_digest
from qaloom.train.keep_prompts import answered, kept_in_a_step, prompts_to_keep
from qaloom.train.planning.autotune import quickest
from qaloom.train.planning.choices import KeptAnswers
from qaloom.train.planning.device import GB, Device, gpu_is_here, lacking_to_compile, probe
from qaloom.train.planning.fallback import fallback
from qaloom.train.planning.launcher import Outcome, attempt
from qaloom.train.planning.plan import FailedPlan, Fallback, Plan, candidates, predicted_seconds
from qaloom.train.planning.task import TrainingJob, TrainingTask, write_struct
from qaloom.train.planning.usual_ranges import beyond_the_usual
from qaloom.train.process import Metrics, last_checkpoint
from qaloom.train.recipe import resolve
from qaloom.train.tokenized import TextRow, cut, end_ids, length, steps_of_rows, tokenise, validation
from qaloom.trained_run import TrainedRun

_LIBRARIES = ("torch", "unsloth", "unsloth_zoo", "transformers", "trl", "peft", "bitsandbytes")


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
    twin: Path | None = None,
) -> Manifest:
    """Fine-tune `base` on `rows` (a file of the split); return the manifest.

    `settings` is one entry of `runs:` in the configuration, `start` the folder of an adapter to train on,
    `gpus` how many of this host's may be used, `device` what to plan for instead of what is found here.
    `twin`, of a final model, is the folder of the run that is evaluated: other rows, the same settings.
    Writes adapter, tokenizer, plan.json, metrics.json, history.jsonl, tensorboard/ and, last, manifest.json.
    Raises DataError when there is nothing to train on, DeviceError when the model does not fit and
    TrainingError when a row has no label, the loss is not a number or no plan's memory suffices, ModelError
    when a model or adapter cannot be used.
    """
    check_handed_over(rows)
    if start and TrainedRun(start).is_full_model != (settings["method"] == "full"):
        raise ModelError(f"{name} starts from {start.name}, which is of another method; give both the same")
    template = _own_template(settings["prompt"]["template"])
    settings, automatic, why = resolve(settings, base, rows, _on_gpu(device), template, twin)
    run = typed(settings, RunSettings)
    check_abstention(run.training.abstain)
    look_alikes = look_alikes_file(rows, run.training.abstain)
    identity = identity_of(rows, base, settings, start, template, look_alikes)
    folder = cache / digest(to_builtins(identity))[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):  # another run with the same rows and settings waits, then reuses
        if _is_trained(name, folder / "finished"):
            say_outcome(f"train: {_why_reused(name, identity, twin)}")
        else:
            begun = str(start) if start else None
            task = TrainingTask(name, str(base), begun, run, threads, template=template)
            taught = _taught(read_texts(rows), look_alikes, run.training, name)
            planned = _train(task, taught, device, gpus, folder, why)
            _finish(name, folder, _beside_the_twin(planned, twin), identity)
        return _publish(folder / "finished", out, automatic)


def _taught(
    rows: list[TextRow], look_alikes: Path | None, training: TrainingSettings, name: str
) -> list[TextRow]:
    """The rows of the split, and what is taught beside them: abstentions, questions with rows above them."""
    without_answer = abstention_rows(rows, look_alikes, training.abstain, name)
    return [*rows, *without_answer, *context_rows(rows, training.context_share, training.seed, name)]


def _on_gpu(device: Device | None) -> bool:
    return device.kind == "cuda" if device else gpu_is_here()


def _own_template(kind: str) -> str | None:
    return read_template(kind) if is_file_of_template(kind) else None


def _why_reused(name: str, identity: Identity, twin: Path | None) -> str:
    if twin and read_document(twin / "manifest.json", Manifest).rows == identity.rows:
        return f"{name}: nothing was held out that could be trained, so this is the model that is evaluated"
    return f"{name} was trained before on the same rows and settings; reusing its adapter"


def _beside_the_twin(planned: Plan, twin: Path | None) -> Plan:
    """A final model's plan, which says how it differs from that of the run that is evaluated."""
    if twin is None:
        return planned
    evaluated, notes = read_document(twin / "plan.json", Plan), []
    if planned.steps != evaluated.steps:
        notes.append(
            f"{planned.steps:,} steps, {evaluated.steps:,} in the evaluated run: as many epochs, more rows"
        )
    if planned.precision != evaluated.precision:
        notes.append(f"trained in {planned.precision}, the evaluated run in {evaluated.precision}")
    return replace(planned, why=[*planned.why, *notes])


def _is_trained(name: str, finished: Path) -> bool:
    """Whether the cache holds the trained model, every file as its manifest names it; a damaged one is removed."""
    if not (finished / "manifest.json").is_file():
        return False
    try:
        changed = changed_file(finished, read_document(finished / "manifest.json", Manifest).files)
    except DataError:
        changed = "manifest.json"
    if changed:
        say(f"train: {name}: {finished / changed} is damaged, as its digest shows; training it anew")
        shutil.rmtree(finished)
    return not changed


def _train(
    task: TrainingTask, rows: list[TextRow], device: Device | None, gpus: int, folder: Path, why: str
) -> Plan:
    """Plan and train; return the plan that trained to the end, and `why` settings were chosen as they are."""
    size = architecture(Path(task.base), task.settings.trust_remote_code)
    if not task.start and task.settings.method == "lora":
        target_projections(size, task.settings.lora.target_modules)  # refused before anything is loaded
        if size.tied and task.settings.lora.modules_to_save:
            raise ModelError(
                "lora.modules_to_save: the base model has one matrix for its input embedding and its output head, "
                "which training one of them whole would part; leave it out"
            )
    for line in [*filter(None, [why]), *beyond_the_usual(size, task.settings)]:
        say(f"train: {task.name}: {line}")
    device = device or probe(size.hidden, size.intermediate)
    if device.kind == "cuda" and (lacking := lacking_to_compile()):
        say(f"train: {task.name}: {lacking}; install it if training fails")
    task, planned = _prepare(task, rows, size, device, gpus, folder)
    planned = _attempts(task, planned, folder)
    return replace(planned, why=[*filter(None, [why]), *planned.why])


def _publish(finished: Path, out: Path, automatic: list[str]) -> Manifest:
    """Replace an earlier run's files by the trained ones, the manifest last; return the manifest.

    `automatic` are settings that this run's configuration leaves to the recipe, whichever trained them.
    """
    shutil.rmtree(out, ignore_errors=True)  # a whole model left there would answer in an adapter's place
    shutil.copytree(finished, out, ignore=shutil.ignore_patterns("manifest.json", ".*"))
    flush_folder(out)
    manifest = replace(read_document(finished / "manifest.json", Manifest), automatic=automatic)
    write_struct(out / "manifest.json", manifest)
    return manifest


def _prepare(
    task: TrainingTask,
    rows: list[TextRow],
    size: Architecture,
    device: Device,
    gpus: int,
    folder: Path,
) -> tuple[TrainingTask, Plan]:
    """Write the rows as the training process reads them; return the task with the rows' ids, and the plan."""
    settings, training = task.settings, task.settings.training
    if not rows:
        raise DataError(
            f"train: {task.name}: the split left no row to train on; see results/split/manifest.json"
        )
    system = _system(task, rows)
    rows, validated = _validation(task, rows)
    tokenizer = load_tokenizer(Path(task.base), settings.trust_remote_code, task.template)
    kind = prompt_kind(settings.prompt.template, tokenizer)
    (rows, whole), ends = tokenise(rows, tokenizer, kind, system), end_ids(tokenizer, kind)
    ids, examples = cut(rows, whole, settings.max_length, ends)
    prompts, lengths = prompts_to_keep(settings, tokenizer, kind, system), [length(e) for e in examples]
    keep = kept_in_a_step(settings, prompts, lengths)
    plans = _plans(folder, size, settings, lengths, device, gpus, keep)
    longest = plans[0].max_length  # as in all of them
    if longest < settings.max_length:
        ids, examples = cut(rows, whole, longest, ends)
    task, lengths = replace(task, ids=ids), [length(e) for e in examples]
    steps = steps_of_rows(lengths, training)
    plans = [_with_steps(planned, steps, kind, system) for planned in plans]
    write_lines(folder / "examples.jsonl", examples)
    _, to_validate = tokenise(validated, tokenizer, kind, system)
    write_lines(folder / "validation.jsonl", [e for e in to_validate if length(e) <= longest])
    seconds = predicted_seconds(size, settings.lora.r, plans[0], sum(lengths) * training.epochs)
    _announce(task, size, plans[0], seconds, folder)
    if keep.rows:
        kept = answered(task, prompts, plans[0], tokenizer, folder.parent.with_name("keep"))
        task = replace(task, kept=str(kept))
    return task, quickest(plans, task, lengths, steps, seconds, folder)


def _system(task: TrainingTask, rows: list[TextRow]) -> str:
    """The system message of questions that have none: the configuration's, or the one that all rows have."""
    if task.settings.prompt.system:
        return task.settings.prompt.system
    systems = {row.get("system", "") for row in rows}
    if len(systems) > 1 or systems == {""}:
        return ""
    say(f"train: {task.name}: all rows have the same system message; questions without one are asked with it")
    return systems.pop()


def _validation(task: TrainingTask, rows: list[TextRow]) -> tuple[list[TextRow], list[TextRow]]:
    training = task.settings.training
    rows, validated = validation(rows, training.validation_fraction, training.seed)
    if training.validation_fraction and not validated:
        say(
            f"train: {task.name}: the validation part is empty, as no fact has another wording unlike those "
            "it keeps in training; every epoch is trained"
        )
    return rows, validated


def _plans(
    folder: Path,
    size: Architecture,
    settings: RunSettings,
    lengths: list[int],
    device: Device,
    gpus: int,
    keep: KeptAnswers,
) -> list[Plan]:
    """The candidates; a run that was interrupted keeps its plan while kind of device and GPUs allow."""
    path = folder / "plan.json"
    before = read_document(path, Plan) if path.is_file() else None
    begun = before and (last_checkpoint(folder) or before.fallbacks)
    if before and begun and before.device.kind == device.kind and before.gpus <= min(gpus, device.count):
        return [replace(before, graphs=before.graphs and settings.training.graphs)]
    return candidates(size, settings, lengths, device, gpus, keep)


def _with_steps(planned: Plan, steps: list[list[int]], kind: str, system: str = "") -> Plan:
    """A plan with the run's steps, its kind of prompt and its system message."""
    most = max(map(len, steps))  # rows; a pack holds one at least
    by_row = planned.effective_tokens and not planned.packing
    return replace(
        planned,
        steps=len(steps),
        prompt=kind,
        system=system,
        most_packs=most if planned.packing else None,
        accumulation=math.ceil(most / planned.gpus) if by_row else planned.accumulation,
    )


def _announce(task: TrainingTask, size: Architecture, planned: Plan, seconds: float, folder: Path) -> None:
    batch, disk = planned.effective_batch, _disk(size.adapter(task.settings.lora.r)) / GB
    memory = planned.predicted_memory_bytes / GB
    step = f"{batch} rows" if batch else f"{planned.effective_tokens} tokens"
    where = planned.device.name + (f" x {planned.gpus}" if planned.gpus > 1 else "")
    say(
        f"train: {task.name} on {where}: {len(task.ids)} rows, {planned.steps} steps of "
        f"{step} ({planned.precision}, {planned.dtype}); about {duration(seconds)}, "
        f"{memory:.1f} GB of memory, {disk:.1f} GB of disk; tensorboard --logdir {folder / 'tensorboard'}"
    )


def _disk(parameters: int) -> int:
    """Bytes on disk: the adapter twice (cache, results), and two checkpoints of it with Adam's moments."""
    return parameters * 4 * (2 + 2 * 3)


def _attempts(task: TrainingTask, planned: Plan, folder: Path) -> Plan:
    """Train; after each lack of memory by a fallback, from the last checkpoint. Return the plan that held.

    Raises TrainingError when there is no fallback left, and what stopped the training process otherwise.
    """
    while True:
        write_struct(folder / "plan.json", planned)
        write_struct(folder / "job.json", TrainingJob(task, planned))
        resumed = last_checkpoint(folder)
        if resumed:
            say(f"train: {task.name} goes on from {resumed.name}")
        outcome = attempt(task.name, folder, planned)
        if outcome.kind == "finished":
            return planned
        if outcome.kind == "failed":
            raise _failure(task.name, outcome)
        following = _next_plan(task, planned, outcome)
        if following is None:
            (folder / "plan.json").unlink()  # the next run plans anew, for the memory that is free then
            raise TrainingError(
                f"{task.name} ran out of memory at step {outcome.step + 1} with the plan that needs least; "
                "lower max_length, take a smaller base model or close what else holds the memory. "
                "The next run goes on from the last checkpoint"
            )
        planned = following


def _failure(name: str, outcome: Outcome) -> Exception:
    kind = getattr(errors, outcome.error, None)
    if kind:
        return kind(f"{name}: {outcome.detail}")
    return RuntimeError(f"{name}: {outcome.detail}")


def _next_plan(task: TrainingTask, planned: Plan, outcome: Outcome) -> Plan | None:
    """The fallback's plan, which lists what failed; None when there is no fallback left."""
    found = fallback(planned, task.settings.precision)
    if found is None:
        return None
    change, following = found
    say(f"train: {_problem(task.name, outcome)} at step {outcome.step + 1}; retrying with {change}")
    failed = FailedPlan(precision=planned.precision, **asdict(planned.division))
    entry = Fallback(outcome.step + 1, failed, outcome.detail, change)
    return replace(following, fallbacks=[*planned.fallbacks, entry])


def _problem(name: str, outcome: Outcome) -> str:
    if outcome.kind == "out_of_memory":
        return f"{name} ran out of memory"
    return f"{name} cannot be captured as CUDA graphs ({outcome.detail})"


def _trained(folder: Path) -> str:
    """Outcome of a training in one line."""
    found = read_document(folder / "finished/metrics.json", Metrics)
    losses = f"loss {found.first_loss:.3g} at first, {found.last_loss:.3g} at last"
    return f"{counted(found.steps, 'steps')} in {duration(found.seconds)}, {losses}"


def _finish(name: str, folder: Path, planned: Plan, identity: Identity) -> None:
    """Add plan and manifest, the manifest last, to the trained model, drop what training needed, and say so."""
    finished = folder / "finished"
    peak = read_document(finished / "metrics.json", Metrics).peak_memory_bytes
    write_struct(finished / "plan.json", replace(planned, measured_memory_bytes=peak))
    flush_folder(finished)
    manifest = Manifest(
        **asdict(identity),
        files=file_digests(finished),
        prompt=planned.prompt,
        system=planned.system,
        adapter=weights_digest(finished),
        versions={library: version(library) for library in _LIBRARIES},
    )
    write_struct(finished / "manifest.json", manifest)
    for rest in ("checkpoints", "compiled", "initial", "tensorboard", "autotune"):
        shutil.rmtree(folder / rest, ignore_errors=True)
    for rest in ("examples.jsonl", "validation.jsonl", "job.json", "events.jsonl"):
        (folder / rest).unlink(missing_ok=True)
    say_outcome(f"train: {name}: {_trained(folder)}")
