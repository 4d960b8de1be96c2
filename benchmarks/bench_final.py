"""The final model beside its held-out twin: what both recall of every fact, over seeds, and through exports.

`python benchmarks/bench_final.py WORK OUT.json 1,2,3` trains the demo twice a seed: the twin on the split's
train.jsonl, the final model on its final.jsonl. Both are asked all held-out questions and, of each trained fact,
one trained question. WORK is a project's folder with `results/split`; without one the workflow makes it, for
which the language tools of the environment are needed, as for training they are not.

--exports KINDS  ask the final model through these exports, too, such as merged,gguf-q8_0
--served         ask it through `python -m qaloom.serve`, too
--jobs N         trainings side by side
--model, --epochs, --most  another base model, passes over the rows, questions a part, for a quick look
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import yaml

from qaloom.base_model.stage import base_model, model_name
from qaloom.config.load import complete
from qaloom.evaluate.answer_limit import answer_limit
from qaloom.evaluate.intervals import paired
from qaloom.evaluate.metrics import exact_match
from qaloom.evaluate.model_pair import ModelPair
from qaloom.export.convert import convert
from qaloom.export.runtimes import MessageSet, in_llama_cpp, in_transformers
from qaloom.files import read_json, read_lines, write_json
from qaloom.inference.chat_template import client_messages
from qaloom.inference.prompt import load_tokenizer, row_question
from qaloom.train.stage import train
from qaloom.trained_run import TrainedRun

ROOT = Path(__file__).resolve().parents[1]
ARMS = {"twin": "train.jsonl", "final": "final.jsonl"}
KINDS = ("recall", "probe", "unseen", "train")  # of questions; neither arm is trained on a probe
SERVED_AT = re.compile(r"http://[^ ]+:[0-9]+")
Rows = list[dict[str, Any]]


def configuration(model: str | None, epochs: float | None) -> dict[str, Any]:
    """The demo's, complete."""
    demo = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    demo["runs"]["demo"] |= {"base_model": model} if model else {}
    demo["runs"]["demo"]["training"] |= {"epochs": epochs} if epochs else {}
    return complete(demo)


def prepare(work: Path) -> None:
    """Make the demo's split where there is none."""
    if (work / "results/split/manifest.json").is_file():
        return
    shutil.copytree(ROOT / "data/demo", work / "data/demo", dirs_exist_ok=True)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--directory", str(work), "--quiet", "rules", "--", "results/split/manifest.json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def questions_of(split: Path, most: int | None) -> Rows:
    """Held-out rows and a trained row of each fact, the first `most` of each of KINDS (`part`)."""
    final = {row["id"] for row in read_lines(split / "final.jsonl")}
    place = {line["id"]: line for line in read_lines(split / "placement.jsonl")}
    found, of_fact = [], {}
    for row in read_lines(split / "train.jsonl"):
        if place[row["id"]]["origin"] == "data":
            of_fact.setdefault(place[row["id"]]["fact"], row)
    for part in ("recall", "unseen"):
        rows = [
            row for row in read_lines(split / f"{part}.jsonl") if place[row["id"]]["origin"] != "augmented"
        ]
        kinds = [part if row["id"] in final else "probe" for row in rows]
        found += [row | {"part": kind} for row, kind in zip(rows, kinds, strict=True)]
    found += [row | {"part": "train"} for row in of_fact.values()]
    counted = {part: [row for row in found if row["part"] == part] for part in KINDS}
    return [row | {"fact": place[row["id"]]["fact"]} for rows in counted.values() for row in rows[:most]]


def trained_folder(work: Path, arm: str, seed: int) -> Path:
    """Where the workflow puts it, so that the project can be served."""
    return work / "results" / {"twin": "train", "final": "final"}[arm] / f"seed{seed}"


def train_arm(work: Path, base: Path, run: dict[str, Any], arm: str, seed: int) -> None:
    """Train one model, as the workflow would."""
    settings = run | {"training": run["training"] | {"seed": seed}}
    rows, out = work / "results/split" / ARMS[arm], trained_folder(work, arm, seed)
    train(f"{arm}, seed {seed}", rows, base, out, settings, work / "cache/train", threads=threads())


