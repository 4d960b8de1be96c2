"""The demo's recall over seeds: with and without paraphrases, on a GPU and on its host's CPU.

`python benchmarks/bench_demo.py WORK OUT.json 1,2,3 ARM [ARM ...]` trains the demo once a seed and arm,
through the workflow itself, several runs at a time; every arm asks the same held-out questions. Arms: `rules`
(the demo as it is), `none` (augment.providers: []), `cpu` (as `rules`, trained with the GPU hidden; its
adapters answer on the GPU, if there is one, as the others'). What comes out is written to the file beside
what stands there.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import yaml
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
ARMS = {"rules": ["rules"], "none": [], "cpu": ["rules"]}
HIDDEN = {"CUDA_VISIBLE_DEVICES": "", "UNSLOTH_FORCE_CPU": "1"}


def configuration(providers: list[str], seeds: list[int]) -> dict:
    """The demo's, a run a seed; nothing is asked beyond the held-out questions."""
    demo = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    run = demo["runs"]["demo"]
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


def arm(name: str, work: Path, seeds: list[int]) -> dict:
    """Train and ask one arm's runs; return their figures by run."""
    project = work / name
    shutil.copytree(ROOT / "data/demo", project / "data/demo", dirs_exist_ok=True)
    text = yaml.safe_dump(configuration(ARMS[name], seeds), allow_unicode=True)
    (project / "config.yaml").write_text(text, encoding="utf-8")
    runs = [f"seed{n}" for n in seeds]
    trained = [f"results/train/{run}/manifest.json" for run in runs]
    threads = max(1, (os.cpu_count() or 1) // len(runs)) if name == "cpu" else 1
    workflow(project, len(runs), threads, trained, **(HIDDEN if name == "cpu" else {}))
    asked = [f"results/evaluate/{run}/metrics.json" for run in runs]
    with FileLock(work / "asking.lock"):  # one at a time, for the card's memory
        workflow(project, 1, 2, asked)
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
    kept = {key: trained[key] for key in ("seconds", "steps", "first_loss", "last_loss")}
    return {"n": recall["n"], **scores, **kept, "dtype": plan["dtype"], "device": plan["device"]["name"]}


def main(work: Path, out: Path, seeds: list[int], arms: list[str]) -> None:
    with ThreadPoolExecutor() as pool:
        futures = {name: pool.submit(arm, name, work, seeds) for name in arms}
        for name, future in futures.items():
            found = json.loads(out.read_text()) if out.exists() else {"arms": {}}
            runs = found["arms"].get(name, {}) | future.result()
            found |= {lib: version(lib) for lib in ("torch", "unsloth", "transformers", "trl")}
            found |= {"command": "python benchmarks/bench_demo.py WORK OUT.json 1,2,3 rules none cpu"}
            found |= {"cores": os.cpu_count(), "arms": found["arms"] | {name: runs}}
            out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), [*map(int, sys.argv[3].split(","))], sys.argv[4:])
