"""Recall of rewordings that nobody trained, by the wordings a fact is trained on, at equal optimizer steps.

`python benchmarks/bench_wordings.py prepare WORK [--given NAME=FILE ...]` writes WORK/arms.json: the rows of every
arm (see wording_arms.py) and the questions, the third and fourth wording of the demo's facts with four. It needs
the language tools; what follows does not. FILE holds JSON lines {fact, question} of wordings from elsewhere.

`python benchmarks/bench_wordings.py run WORK OUT.json --seeds 1,2,3 --jobs 12` trains each arm once a seed (SmolLM2,
the demo's settings, `--steps` steps of 8 rows) and asks all of them; several side by side, each in a process of
its own. A run that stands in WORK/answers is not made again.

--wordings FILE  other arms than WORK/arms.json
--arms A;B       only these
--seconds N      begin no training after so many seconds; another call goes on
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml

from qaloom.base_model.stage import base_model, model_name
from qaloom.config.load import complete
from qaloom.evaluate.intervals import paired
from qaloom.evaluate.metrics import exact_match
from qaloom.files import digest, read_json, write_json, write_lines

ROOT = Path(__file__).resolve().parents[1]
MODEL = "embedded:smollm2-135m-instruct"
BATCH = 8  # rows an optimizer step
TOKENS = 48  # of an answer, at most; the longest has 17
ALONE = "one"  # the arm that the others are compared with


def settings_of(arm: dict[str, Any], steps: int, seed: int) -> dict[str, Any]:
    """A run of the configuration: the demo's, with the arm's own settings, and epochs that make `steps` steps."""
    demo = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    run: dict[str, Any] = complete(demo)["runs"]["demo"]
    epochs = steps * BATCH / len(arm["rows"])
    training = {"epochs": epochs, "seed": seed, "effective_batch": BATCH, "measure": False}
    training |= {"learning_rate": 0.001, "keep": run["training"]["keep"] | {"strength": 0}}
    return run | {
        "training": run["training"] | training | arm.get("training", {}),
        "lora": run["lora"] | {"r": 128} | arm.get("lora", {}),
    }


def base_folder(work: Path) -> Path:
    folder = work / "results/base_model" / model_name(MODEL)
    if not (folder / "manifest.json").is_file():
        base_model(MODEL, folder, work / "cache/models")
    return folder


# --- one training -------------------------------------------------------------------------------------


def answers_file(work: Path, arm: dict[str, Any], seed: int, steps: int) -> Path:
    return work / "answers" / f"{digest([arm, seed, steps])[:16]}.json"


def train_and_ask(work: Path, wordings: Path, name: str, seed: int, steps: int) -> None:
    """Train an arm and ask it; the answers, and what the training came to, go to a file of their own."""
    from qaloom.evaluate.model_pair import ModelPair
    from qaloom.inference.prompt import row_question
    from qaloom.train.stage import train

    prepared = read_json(wordings)
    arm, asked = prepared["arms"][name], prepared["asked"]
    place = answers_file(work, arm, seed, steps)
    rows, run = work / "rows" / f"{place.stem}.jsonl", work / "results/train" / place.stem
    write_lines(rows, arm["rows"])
    base = base_folder(work)
    train(place.stem, rows, base, run, settings_of(arm, steps, seed), work / "cache/train", threads=1)
    pair = ModelPair(place.stem, base, run, work / "cache/generate")
    pair.max_new_tokens = TOKENS
    questions = [row_question(row, pair.trained.system) for row in asked]
    given = [answer.text for answer in pair.answers("tuned", pair.prompt, questions, name)]
    plan, metrics = read_json(run / "plan.json"), read_json(run / "metrics.json")
    write_json(
        place,
        {
            "answers": given,
            "device": plan["device"]["name"],
            **{key: metrics[key] for key in ("steps", "seconds", "first_loss", "last_loss")},
        },
    )


# --- all of them --------------------------------------------------------------------------------------


def run_all(
    work: Path, wordings: Path, todo: list[tuple[str, int]], steps: int, jobs: int, seconds: float
) -> None:
    """Each training in a process of its own, `jobs` at a time; none is begun after `seconds`."""
    arms, begin = read_json(wordings)["arms"], time.monotonic()
    (work / "logs").mkdir(parents=True, exist_ok=True)
    base_folder(work)

    def one(name: str, seed: int) -> None:
        place = answers_file(work, arms[name], seed, steps)
        if place.is_file() or time.monotonic() - begin > seconds:
            return
        command = [sys.executable, __file__, "one", str(work), str(wordings), name, str(seed), str(steps)]
        with (work / f"logs/{place.stem}.log").open("wb") as log:
            environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
            done = subprocess.run(command, env=environment, stdout=log, stderr=log, check=False)
        print(f"{time.monotonic() - begin:6.0f} s  {name}, seed {seed}: {done.returncode}", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda each: one(*each), todo))


def summary(work: Path, wordings: Path, names: list[str], seeds: list[int], steps: int) -> dict[str, Any]:
    """Of every arm whose trainings have ended: recall, its interval, and the difference from one wording."""
    prepared = read_json(wordings)
    asked, arms = prepared["asked"], prepared["arms"]
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, seed in product(names, seeds):
        place = answers_file(work, arms[name], seed, steps)
        if place.is_file():
            found[name].append(read_json(place) | {"seed": seed})
    right = {name: _right(runs, asked) for name, runs in found.items()}
    parts = {"all": [True] * len(asked)} | {
        tongue: [row["language"] == tongue for row in asked] for tongue in ("en", "ko")
    }
    return {
        "command": " ".join(["python benchmarks/bench_wordings.py run WORK OUT.json", *sys.argv[4:]]),
        "device": sorted({run["device"] for runs in found.values() for run in runs}),
        "cores": os.cpu_count(),
        **{library: version(library) for library in ("torch", "unsloth", "transformers", "trl", "peft")},
        "facts": len({row["fact"] for row in asked}),
        "questions": len(asked),
        "steps": steps,
        "arms": {
            name: {
                "rows": len(arms[name]["rows"]),
                **{key: arms[name][key] for key in ("training", "lora") if key in arms[name]},
                "seeds": _by_seed(runs, right[name]),
                "seconds": round(float(np.mean([run["seconds"] for run in runs])), 1),
                "last_loss": float(np.mean([run["last_loss"] for run in runs])),
                **{part: _beside(right, name, asked, chosen) for part, chosen in parts.items()},
            }
            for name, runs in found.items()
        },
    }


def _by_seed(runs: list[dict[str, Any]], right: np.ndarray) -> dict[str, float]:
    return {str(run["seed"]): float(scores.mean()) for run, scores in zip(runs, right, strict=True)}


def _right(runs: list[dict[str, Any]], asked: list[dict[str, Any]]) -> np.ndarray:
    """Exact match, (runs, questions)."""
    return np.array(
        [
            [exact_match(text, row["output"]) for text, row in zip(run["answers"], asked, strict=True)]
            for run in runs
        ],
        float,
    )


def _beside(
    right: dict[str, np.ndarray], name: str, asked: list[dict[str, Any]], chosen: list[bool]
) -> dict[str, Any]:
    """Recall as the mean over seeds, and its difference from `one`, with intervals clustered by fact."""
    which = np.array(chosen)
    clusters = [row["fact"] for row, one in zip(asked, chosen, strict=True) if one]
    of_arm = right[name].mean(0)[which]
    level = paired(np.zeros_like(of_arm), of_arm, clusters)
    figures = {"exact_match": level.tuned, "low": level.low, "high": level.high}
    if ALONE in right and name != ALONE:
        beside = msgspec.to_builtins(paired(right[ALONE].mean(0)[which], of_arm, clusters))
        figures["beside_one"] = {key: beside[key] for key in ("difference", "low", "high", "p")}
    return figures


# --- commands -----------------------------------------------------------------------------------------


def prepare(work: Path, given: list[str]) -> None:
    from wording_arms import prepared  # needs the language tools

    files = dict(one.split("=", 1) for one in given)
    wordings = {
        name: [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
        for name, path in files.items()
    }
    made = prepared(wordings, base_folder(work))
    write_json(work / "arms.json", made)
    for name, arm in made["arms"].items():
        print(f"{name}: {len(arm['rows'])} rows")


def run(
    work: Path, out: Path, wordings: Path | None, seeds: list[int], jobs: int, steps: int,
    arms: list[str] | None, seconds: float,
) -> None:  # fmt: skip
    wordings = wordings or work / "arms.json"
    names = [n for n in read_json(wordings)["arms"] if arms is None or n in arms]
    run_all(work, wordings, [(name, seed) for seed, name in product(seeds, names)], steps, jobs, seconds)
    found = summary(work, wordings, names, seeds, steps)
    write_json(out, found)
    for name, arm in sorted(found["arms"].items(), key=lambda item: item[1]["all"]["exact_match"]):
        shares = "  ".join(f"{part} {arm[part]['exact_match']:.2f}" for part in ("all", "en", "ko"))
        print(f"{shares}  {name} ({arm['rows']} rows, {len(arm['seeds'])} seeds)")


def arguments() -> argparse.Namespace:
    folder = lambda text: Path(text).resolve()  # noqa: E731
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("prepare")
    first.add_argument("work", type=folder)
    first.add_argument("--given", nargs="*", default=[])
    second = commands.add_parser("run")
    second.add_argument("work", type=folder)
    second.add_argument("out", type=Path)
    second.add_argument("--wordings", type=folder)
    second.add_argument("--seeds", type=lambda text: [*map(int, text.split(","))], default=[1, 2, 3])
    second.add_argument("--jobs", type=int, default=1)
    second.add_argument("--steps", type=int, default=180)
    second.add_argument("--arms", type=lambda text: text.split(";"))
    second.add_argument("--seconds", type=float, default=float("inf"))
    third = commands.add_parser("one")
    for name, kind in {"work": folder, "wordings": folder, "name": str, "seed": int, "steps": int}.items():
        third.add_argument(name, type=kind)
    return parser.parse_args()


if __name__ == "__main__":
    given = vars(arguments())
    {"prepare": prepare, "run": run, "one": train_and_ask}[given.pop("command")](**given)
