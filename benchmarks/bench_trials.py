"""Whether autotune's few steps pick the quickest plan: each candidate's few steps beside many more.

    bench_trials.py WORK OUT.json [MIX ...]

Six mixes of model, precision and lengths on one GPU, random weights. For each, all candidates of the plan are
timed as `qaloom.train.planning.autotune` does (4 steps, twice), then for up to 24 other steps, twice, in the
same process.
What OUT.json holds is not measured again.
"""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import bench_gpu
from bench_speed import LONG, short_rows

_MANY = 24  # steps that show what a candidate is really worth


class Mix(NamedTuple):
    """A model's shape, rows by their lengths in tokens, a run's settings, and bytes of the card (0: all)."""

    shape: str
    lengths: list[int]
    training: dict[str, Any]
    precision: str = "auto"
    cap: float = 0


def mixed_rows() -> list[int]:
    """Lengths of 512 rows between 32 and 1,024 tokens, all equally likely."""
    random = Random(7)
    return [random.randint(32, 1024) for _ in range(512)]


MIXES = {
    "8B, 16bit, short rows, 8 a step": Mix("8B", 6 * short_rows(), {"effective_batch": 8}),
    "8B, 16bit, short rows, packed to 2,048": Mix("8B", 6 * short_rows(), {"effective_tokens": LONG}),
    "8B, 4bit, short rows, 8 a step": Mix("8B", 6 * short_rows(), {"effective_batch": 8}, "4bit"),
    "8B, 4bit, long rows, 4 a step, 12 GB": Mix("8B", [LONG] * 128, {"effective_batch": 4}, cap=12e9),
    "1.5B, 16bit, short rows, 32 a step": Mix("1.5B", 12 * short_rows(), {"effective_batch": 32}),
    "1.5B, 16bit, mixed rows, 16 a step": Mix("1.5B", mixed_rows(), {"effective_batch": 16}),
}


def measured(mix: Mix, base: Path, folder: Path) -> dict[str, Any]:
    """Every candidate's seconds a step by autotune and by many steps; how far the winner is off."""
    from msgspec import to_builtins

    from qaloom.config.settings import RunSettings, typed
    from qaloom.inference.architecture import architecture
    from qaloom.train.planning.autotune import pick
    from qaloom.train.planning.device import probe
    from qaloom.train.planning.plan import candidates

    size = architecture(base)
    run = bench_gpu.settings(precision=mix.precision, max_length=LONG, training={"epochs": 1} | mix.training)
    settings = typed(run, RunSettings)
    device = probe(size.hidden, size.intermediate)
    device = replace(device, free_bytes=int(mix.cap)) if mix.cap else device
    plans = [to_builtins(plan) for plan in candidates(size, settings, mix.lengths, device)]
    bench_gpu.write_job(folder, base, mix.lengths, plans[0], run, candidates=plans, steps=[])
    with open(folder / "log", "wb") as log:
        command = [sys.executable, __file__, "one", str(folder), str(mix.cap)]
        subprocess.run(command, stdout=log, stderr=log, check=False)
    figures = folder / "figures.jsonl"
    ways = [json.loads(line) for line in figures.read_text().splitlines()] if figures.is_file() else []
    done = [one for one in ways if one["tried"] and one["many"]]
    if not done:
        return {"ways": ways, "tail": (folder / "log").read_text(errors="replace")[-1500:]}
    taken = ways[pick({n: one["tried"] for n, one in enumerate(ways) if one in done})]
    return {"ways": ways, "slower_than_the_best": taken["many"] / min(one["many"] for one in done) - 1}


def one(folder: Path, cap: float) -> None:
    """The measuring process: few steps of every candidate, then many, one loaded model at a time.

    Each begins with the adapter as it was: memorized rows are not captured (qaloom.train.cuda_graphs).
    """
    import torch
    from msgspec.structs import asdict, replace

    from qaloom.files import read_lines
    from qaloom.inference.prompt import Example
    from qaloom.train import autotune_process
    from qaloom.train.planning.autotune import typical
    from qaloom.train.planning.task import AutotuneJob, read_struct
    from qaloom.train.process import begin
    from qaloom.train.sft import load_training_model
    from qaloom.train.tokenized import length, steps_of_rows

    bench_gpu.live_within(cap)
    job = read_struct(folder / "job.json", AutotuneJob)
    begin(folder, job.candidates[0].device.kind, None)
    examples = read_lines(folder / "examples.jsonl", Example)
    lengths = [length(e) for e in examples]
    steps = steps_of_rows(lengths, job.task.settings.training)
    few = typical(steps, lengths, 4)
    others = [step for step in steps if step not in few]
    many = Random(7).sample(others, min(_MANY, len(others)))
    for checkpointing in dict.fromkeys(way.checkpointing for way in job.candidates):
        ways = [way for way in job.candidates if way.checkpointing == checkpointing]
        model = load_training_model(job.task.base, None, ways[0], job.task.settings)
        learned = [p for p in model.parameters() if p.requires_grad]
        new = [p.detach().clone() for p in learned]
        found = []
        for some, way in product((few, many), ways):
            with torch.no_grad():
                torch._foreach_copy_(learned, new)
            found.append(autotune_process.measured(0, model, way, replace(job, steps=some), examples, folder))
        for way, tried, longer in zip(ways, found[: len(ways)], found[len(ways) :], strict=True):
            seconds = {"tried": tried.step_seconds, "many": longer.step_seconds}
            line = asdict(way.division) | seconds | {"failed": tried.failed or longer.failed}
            with (folder / "figures.jsonl").open("a") as stream:
                stream.write(json.dumps(line) + "\n")
        del model


def main(work: Path, out: Path, names: list[str]) -> None:
    work.mkdir(parents=True, exist_ok=True)
    names = names or list(MIXES)
    bench_gpu.models(work, {MIXES[name].shape for name in names})

    def measure(name: str) -> dict[str, Any]:
        return measured(MIXES[name], work / MIXES[name].shape, work / "autotune")

    for name, found in bench_gpu.each_once(out, "trials", names, "slower_than_the_best", measure):
        print(name, json.dumps(found), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "one":
        one(Path(sys.argv[2]), float(sys.argv[3]))
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
