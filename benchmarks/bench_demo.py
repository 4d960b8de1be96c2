"""The demo's recall over seeds: with and without paraphrases, on a GPU and on its host's CPU.

`python benchmarks/bench_demo.py WORK OUT.json SEEDS ARM [ARM ...]` trains the demo once a seed and arm,
through the workflow itself, several runs at a time; every arm asks the same held-out questions. Arms: `rules`
(the demo as it is), `none` (augment.providers: []), `cpu` (as `rules`, trained with the GPU hidden; its
adapters answer on the GPU as the others'). Each arm is written to the file beside what stands there.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
ARMS = {"rules": ["rules"], "none": [], "cpu": ["rules"]}
HIDDEN = {"CUDA_VISIBLE_DEVICES": "", "UNSLOTH_FORCE_CPU": "1"}


def configuration(providers: list[str], seeds: range) -> dict:
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


def arm(name: str, work: Path, seeds: range) -> dict:
    """Train and ask one arm's runs; return their figures by run."""
    project = work / name
    shutil.copytree(ROOT / "data/demo", project / "data/demo", dirs_exist_ok=True)
    text = yaml.safe_dump(configuration(ARMS[name], seeds), allow_unicode=True)
    (project / "config.yaml").write_text(text, encoding="utf-8")
    runs = [f"seed{n}" for n in seeds]
    started = time.monotonic()
    trained = [f"results/train/{run}/manifest.json" for run in runs]
    threads = max(1, (os.cpu_count() or 1) // (len(runs) + 1)) if name == "cpu" else 1
    workflow(project, len(runs), threads, trained, **(HIDDEN if name == "cpu" else {}))
    asked = [f"results/evaluate/{run}/metrics.json" for run in runs]
    workflow(project, 1, 2, asked)  # an evaluation takes what memory the card has
    return {
        "seconds": round(time.monotonic() - started),
        "runs": {run: figures(project, run) for run in runs},
    }


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


def main(work: Path, out: Path, seeds: range, arms: list[str]) -> None:
    with ThreadPoolExecutor() as pool:
        futures = {name: pool.submit(arm, name, work, seeds) for name in arms}
        for name, future in futures.items():
            begun = json.loads(out.read_text()) if out.exists() else {"arms": {}}
            begun |= {lib: version(lib) for lib in ("torch", "unsloth", "transformers", "trl")}
            begun |= {"command": "python benchmarks/bench_demo.py WORK OUT.json 3 rules none cpu"}
            begun |= {"cores": os.cpu_count(), "arms": begun["arms"] | {name: future.result()}}
            out.write_text(json.dumps(begun, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), range(1, 1 + int(sys.argv[3])), sys.argv[4:])
