"""The demo's recall and speed over seeds: with and without paraphrases, on a GPU, on a CPU, without Unsloth.

`python benchmarks/bench_demo.py WORK OUT.json 1,2,3 ARM [ARM ...]` trains the demo once a seed and arm,
several runs at a time; every arm asks the same held-out questions, through the workflow. Arms: `rules` (the
demo as it is), `none` (augment.providers: []), `cpu` (as `rules`, trained with the GPU hidden; its adapters
answer on the GPU, if there is one, as the others'), `plain` (as `rules`, trained by plain.py: transformers,
peft and TRL alone). What comes out is written to the file beside what stands there.

--alone     one training after the other, with nothing beside it, so that their rows a second can be compared
--epochs N  passes over the rows in place of the demo's, for a quick look
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import product
from pathlib import Path

import yaml
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
ARMS = {"rules": ["rules"], "none": [], "cpu": ["rules"], "plain": ["rules"]}
HIDDEN = {"CUDA_VISIBLE_DEVICES": "", "UNSLOTH_FORCE_CPU": "1"}


def configuration(providers: list[str], seeds: list[int], epochs: float | None) -> dict:
    """The demo's, a run a seed; nothing is asked beyond the held-out questions."""
    demo = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    run = demo["runs"]["demo"]
    run["training"] |= {"epochs": epochs} if epochs else {}
    demo["augment"]["providers"] = providers
    demo["runs"] = {f"seed{n}": {**run, "training": {**run["training"], "seed": n}} for n in seeds}
    demo["evaluate"] |= {"retrieval": {"rows": 0}, "forgetting": False, "origins": ["data"]}
    return demo


def workflow(project: Path, jobs: int, threads: int, targets: list[str], **environment: str) -> None:
    """Run `targets` of the project, `jobs` at a time even if they share one GPU."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(project), "--configfile", str(project / "config.yaml")]
    command += ["--cores", str(jobs * threads), "--resources", f"gpu={jobs}", "--quiet", "rules"]
    command += ["--set-threads", f"train={threads}", f"evaluate={threads}", "--keep-going", "--", *targets]
    subprocess.run(command, env=os.environ | environment, check=False, stdout=subprocess.DEVNULL)


def prepare(name: str, project: Path, seeds: list[int], epochs: float | None) -> None:
    """Make an arm's project, with all that its trainings read."""
    shutil.copytree(ROOT / "data/demo", project / "data/demo", dirs_exist_ok=True)
    text = yaml.safe_dump(configuration(ARMS[name], seeds, epochs), allow_unicode=True)
    (project / "config.yaml").write_text(text, encoding="utf-8")
    targets = ["results/split/manifest.json", "results/base_model/smollm2-135m-instruct/manifest.json"]
    workflow(project, 2, 1, targets)
    if not all((project / target).is_file() for target in targets):
        sys.exit(f"bench_demo: the workflow did not make what {name} is trained on")


def train(name: str, project: Path, runs: list[str]) -> None:
    """Train some of an arm's runs side by side."""
    if name == "plain":
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda run: train_plainly(project, run), runs))
        return
    threads = max(1, (os.cpu_count() or 1) // len(runs)) if name == "cpu" else 1
    trained = [f"results/train/{run}/manifest.json" for run in runs]
    workflow(project, len(runs), threads, trained, **(HIDDEN if name == "cpu" else {}))


def train_plainly(project: Path, run: str) -> None:
    """Train one run with plain.py, in a process and with threads as the workflow gives them."""
    command = [sys.executable, str(ROOT / "benchmarks/plain.py"), run]
    with (project / f"logs/{run}.plain.log").open("wb") as log:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, cwd=project, env=environment, stdout=log, stderr=log, check=False)


def ask(project: Path, runs: list[str]) -> dict:
    """Ask what was trained; return its figures by run."""

    def trained() -> dict[str, str]:
        there = {run: project / f"results/train/{run}/manifest.json" for run in runs}
        return {run: manifest.read_text() for run, manifest in there.items() if manifest.exists()}

    before = trained()
    with FileLock(project.parent / "asking.lock"):  # one at a time, for the card's memory
        if before:
            workflow(project, 1, 2, [f"results/evaluate/{run}/metrics.json" for run in before])
    assert trained() == before, "the workflow trained anew what another way had trained"
    return {run: figures(project, run) for run in runs}


def figures(project: Path, run: str) -> dict | None:
    """What one run came to, or None if it did not end."""
    metrics = project / f"results/evaluate/{run}/metrics.json"
    if not metrics.exists():
        return None
    recall = json.loads(metrics.read_text())["recall"]
    trained = json.loads((project / f"results/train/{run}/metrics.json").read_text())
    plan = json.loads((project / f"results/train/{run}/plan.json").read_text())
    scores = {score: recall[score]["tuned"] for score in ("exact_match", "char_f1")}
    keys = ("rows_per_second", "median_step_seconds", "seconds", "steps", "first_loss", "last_loss")
    kept = {key: trained[key] for key in keys}
    return {"n": recall["n"], **scores, **kept, "dtype": plan["dtype"], "device": plan["device"]["name"]}


def main(work: Path, out: Path, seeds: list[int], arms: list[str], alone: bool, epochs: float | None) -> None:
    runs = [f"seed{n}" for n in seeds]

    def arm(name: str) -> dict:
        if not alone:
            train(name, work / name, runs)
        found = ask(work / name, runs)
        return {run: it and it | {"alone": alone} for run, it in found.items()}

    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: prepare(name, work / name, seeds, epochs), arms))
        for name, run in product(arms, runs) if alone else ():
            train(name, work / name, [run])
        futures = {name: pool.submit(arm, name) for name in arms}
        for name, future in futures.items():
            save(out, name, future.result())


def save(out: Path, name: str, runs: dict) -> None:
    """Put an arm's runs in the file, beside the others."""
    found = json.loads(out.read_text()) if out.exists() else {"arms": {}}
    command = " ".join(["python benchmarks/bench_demo.py WORK OUT.json", *sys.argv[3:]])
    found |= {lib: version(lib) for lib in ("torch", "unsloth", "transformers", "trl", "peft")}
    found |= {"commands": sorted({*found.get("commands", []), command}), "cores": os.cpu_count()}
    found["arms"][name] = found["arms"].get(name, {}) | runs
    out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("work", type=lambda text: Path(text).resolve())
    parser.add_argument("out", type=Path)
    parser.add_argument("seeds", type=lambda text: [*map(int, text.split(","))])
    parser.add_argument("arms", nargs="+", choices=ARMS)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--epochs", type=float)
    main(**vars(parser.parse_args()))