def threads() -> int:
    return min(16, os.cpu_count() or 1)


def longest_answer(base: Path, asked: Rows, wanted: int | str) -> int:
    """Tokens of an answer at most, as evaluate chooses them."""
    tokenizer, references = load_tokenizer(base), [row["output"] for row in asked]
    ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]  # noqa: E731
    return answer_limit(wanted, references, references, ids).tokens


def scores_of(work: Path, base: Path, run: Path, asked: Rows, limit: int) -> list[float]:
    """Exact match of a trained model's answer to each question."""
    pair = ModelPair(run.parent.name, base, run, work / "cache/generate")
    pair.max_new_tokens = limit
    given = pair.answers(
        "tuned", pair.prompt, [row_question(row, pair.trained.system) for row in asked], run.name
    )
    pair.free()
    return [exact_match(answer.text, row["output"]) for answer, row in zip(given, asked, strict=True)]


def export_scores(
    work: Path, base: Path, run: Path, kinds: list[str], asked: Rows, limit: int
) -> dict[str, list[float]]:
    """Exact match of a model's exports, each in its own runtime."""
    trained, made = TrainedRun(run), work / "results/convert" / run.name
    messages = [client_messages(trained.prompt, row_question(row)) for row in asked]
    questions, found = MessageSet(messages, len(asked), limit), {}
    for kind in ("merged", *(kind for kind in kinds if kind != "merged")):
        source = made / "merged" if kind.startswith("gguf") else None
        convert(kind, run, base, source, made / kind)
        if kind not in kinds:
            continue
        if kind.startswith("gguf"):
            given = in_llama_cpp(next((made / kind).glob("*.gguf")), None, questions, silent)
        else:
            on = base if kind == "adapter" else None
            given = in_transformers(
                made / kind, on, trained.precision, trained.code_allowed, questions, silent
            )
        pairs = zip(given.answers, asked, strict=True)
        found[kind] = [exact_match(answer.text, row["output"]) for answer, row in pairs]
    return found


