"""Effects of `training.keep` and `training.abstain` on the demo: recall, forgetting, retention, made-up answers, time.

`python benchmarks/bench_keep.py prepare WORK` makes the demo's split in WORK/results/split, for which the language
tools of the environment are needed. `python benchmarks/bench_keep.py run WORK OUT.json 1,2 --jobs 6` then trains and
asks every arm and seed, each in a process of its own, as many side by side as --jobs says; neither network nor
language tools are needed for that. An answer is right when it matches exactly. Times of a step are comparable with
--jobs 1 only.

--arms LIST   such as none,keep:1,keep:1:0.5,abstain:0.1,keep:1+abstain:0.1: strength of keep, and its share where it
              is not the default; share of abstain; rate:0.0005, epochs:2 and rank:64 beside them
--model, --most  another base model, most questions a part, for a quick look
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
from bench_final import configuration

from qaloom.base_model.stage import base_model, model_name
from qaloom.evaluate.answer_limit import answer_limit
from qaloom.evaluate.forgetting import measure_forgetting
from qaloom.evaluate.hallucination import outcome
from qaloom.evaluate.intervals import paired, rate
from qaloom.evaluate.metrics import exact_match
from qaloom.evaluate.model_pair import ModelPair
from qaloom.evaluate.results import GeneralAnswers
from qaloom.evaluate.retention import measure_retention
from qaloom.evaluate.summary import perplexity
from qaloom.files import read_json, read_lines, write_json, write_lines
from qaloom.inference.prompt import row_question
from qaloom.text.abstention import abstains
from qaloom.train.stage import train

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("recall", "unseen", "lookalike")
Rows = list[dict[str, Any]]
PLAIN = {"rate": "learning_rate", "epochs": "epochs"}  # parts of an arm that are a setting of the training
ARMS = "none,keep:0.3,keep:1,keep:3,abstain:0.1,abstain:0.25,keep:1+abstain:0.1,keep:3+abstain:0.1"


def prepare(work: Path) -> None:
    """Make the demo's split."""
    shutil.copytree(ROOT / "data/demo", work / "data/demo", dirs_exist_ok=True)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--directory", str(work), "--quiet", "rules", "--", "results/split/manifest.json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def base_folder(work: Path, reference: str) -> Path:
    """The base model's folder, made if it is not there."""
    base = work / "results/base_model" / model_name(reference)
    if not (base / "manifest.json").is_file():
        base_model(reference, base, work / "cache/models")
    return base


def settings_of(arm: str, run: dict[str, Any], seed: int) -> dict[str, Any]:
    """A run's settings for an arm such as keep:1:0.5+abstain:0.1+rate:0.0005."""
    training, lora = run["training"] | {"seed": seed}, dict(run["lora"])
    training["keep"] = training["keep"] | {"strength": 0}
    for part in arm.split("+"):
        name, *amounts = part.split(":")
        if name == "keep":
            values = dict(zip(("strength", "share"), map(float, amounts), strict=False))
            training["keep"] = training["keep"] | values
        elif name == "abstain":
            training["abstain"] = training["abstain"] | {"share": float(amounts[0])}
        elif name in PLAIN:
            training[PLAIN[name]] = float(amounts[0])
        elif name == "rank":
            lora["r"] = int(amounts[0])
        elif name != "none":
            raise SystemExit(
                f"bench_keep: {arm} is no arm; write none, keep:1, keep:1:0.5, abstain:0.1, rate:0.0005, "
                "epochs:2, rank:64 or a sum"
            )
    return run | {"training": training, "lora": lora}


def one(work: Path, arm: str, seed: int, model: str | None, most: int | None) -> None:
    """Train an arm with a seed, and ask it."""
    config = configuration(model, None)
    run, name = settings_of(arm, config["runs"]["demo"], seed), folder_name(arm, seed)
    base, trained = base_folder(work, run["base_model"]), work / "results/train" / name
    threads = min(16, os.cpu_count() or 1)
    train(name, work / "results/split/train.jsonl", base, trained, run, work / "cache/train", threads=threads)
    models, out = ModelPair(name, base, trained, work / "cache/generate"), work / "results/asked" / name
    asked = questions_of(work / "results/split", most)
    references = [row["output"] for row in asked if row["output"]]
    models.max_new_tokens = answer_limit(
        config["evaluate"]["max_new_tokens"], references, references, models.ids
    ).tokens
    questions = [row_question(row, models.trained.system) for row in asked]
    given = models.answers("tuned", models.prompt, questions, name)
    _, general = measure_forgetting(models)
    write_lines(out / "forgetting.jsonl", general)
    write_json(out / "retention.json", msgspec.to_builtins(measure_retention(models)))
    write_lines(out / "answers.jsonl", [judged(row, a.text) for row, a in zip(asked, given, strict=True)])


