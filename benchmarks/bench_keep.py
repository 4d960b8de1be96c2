"""What `training.keep` and `training.abstain` do to the demo: recall, forgetting, made-up answers, step time.

`python benchmarks/bench_keep.py prepare WORK` makes the demo's split and base model, for which the language tools of
the environment are needed. `python benchmarks/bench_keep.py run WORK OUT.json 1,2 --jobs 6` then trains and evaluates
every arm and seed, each in a process of its own, as many side by side as --jobs says; neither network nor language
tools are needed for that. Times of a step are comparable with --jobs 1 only.

--arms LIST   such as none,keep:1,keep:1:0.5,abstain:0.1,keep:1+abstain:0.1: strength of keep, and its share where it
              is not the default; share of abstain
--epochs, --model  another number of passes over the rows, another base model
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
import yaml

from qaloom.base_model.stage import base_model, model_name
from qaloom.config.load import complete
from qaloom.evaluate.fact_records import LookAlikeAnswers
from qaloom.evaluate.hallucination import made_up
from qaloom.evaluate.intervals import paired
from qaloom.evaluate.results import GeneralAnswers, Prediction
from qaloom.evaluate.stage import Sources, evaluate
from qaloom.evaluate.summary import HEADLINE, perplexity
from qaloom.files import read_json, read_lines, write_json
from qaloom.train.stage import train

ROOT = Path(__file__).resolve().parents[1]
ARMS = "none,keep:0.3,keep:1,keep:3,abstain:0.1,abstain:0.25,keep:1+abstain:0.1,keep:3+abstain:0.1"


def configuration(model: str | None, epochs: float | None) -> dict[str, Any]:
    """The demo's, complete."""
    demo = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    demo["runs"]["demo"] |= {"base_model": model} if model else {}
    demo["runs"]["demo"]["training"] |= {"epochs": epochs} if epochs else {}
    return complete(demo)


def prepare(work: Path, model: str | None) -> None:
    """Make the demo's split, and the base model's folder."""
    shutil.copytree(ROOT / "data/demo", work / "data/demo", dirs_exist_ok=True)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--directory", str(work), "--quiet", "rules", "--", "results/split/manifest.json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    base_folder(work, configuration(model, None)["runs"]["demo"]["base_model"])


def base_folder(work: Path, reference: str) -> Path:
    """The base model's folder, made if it is not there."""
    base = work / "results/base_model" / model_name(reference)
    if not (base / "manifest.json").is_file():
        base_model(reference, base, work / "cache/models")
    return base


def settings_of(arm: str, run: dict[str, Any], seed: int) -> dict[str, Any]:
    """A run's settings for an arm such as keep:1:0.5+abstain:0.1."""
    training = run["training"] | {"seed": seed}
    for part in arm.split("+"):
        name, *amounts = part.split(":")
        if name == "keep":
            values = dict(zip(("strength", "share"), map(float, amounts), strict=False))
            training["keep"] = training["keep"] | values
        elif name == "abstain":
            training["abstain"] = training["abstain"] | {"share": float(amounts[0])}
        elif name != "none":
            raise SystemExit(
                f"bench_keep: {arm} is no arm; write none, keep:1, keep:1:0.5, abstain:0.1 or a sum"
            )
    return run | {"training": training}


def one(work: Path, arm: str, seed: int, model: str | None, epochs: float | None) -> None:
    """Train and evaluate an arm with a seed."""
    config = configuration(model, epochs)
    run, name = settings_of(arm, config["runs"]["demo"], seed), folder_name(arm, seed)
    base, split = base_folder(work, run["base_model"]), work / "results/split"
    trained, threads = work / "results/train" / name, min(16, os.cpu_count() or 1)
    train(name, split / "train.jsonl", base, trained, run, work / "cache/train", threads=threads)
    sources = Sources(split, work / "results/dedup/contradictions.jsonl", base, trained)
    options = config["evaluate"] | {"retrieval": {"rows": 0, "max_questions": 1}}
    evaluate(name, sources, work / "results/evaluate" / name, options, work / "cache/generate")


