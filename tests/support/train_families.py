"""Trains a tiny model of every family in two steps: `python train_families.py FOLDER FAMILY ...`.

Through qaloom.train's own stage and process. Unsloth is imported once; each training is a fork of this process.
Writes FOLDER/FAMILY, a project, and FOLDER/FAMILY/refused where the training is refused.
"""

import os
import sys
import traceback
from pathlib import Path

import torch
from family_models import family_model

from qaloom.config.load import complete
from qaloom.errors import QALoomError
from qaloom.files import write_lines, write_text
from qaloom.train import process, stage
from qaloom.train.planning import launcher

ROWS = [(f"{n}번 질문은 무엇인가요?", f"답 {n}입니다.") for n in range(8)]
_TRAINING = {"epochs": 1, "effective_batch": 4, "learning_rate": 0.01, "keep": {"strength": 0}}


def main(root: Path, names: list[str]) -> None:
    """Train the families named."""
    process.begin(root, "cpu", 1)
    process.begin = lambda *arguments: None  # done, for every fork
    stage.attempt = _attempt
    for name in names:
        folder = root / name
        base = family_model(name, folder / "results/base_model/tiny")
        try:
            _train(folder, base)
        except QALoomError as error:
            write_text(folder / "refused", str(error))


def _train(folder: Path, base: Path) -> None:
    rows = [{"id": f"{n:016x}", "instruction": q, "input": "", "output": a} for n, (q, a) in enumerate(ROWS)]
    write_lines(folder / "train.jsonl", rows)
    runs = {"demo": {"max_length": 256, "lora": {"r": 16}, "training": _TRAINING}}
    settings = complete({"data": {"sources": ["x"]}, "runs": runs})["runs"]["demo"]
    out, cache = folder / "results/train/demo", folder / "cache/train"
    stage.train("demo", folder / "train.jsonl", base, out, settings, cache, threads=1)


def _attempt(name: str, folder: Path, planned: stage.Plan) -> launcher.Outcome:
    (folder / "events.jsonl").unlink(missing_ok=True)
    child = os.fork()
    if not child:
        try:
            torch.set_num_threads(
                1
            )  # makes torch's pool anew, before several threads of this fork ask for it
            process.run_training(folder)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return launcher._outcome(launcher.read_events(folder), code, planned.device.kind)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