def questions_of(split: Path, most: int | None) -> Rows:
    """Questions of recall that are not light, of unseen, and look-alikes, at most `most` of each `part`."""
    places = {line["id"]: line for line in read_lines(split / "placement.jsonl")}
    found = []
    for part in ("recall", "unseen"):
        rows = [(row, places[row["id"]]) for row in read_lines(split / f"{part}.jsonl")]
        found += [
            row | {"part": part, "fact": place["fact"]}
            for row, place in rows
            if place["origin"] != "augmented" and not place.get("light") and not abstains(row["output"])
        ]
    for row in read_lines(split / "lookalike.jsonl"):
        found.append(row | {"part": "lookalike", "fact": row["id"], "input": "", "output": ""})
    counted = ([row for row in found if row["part"] == part][:most] for part in PARTS)
    return [row for some in counted for row in some]


def judged(row: dict[str, Any], answer: str) -> dict[str, Any]:
    """A line of answers.jsonl: the question with the answer and its outcome."""
    hit = bool(row["output"]) and exact_match(answer, row["output"]) == 1
    about = {name: row[name] for name in ("id", "part", "fact", "instruction", "output")}
    return about | {"answer": answer, "outcome": outcome(answer, row["instruction"], hit)}


def folder_name(arm: str, seed: int) -> str:
    return f"{arm.replace(':', '_').replace('+', '-')}-seed{seed}"


def run_all(
    work: Path, out: Path, seeds: list[int], arms: list[str], jobs: int,
    model: str | None, most: int | None,
) -> None:  # fmt: skip
    """Every arm and seed, then what came of them."""
    run = configuration(model, None)["runs"]["demo"]
    for arm in arms:
        settings_of(arm, run, 0)  # refused before anything is trained
    more = ["--model", model] if model else []
    more += ["--most", str(most)] if most else []

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
    rates = found["rates"]
    return {
        "recall": round(rates["recall"]["right"]["share"], 3),
        "perplexity": round(found["perplexity"]["ratio"], 2),
        "agreement": round(found["agreement"]["tuned"], 3),
        "made up": {part: round(rates[part]["made_up"]["share"], 3) for part in ("unseen", "lookalike")},
        "retention": [round(one["kept"]["share"] or 0, 3) for one in found["retention"]],
        "over-refusal": round(rates["recall"]["abstains"]["share"], 3),
        "step ms": round(1000 * found["median_step_seconds"], 1),
    }


def summary(work: Path, seeds: list[int], arms: list[str]) -> dict[str, Any]:
    """The file's content; of an arm the seeds that came to an end."""
    asked = {arm: [work / "results/asked" / folder_name(arm, seed) for seed in seeds] for arm in arms}
    done = {arm: [f for f in folders if (f / "answers.jsonl").is_file()] for arm, folders in asked.items()}
    done = {arm: folders for arm, folders in done.items() if folders}
    first = next(iter(done))
    plan = read_json(work / "results/train" / done[first][0].name / "plan.json")
    split = work / "results/split"
    return {
        "command": " ".join(["python benchmarks/bench_keep.py run WORK OUT.json", *sys.argv[4:]]),
        "device": plan["device"]["name"],
        "cores": os.cpu_count(),
        **{library: version(library) for library in ("torch", "unsloth", "transformers", "trl", "peft")},
        "rows": len(read_lines(split / "train.jsonl")),
        "look_alikes_taught_at_most": len(read_lines(split / "lookalike_training.jsonl")),
        "seeds": seeds,
        "arms": {
            arm: figures(folders) | {"beside_the_first_arm": beside(done[first], folders)}
            for arm, folders in done.items()
        },
    }


