"""Grounded answers of a finished run: tuned alone, looking up alone, tuned on near rows; and the likeness to ask for.

`python benchmarks/bench_grounded.py --run PROJECT/results` evaluates a trained run again with the grounded arm and
writes benchmarks/grounded.json: rates with 95% intervals on recall, unseen and look-alike questions, and for a range of
likenesses how many questions of each kind have a near row. Answers that the project's cache holds are not asked again.
It needs no network, and the language tools of the environment.

--name NAME      the run, demo unless given
--out FILE       another file to write
--rows, --likeness, --most   rows a prompt, the least likeness, most questions a part, in place of the defaults
--curve          only the likenesses, which need no trained run and no model
"""

import argparse
import os
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from qaloom.config.load import defaults
from qaloom.evaluate.grounded import GroundedOptions
from qaloom.evaluate.grounding import Grounding
from qaloom.evaluate.intervals import rate
from qaloom.evaluate.results import GroundedComparison
from qaloom.evaluate.retrieval import Index
from qaloom.evaluate.stage import Sources, evaluate
from qaloom.files import read_lines, write_json
from qaloom.inference.prompt import Question, row_question
from qaloom.records import LookAlikeRow, Placement, read_questions
from qaloom.trained_run import TrainedRun

LIKENESSES = (0.1, 0.15, 0.18, 0.2, 0.22, 0.25, 0.3, 0.35, 0.4, 0.5)
Rows = list[dict[str, Any]]


def main(options: argparse.Namespace) -> None:
    """Measure and write what was asked for."""
    found: dict[str, Any] = {"likenesses": curve(options.run / "split", options.rows, options.most)}
    if not options.curve:
        found = machine(options) | arms(options) | found
    write_json(options.out, found)
    print(f"{options.out} written", flush=True)


def curve(split: Path, rows: int, most: int | None) -> list[dict[str, Any]]:
    """For each likeness: questions with a near row, and of recall those whose own fact is among the near rows."""
    index = Index(read_questions(split, "train"))
    fact = {place.id: place.fact for place in read_lines(split / "placement.jsonl", Placement)}
    recall, unseen = (read_questions(split, part)[:most] for part in ("recall", "unseen"))
    alike = read_lines(split / "lookalike.jsonl", LookAlikeRow)
    taught = read_lines(split / "lookalike_training.jsonl", LookAlikeRow)
    asked = {
        "recall": [row_question(row) for row in recall],
        "unseen": [row_question(row) for row in unseen],
        "lookalike": [Question(row.instruction) for row in [*alike, *taught][:most]],
    }
    about = {
        part: [fact[row["id"]] for row in some] for part, some in (("recall", recall), ("unseen", unseen))
    }
    about["lookalike"] = [fact[row.parent] for row in [*alike, *taught][:most]]
    found = []
    for likeness in LIKENESSES:
        near = {part: Grounding(index, rows, likeness).near(some) for part, some in asked.items()}
        own = [
            any(_same_fact(row, other, fact) for other in others)
            for row, others in zip(recall, near["recall"], strict=True)
        ]
        shares = {part: rate(list(map(bool, some)), about[part]) for part, some in near.items()}
        found.append({"likeness": likeness, "near_row": shares, "own_fact": rate(own, about["recall"])})
    return msgspec.to_builtins(found)


def _same_fact(row: dict[str, Any], other: dict[str, Any], fact: dict[str, str]) -> bool:
    return row["output"] == other["output"] or fact[row["id"]] == fact[other["id"]]


def arms(options: argparse.Namespace) -> dict[str, Any]:
    """The three arms with their intervals."""
    results, settings = options.run, defaults()
    run = results / "train" / options.name
    base = results.parent / TrainedRun(run).base_model
    sources = Sources(results / "split", results / "dedup/contradictions.jsonl", base, run)
    retrieval = settings["evaluate"]["retrieval"] | {"rows": 0}
    asked = settings["evaluate"] | {"retrieval": retrieval, "forgetting": False}
    asked |= {"max_questions": options.most} if options.most else {}
    text = settings["runs"]["demo"]["training"]["abstain"]["text"]
    grounded = GroundedOptions(options.rows, options.likeness, text)
    with TemporaryDirectory() as out:
        metrics = evaluate(
            options.name, sources, Path(out), asked, results.parent / "cache/generate", grounded
        )
    assert isinstance(metrics.grounded, GroundedComparison)
    return {"grounded": msgspec.to_builtins(metrics.grounded)}


def machine(options: argparse.Namespace) -> dict[str, Any]:
    """Where it was measured."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    libraries = {name: version(name) for name in ("torch", "transformers", "peft")}
    return {
        "command": "python benchmarks/bench_grounded.py --run PROJECT/results",
        "run": options.name,
        "most": options.most,
        "device": device,
        "cores": os.cpu_count(),
        **libraries,
    }


def _options() -> argparse.Namespace:
    grounded = defaults()["serve"]["grounded"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--name", default="demo")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("grounded.json"))
    parser.add_argument("--rows", type=int, default=3)
    parser.add_argument("--likeness", type=float, default=grounded["likeness"])
    parser.add_argument("--most", type=int)
    parser.add_argument("--curve", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main(_options())
