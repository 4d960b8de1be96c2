"""How much faster evaluation answers than one question after the other, and whether it answers the same.

    python benchmarks/bench_generate.py project PROJECT RUN [--questions 1000] [--alone 60] [--float32]
    python benchmarks/bench_generate.py shape MODEL [--questions 256] [--alone 16] [--float32]

`project`: held-out questions of a folder that `make run` has been through. `shape`: a model of random
weights, as `bench_gpu.py models` writes them, with a LoRA adapter; random prompts, answers of equal length.
Of either's questions, the first `alone` are asked one by one as well; `--out` names the file.

*One by one* is the plain way: the model as `qaloom.inference.model.load_model` gives it, `model.generate` for one
question at a time. *Evaluation* is what `qaloom.evaluate.stage` does. Both answer greedily, in one process, with the
same settings of torch. Each result is printed and added to the file.
"""

import json
import os
import platform
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from qaloom.files import digest, read_json, read_lines
from qaloom.inference.decoding import greedy
from qaloom.inference.model import LoadedModel, load_model, optimize_for_cpu
from qaloom.inference.prompt import prompt_ids, stop_ids
from qaloom.inference.scheduler import Scheduler

HERE = Path(__file__).parent
Prompts = dict[str, list[int]]
Float32 = Annotated[bool, typer.Option(help="compute in float32, whatever the device is quick in")]
Out = Annotated[Path, typer.Option(help="JSON file, beside this one if it has no folder")]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def project(
    project: Path, run: str, questions: int = 1000, alone: int = 60, max_new_tokens: int = 64,
    float32: Float32 = False, out: Out = Path("generate.json"),
) -> None:  # fmt: skip
    """The tuned model of a finished run, and the base model below it."""
    adapter = project / "results/train" / run
    trained, plan = read_json(adapter / "manifest.json"), read_json(adapter / "plan.json")
    base = next(
        folder for folder in (project / "results/base_model").iterdir()
        if read_json(folder / "manifest.json")["sha256"] == trained["base"]
    )  # fmt: skip
    parts = ("recall", "unseen")
    rows = [row for part in parts for row in read_lines(project / "results/split" / f"{part}.jsonl")]
    for arm, on in (("tuned", adapter), ("base", None)):
        loaded = load_model(base, on, precision=plan["precision"])
        ids = [
            prompt_ids(loaded.tokenizer, trained["prompt"], r["instruction"], r["input"])
            for r in rows[:questions]
        ]
        stop = stop_ids(loaded.tokenizer, trained["prompt"])
        found = side_by_side(loaded, {digest(p): p for p in ids}, stop, max_new_tokens, alone, float32)
        save(out, {"what": f"{run}, {arm}", **found})


@app.command()
def shape(
    model: Path, questions: int = 256, alone: int = 16, new_tokens: int = 32, r: int = 16,
    float32: Float32 = False, out: Out = Path("generate_gpu.json"),
) -> None:  # fmt: skip
    """A model of random weights with an adapter."""
    from peft import LoraConfig, get_peft_model

    base = load_model(model)
    layers = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = LoraConfig(r=r, target_modules=layers, init_lora_weights=False, task_type="CAUSAL_LM")
    loaded = LoadedModel(get_peft_model(base.model, config).eval(), base.tokenizer)
    drawn = random.Random(7)
    template = [drawn.randrange(20, 300) for _ in range(24)]  # as many tokens as SmolLM2's chat template has
    lengths = [drawn.randrange(10, 80) for _ in range(questions)]
    ids = [template + [drawn.randrange(20, 300) for _ in range(length)] for length in lengths]
    found = side_by_side(loaded, {digest(p): p for p in ids}, [], new_tokens, alone, float32)
    save(out, {"what": f"{model.name}, random weights, LoRA r {r}", **found})


def side_by_side(
    loaded: LoadedModel, prompts: Prompts, stop: list[int], most: int, alone: int, float32: bool
) -> dict[str, Any]:
    """Seconds and CPU-seconds a question both ways, and how many answers of those asked both ways differ.

    The first question is asked beforehand, untimed: the first call loads kernels.
    """
    if float32:
        loaded.model.float()
    some, warm = dict(list(prompts.items())[:alone]), dict(list(prompts.items())[:1])
    one_by_one(loaded, warm, stop, 4)
    said, slow = timed(lambda: one_by_one(loaded, some, stop, most))
    quick = optimize_for_cpu(loaded)
    in_evaluation(quick, warm, stop, 4)
    told, fast = timed(lambda: in_evaluation(quick, prompts, stop, most))
    per = [{k: v / len(of) for k, v in way.items()} for way, of in ((slow, said), (fast, told))]
    return {
        "machine": machine(loaded), "dtype": str(loaded.model.dtype).removeprefix("torch."),
        "load": os.getloadavg()[0], "max_new_tokens": most,
        "questions": {"one_by_one": len(said), "evaluation": len(told)},
        "tokens": {"prompt": mean(map(len, prompts.values())), "answer": mean(map(len, told.values()))},
        "a_question": dict(zip(("one_by_one", "evaluation"), per, strict=True)),
        "times_as_fast": {kind: round(per[0][kind] / per[1][kind], 1) for kind in slow},
        "answers_that_differ": sum(said[name] != told[name] for name in said),
        "peak_gb": peak(loaded),
    }  # fmt: skip


def one_by_one(loaded: LoadedModel, prompts: Prompts, stop: list[int], most: int) -> dict[str, list[int]]:
    """The ids of each answer, without its end token."""
    import torch

    said = {}
    for name, prompt in prompts.items():
        ids = torch.tensor([prompt], device=loaded.model.device)
        made = greedy(*loaded, stop, most, input_ids=ids, attention_mask=torch.ones_like(ids))
        answer = made[0, len(prompt) :].tolist()
        said[name] = answer[:-1] if answer[-1] in stop else answer
    return said


def in_evaluation(loaded: LoadedModel, prompts: Prompts, stop: list[int], most: int) -> dict[str, list[int]]:
    """The same, as evaluation asks."""
    return {a.prompt: a.ids for some in Scheduler(loaded, prompts, stop, most).answers() for a in some}


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What `work` gives, and the seconds and CPU-seconds that it took."""
    cpu, wall = time.process_time(), time.monotonic()
    result = work()
    return result, {"seconds": time.monotonic() - wall, "cpu_seconds": time.process_time() - cpu}


def mean(values: Any) -> float:
    values = list(values)
    return round(sum(values) / len(values), 1)


def peak(loaded: LoadedModel) -> float | None:
    import torch

    on_gpu = loaded.model.device.type == "cuda"
    return round(torch.cuda.max_memory_reserved() / 1e9, 2) if on_gpu else None


def machine(loaded: LoadedModel) -> str:
    import torch

    if loaded.model.device.type == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads, torch {torch.__version__}"


def save(out: Path, found: dict[str, Any]) -> None:
    """Print a result, and add it to the file, in place of an earlier one of the same."""
    path = out if out.parent != Path() else HERE / out
    known = read_json(path) if path.is_file() else []
    same = ("what", "dtype", "machine", "questions")
    known = [one for one in known if any(one[key] != found[key] for key in same)]
    print(json.dumps(found), flush=True)
    path.write_text(json.dumps([*known, found], indent=1) + "\n")


if __name__ == "__main__":
    app()