def figures(folders: Sequence[Path]) -> dict[str, Any]:
    """An arm's figures over its seeds."""
    trained = [folder.parents[1] / "train" / folder.name for folder in folders]
    measured = [read_json(folder / "metrics.json") for folder in trained]
    plan = read_json(trained[0] / "plan.json")
    return {
        "seeds": len(folders),
        "rates": rates(folders),
        **forgetting(folders),
        "retention": [read_json(folder / "retention.json") for folder in folders],
        "recall_of_seeds": [rates([folder])["recall"]["right"]["share"] for folder in folders],
        "steps": measured[0]["steps"],
        "median_step_seconds": median(one["median_step_seconds"] for one in measured),
        "training_seconds": [one["seconds"] for one in measured],
        "peak_memory_bytes": max(one["peak_memory_bytes"] for one in measured),
        "predicted_memory_bytes": plan["predicted_memory_bytes"],
        "graphs": plan["graphs"],
        "fallbacks": plan["fallbacks"],
    }


def rates(folders: Sequence[Path]) -> dict[str, Any]:
    """Right, abstaining and made-up answers of all seeds, by part; answers about one fact are a cluster."""
    lines = [line for folder in folders for line in read_lines(folder / "answers.jsonl")]
    found = {}
    for part in PARTS:
        some = [line for line in lines if line["part"] == part]
        facts = [line["fact"] for line in some]
        found[part] = {
            name: msgspec.to_builtins(rate([line["outcome"] == name for line in some], facts))
            for name in ("right", "abstains", "made_up", "empty")
        }
    return found


def beside(first: Sequence[Path], other: Sequence[Path]) -> dict[str, Any]:
    """Outcomes of an arm (`tuned`) beside the first one's (`base`), of each question the mean over its seeds."""
    found = {}
    for part, kind in (
        ("recall", "right"),
        ("recall", "abstains"),
        ("unseen", "made_up"),
        ("lookalike", "made_up"),
    ):
        means = [of_questions(folders, part, kind) for folders in (first, other)]
        facts = [fact for _, fact in means[0]]
        both = [np.array([one[key] for key in means[0]]) for one in means]
        found[f"{part} {kind}"] = msgspec.to_builtins(paired(*both, facts))
    return found


def of_questions(folders: Sequence[Path], part: str, kind: str) -> dict[tuple[str, str], float]:
    """Share of the seeds in which a question's answer was of a kind, by its id and fact."""
    each: dict[tuple[str, str], list[bool]] = {}
    for folder in folders:
        for line in read_lines(folder / "answers.jsonl"):
            if line["part"] == part:
                each.setdefault((line["id"], line["fact"]), []).append(line["outcome"] == kind)
    return {key: float(np.mean(hits)) for key, hits in each.items()}


def forgetting(folders: Sequence[Path]) -> dict[str, Any]:
    """Perplexity and agreement on the general prompts that measure, each prompt by its mean over the seeds."""
    each = list(
        zip(*(read_lines(folder / "forgetting.jsonl", GeneralAnswers) for folder in folders), strict=True)
    )
    agreement = [
        np.array([np.mean([one.agreement[model] or 0 for one in prompt]) for prompt in each])
        for model in ("base", "tuned")
    ]
    nll = [mean_nll([one.nll for one in prompt]) for prompt in each]
    own = [mean_nll([one.own_nll for one in prompt]) for prompt in each]
    return {
        "perplexity": msgspec.to_builtins(perplexity(nll)),
        "own_answers": msgspec.to_builtins(perplexity(own)),
        "agreement": msgspec.to_builtins(paired(*agreement)),
    }


def mean_nll(of_seeds: Sequence[dict[str, float | None]]) -> dict[str, float | None]:
    """Mean negative log-likelihood of one prompt's answers over the seeds; None where one is unknown."""
    known = {model: [one[model] for one in of_seeds] for model in ("base", "tuned")}
    return {m: None if None in values else float(np.mean(values)) for m, values in known.items()}  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, more in (("prepare", ()), ("run", ("out", "seeds")), ("one", ("arm", "seed"))):
        command = commands.add_parser(name)
        command.add_argument("work", type=lambda text: Path(text).resolve())
        for argument in more:
            command.add_argument(argument)
        command.add_argument("--model")
        command.add_argument("--most", type=int)
        command.add_argument("--arms", default=ARMS)
        command.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    if given.command == "prepare":
        prepare(given.work)
    elif given.command == "one":
        one(given.work, given.arm, int(given.seed), given.model, given.most)
    else:
        seeds, arms = [int(seed) for seed in given.seeds.split(",")], given.arms.split(",")
        run_all(given.work, Path(given.out), seeds, arms, given.jobs, given.model, given.most)


if __name__ == "__main__":
    main()
