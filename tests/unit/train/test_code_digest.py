"""What changes a training's digest, tried on a copy of the library: the loss does, talk and planning do not."""

import shutil
from pathlib import Path

import pytest

from qaloom.code_digest import LIBRARY, code_digest

STARTS = ("train.py", "qaloom/train/stage.py")
NOTHING = {
    "an error's text": ("qaloom/train/stage.py", "the split left no row to train on", "nothing to train on"),
    "the text of an error in a called module": (
        "qaloom/train/tokenized.py",
        "no row keeps its end token",
        "no end",
    ),
    "a log line": ("qaloom/train/stage.py", "was trained before on the same rows", "is there already"),
    "a log line in a called module": ("qaloom/train/tokenized.py", "their answers are cut", "cut"),
    "a rule of the plan": ("qaloom/train/planning/plan.py", "_CANDIDATES = 4", "_CANDIDATES = 5"),
    "another rule of the plan": ("qaloom/train/planning/choices.py", "_SHARE = 0.96", "_SHARE = 0.9"),
    "the memory formula": ("qaloom/train/planning/memory.py", "_FIXED = 0.1e9", "_FIXED = 0.2e9"),
    "CUDA graphs": ("qaloom/train/cuda_graphs.py", "_MOST_SHAPES = 32", "_MOST_SHAPES = 16"),
    "a private name of Unsloth": ("qaloom/compat_unsloth.py", '"_run_attention"', '"_attention"'),
    "the configuration's types": ("qaloom/config/settings.py", "class Section(", "class Part("),
}
DECIDES = {
    "the labels": ("qaloom/train/tokenized.py", "[IGNORED] * len(one.prompt) + one.completion", "ids"),
    "the order of rows": (
        "qaloom/train/tokenized.py",
        "random.uniform(0.7, 1.4)",
        "random.uniform(0.8, 1.3)",
    ),
    "the optimizer's schedule": ("qaloom/train/sft.py", "training.warmup_fraction * steps", "0.1 * steps"),
    "the adapter": ("qaloom/train/sft.py", "lora.alpha or 2 * lora.r", "lora.alpha or lora.r"),
    "the prompt": ("qaloom/inference/prompt.py", "### Response:", "### Answer:"),
}


def digests(folder: Path, file: str = "", before: str = "", after: str = "") -> list[str]:
    """Of train's script and its stage, in a copy with one change."""
    shutil.copytree(LIBRARY, folder / "qaloom", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(LIBRARY.parent / "train.py", folder)
    if file:
        text = (folder / file).read_text()
        assert before in text
        (folder / file).write_text(text.replace(before, after))
    return [code_digest(folder / start, library=folder / "qaloom") for start in STARTS]


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory):
    return digests(tmp_path_factory.mktemp("library"))


@pytest.mark.parametrize("change", NOTHING.values(), ids=NOTHING)
def test_what_cannot_alter_an_adapter_trains_nothing_anew(tmp_path, unchanged, change):
    assert digests(tmp_path, *change) == unchanged


@pytest.mark.parametrize("change", DECIDES.values(), ids=DECIDES)
def test_what_decides_an_adapter_changes_both_digests(tmp_path, unchanged, change):
    assert all(one != other for one, other in zip(digests(tmp_path, *change), unchanged, strict=True))