def folder_name(arm: str, seed: int) -> str:
    return f"{arm.replace(':', '_').replace('+', '-')}-seed{seed}"


def run_all(
    work: Path, out: Path, seeds: list[int], arms: list[str], jobs: int, model: str | None, epochs: float | None
) -> None:  # fmt: skip
    """Every arm and seed, then what came of them."""
    run = configuration(model, epochs)["runs"]["demo"]
    for arm in arms:
        settings_of(arm, run, 0)  # refused before anything is trained
    more = [*(["--model", model] if model else []), *(["--epochs", str(epochs)] if epochs else [])]

    def start(job: tuple[int, str]) -> None:
        seed, arm = job
        command = [sys.executable, __file__, "one", str(work), arm, str(seed), *more]
        with (work / f"{folder_name(arm, seed)}.log").open("wb") as log:
            if subprocess.run(command, stdout=log, stderr=log).returncode:
                print(f"bench_keep: {arm}, seed {seed} failed; see {log.name}", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(start, product(seeds, arms)))
    write_json(out, summary(work, seeds, arms))
    for arm, found in read_json(out)["arms"].items():
        print(arm, json.dumps(in_short(found)), flush=True)


def in_short(found: dict[str, Any]) -> dict[str, Any]:
    """An arm's main figures for the terminal."""
    tuned = {part: found["made_up"][part]["models"]["tuned"] for part in found["made_up"]}
    return {
        "recall": round(found["recall"]["tuned"], 3),
        "perplexity": round(found["perplexity"]["ratio"], 2),
        "agreement": round(found["agreement"]["tuned"], 3),
        "made up": {part: round(tuned[part]["made_up"]["share"], 3) for part in ("unseen", "lookalike")},
        "over-refusal": round(tuned["recall"]["abstains"]["share"], 3),
        "step ms": round(1000 * found["median_step_seconds"], 1),
    }


def summary(work: Path, seeds: list[int], arms: list[str]) -> dict[str, Any]:
    """The file's content; of an arm the seeds that were evaluated."""
    done = {
        arm: [
            work / "results/evaluate" / folder_name(arm, seed)
            for seed in seeds
            if (work / "results/evaluate" / folder_name(arm, seed) / "metrics.json").is_file()
        ]
        for arm in arms
    }
    found = {arm: figures(folders) for arm, folders in done.items() if folders}
    first = next(iter(found))
    plain = recall_of(done[first])
    for arm, of_arm in found.items():
        of_arm["recall_beside_the_first_arm"] = beside(plain, recall_of(done[arm]))
    plan = read_json(work / "results/train" / done[first][0].name / "plan.json")
    return {
        "command": " ".join(["python benchmarks/bench_keep.py run WORK OUT.json", *sys.argv[4:]]),
        "device": plan["device"]["name"],
        "cores": os.cpu_count(),
        **{library: version(library) for library in ("torch", "unsloth", "transformers", "trl", "peft")},
        "rows": len(read_lines(work / "results/split/train.jsonl")),
        "seeds": seeds,
        "arms": found,
    }


def figures(folders: Sequence[Path]) -> dict[str, Any]:
    """An arm's figures over its seeds; questions count once, by their mean, rates over all answers."""
    trained = [folder.parents[1] / "train" / folder.name for folder in folders]
    measured = [read_json(folder / "metrics.json") for folder in trained]
    plan = read_json(trained[0] / "plan.json")
    recall = recall_of(folders)
    return {
        "seeds": len(folders),
        "recall": msgspec.to_builtins(
            paired(*(np.array([recall[name][model] for name in recall]) for model in ("base", "tuned")))
        ),
        **forgetting(folders),
        "made_up": rates(folders),
        "recall_by_seed": [seed_recall(folder) for folder in folders],
        "steps": measured[0]["steps"],
        "median_step_seconds": median(one["median_step_seconds"] for one in measured),
        "training_seconds": [one["seconds"] for one in measured],
        "peak_memory_bytes": max(one["peak_memory_bytes"] for one in measured),
        "predicted_memory_bytes": plan["predicted_memory_bytes"],
        "graphs": plan["graphs"],
        "fallbacks": plan["fallbacks"],
    }