def served_scores(work: Path, run: Path, asked: Rows, limit: int) -> list[float]:
    """Exact match of the answers that a client of the run's server gets."""
    chats = [client_messages(TrainedRun(run).prompt, row_question(row)) for row in asked]
    command = [sys.executable, "-m", "qaloom.serve", run.name, "--project", str(work), "--port", "0"]
    command += ["--no-base"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            address = next(filter(None, (SERVED_AT.search(line) for line in process.stderr)))[0]
            with httpx.Client(base_url=address, timeout=600) as client, ThreadPoolExecutor(4) as pool:
                given = list(pool.map(lambda chat: served_answer(client, run.name, chat, limit), chats))
        finally:
            process.send_signal(signal.SIGINT)
    return [exact_match(answer, row["output"]) for answer, row in zip(given, asked, strict=True)]


def served_answer(client: httpx.Client, model: str, chat: list[dict[str, str]], limit: int) -> str:
    body = {"model": model, "messages": chat, "max_tokens": limit}
    reply = client.post("/v1/chat/completions", json=body)
    reply.raise_for_status()
    return reply.json()["choices"][0]["message"]["content"]


def silent(done: int) -> None:
    """No bar."""


def compared(asked: Rows, scores: dict[str, list[list[float]]]) -> dict[str, Any]:
    """Of each arm but the twin beside the twin, by part: means over questions and seeds, and the interval."""
    groups = {part: [i for i, row in enumerate(asked) if row["part"] == part] for part in KINDS}
    groups["all"] = list(range(len(asked)))
    return {
        arm: {name: _paired(scores["twin"], of_arm, chosen) for name, chosen in groups.items()}
        | {"facts": _by_fact(asked, scores["twin"], of_arm)}
        for arm, of_arm in scores.items()
        if arm != "twin"
    }


def _paired(twin: list[list[float]], other: list[list[float]], chosen: Sequence[int]) -> dict[str, Any]:
    """Questions are compared, each by its mean over the seeds; `seeds` holds each seed's means."""
    each = [(np.array(a)[chosen], np.array(b)[chosen]) for a, b in zip(twin, other, strict=True)]
    means = [np.mean([pair[side] for pair in each], axis=0) for side in (0, 1)]
    found = msgspec.to_builtins(paired(means[0], means[1]))
    named = {"twin": found.pop("base"), "model": found.pop("tuned"), **found}
    return named | {"seeds": [[float(a.mean()), float(b.mean())] for a, b in each] if chosen else []}


def _by_fact(asked: Rows, twin: list[list[float]], other: list[list[float]]) -> dict[str, Any]:
    """The same with facts in place of questions: of each, the mean over its questions."""
    facts = list(dict.fromkeys(row["fact"] for row in asked))
    place = [[i for i, row in enumerate(asked) if row["fact"] == fact] for fact in facts]
    of_facts = [
        [[float(np.mean([seed[i] for i in at])) for at in place] for seed in arm] for arm in (twin, other)
    ]
    return _paired(*of_facts, range(len(facts)))


def main(
    work: Path, out: Path, seeds: list[int], exports: list[str], served: bool, jobs: int,
    model: str | None, epochs: float | None, most: int | None,
) -> None:  # fmt: skip
    config = configuration(model, epochs)
    run, options = config["runs"]["demo"], config["evaluate"]
    work.mkdir(parents=True, exist_ok=True)
    prepare(work)
    base = work / "results/base_model" / model_name(run["base_model"])
    if not (base / "config.json").is_file():
        base_model(run["base_model"], base, work / "cache/models")
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda one: train_arm(work, base, run, *one), product(ARMS, seeds)))
    asked = questions_of(work / "results/split", most)
    limit = longest_answer(base, asked, options["max_new_tokens"])
    scores: dict[str, list[list[float]]] = {}
    for seed in seeds:
        for arm in ARMS:
            found = scores_of(work, base, trained_folder(work, arm, seed), asked, limit)
            scores.setdefault(arm, []).append(found)
        folder = trained_folder(work, "final", seed)
        if exports:
            for kind, found in export_scores(work, base, folder, exports, asked, limit).items():
                scores.setdefault(f"final as {kind}", []).append(found)
        if served:
            scores.setdefault("final, served", []).append(served_scores(work, folder, asked, limit))
    write_json(out, summary(work, seeds, asked, scores))
    print(json.dumps({arm: it["facts"] for arm, it in read_json(out)["beside_the_twin"].items()}, indent=1))


def summary(
    work: Path, seeds: list[int], asked: Rows, scores: dict[str, list[list[float]]]
) -> dict[str, Any]:
    """The file's content."""
    plan, measured = (
        {arm: read_json(trained_folder(work, arm, seeds[0]) / f"{name}.json") for arm in ARMS}
        for name in ("plan", "metrics")
    )
    split = read_json(work / "results/split/manifest.json")
    return {
        "command": " ".join(["python benchmarks/bench_final.py WORK OUT.json", *sys.argv[3:]]),
        "device": plan["final"]["device"]["name"],
        "cores": os.cpu_count(),
        **{library: version(library) for library in ("torch", "unsloth", "transformers", "trl", "peft")},
        "rows": {arm: split[name.removesuffix(".jsonl")]["rows"] for arm, name in ARMS.items()},
        "steps": {arm: measured[arm]["steps"] for arm in ARMS},
        "seconds": {arm: measured[arm]["seconds"] for arm in ARMS},
        "questions": {part: sum(row["part"] == part for row in asked) for part in KINDS},
        "seeds": seeds,
        "beside_the_twin": compared(asked, scores),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("work", type=lambda text: Path(text).resolve())
    parser.add_argument("out", type=Path)
    parser.add_argument("seeds", type=lambda text: [*map(int, text.split(","))])
    parser.add_argument("--exports", type=lambda text: text.split(","), default=[])
    parser.add_argument("--served", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--model")
    parser.add_argument("--epochs", type=float)
    parser.add_argument("--most", type=int)
    main(**vars(parser.parse_args()))