def asked_on_recall(folder: Path) -> list[Prediction]:
    """Honest recall questions: those that differ from a trained one in more than their ending."""
    predictions = read_lines(folder / "predictions.jsonl", Prediction)
    return [p for p in predictions if p.split == "recall" and not p.light]


def seed_recall(folder: Path) -> float:
    return float(np.mean([p.scores[HEADLINE]["tuned"] or 0 for p in asked_on_recall(folder)]))


def recall_of(folders: Sequence[Path]) -> dict[str, dict[str, float]]:
    """Share of right answers to each honest recall question, over the seeds, by model."""
    each = [asked_on_recall(folder) for folder in folders]
    return {
        one[0].id: {
            model: float(np.mean([p.scores[HEADLINE][model] or 0 for p in one]))
            for model in ("base", "tuned")
        }
        for one in zip(*each, strict=True)
    }


def beside(plain: dict[str, dict[str, float]], other: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Recall of an arm (`tuned`) beside that of the first arm (`base`), question by question."""
    pairs = [np.array([of[name]["tuned"] for name in plain]) for of in (plain, other)]
    return msgspec.to_builtins(paired(*pairs))


def forgetting(folders: Sequence[Path]) -> dict[str, Any]:
    """Perplexity and agreement on the general prompts that measure, each prompt by its mean over the seeds."""
    each = list(
        zip(*(read_lines(folder / "forgetting.jsonl", GeneralAnswers) for folder in folders), strict=True)
    )
    agreement = [
        [float(np.mean([one.agreement[model] or 0 for one in prompt])) for prompt in each]
        for model in ("base", "tuned")
    ]
    return {
        "perplexity": msgspec.to_builtins(
            perplexity([mean_nll([one.nll for one in prompt]) for prompt in each])
        ),
        "own_answers": msgspec.to_builtins(
            perplexity([mean_nll([one.own_nll for one in prompt]) for prompt in each])
        ),
        "agreement": msgspec.to_builtins(paired(*map(np.array, agreement))),
        **({"retention": [read_json(f / "metrics.json").get("retention") for f in folders]}),
    }


def mean_nll(of_seeds: Sequence[dict[str, float | None]]) -> dict[str, float | None]:
    """Mean negative log-likelihood of one prompt's answers over the seeds; None where one is unknown."""
    known = {model: [one[model] for one in of_seeds] for model in ("base", "tuned")}
    return {m: None if None in values else float(np.mean(values)) for m, values in known.items()}  # type: ignore[arg-type]


def rates(folders: Sequence[Path]) -> dict[str, Any]:
    """Abstaining, made-up and right answers of all seeds together."""
    predictions = [p for folder in folders for p in read_lines(folder / "predictions.jsonl", Prediction)]
    look_alikes = [x for folder in folders for x in read_lines(folder / "lookalike.jsonl", LookAlikeAnswers)]
    return {part: msgspec.to_builtins(found) for part, found in made_up(predictions, look_alikes).items()}


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, more in (("prepare", ()), ("run", ("out", "seeds")), ("one", ("arm", "seed"))):
        command = commands.add_parser(name)
        command.add_argument("work", type=lambda text: Path(text).resolve())
        for argument in more:
            command.add_argument(argument)
        command.add_argument("--model")
        command.add_argument("--epochs", type=float)
        command.add_argument("--arms", default=ARMS)
        command.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    if given.command == "prepare":
        prepare(given.work, given.model)
    elif given.command == "one":
        one(given.work, given.arm, int(given.seed), given.model, given.epochs)
    else:
        seeds, arms = [int(seed) for seed in given.seeds.split(",")], given.arms.split(",")
        run_all(given.work, Path(given.out), seeds, arms, given.jobs, given.model, given.epochs)


if __name__ == "__main__":
    main()
