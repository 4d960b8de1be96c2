"""Rank, learning rate and epochs where a run says `auto`: by the base model's size, the rows, their facts, the device.

What is written as a number stays. docs/training.md has the table and how it was measured.
"""

import math
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from qaloom.files import read_document
from qaloom.inference.architecture import Architecture, architecture
from qaloom.inference.prompt import load_tokenizer, prompt_kind
from qaloom.records import SplitManifest, read_texts
from qaloom.train.tokenized import token_count
from qaloom.trained_run import RunManifest

_AUTO = "auto"
_KEYS = (("lora", "r"), ("training", "learning_rate"), ("training", "epochs"))
_MOST_EPOCHS = 100  # where rows are very few, or steps very large


class _Recipe(NamedTuple):
    """Settings for models of fewer than `below` parameters; `full_rate` is the rate of `method: full`."""

    below: float
    r: int
    rate: float
    full_rate: float
    epochs: int  # at most, unless they are fewer steps than
    least_steps: int = 100
    times: int = 24  # that a fact is seen, in whatever words, at most


# The first was measured on SmolLM2-135M, the last has the values of the guide (PDF2LLM-Tuning-Studio).
_RECIPES = (
    _Recipe(0.5e9, 128, 1e-3, 1e-4, 4),
    _Recipe(2e9, 64, 5e-4, 5e-5, 3),
    _Recipe(math.inf, 16, 2e-4, 1e-5, 3),
)
# For adapters on a GPU, in place of the first: retention .85, not .69, and recall .79, not .81 (docs/recipe.md), for
# twice the steps, which on a CPU are most of the run's time.
_ADAPTER_ON_GPU = _Recipe(0.5e9, 32, 1e-3, 1e-4, 8, 200, 48)


class Epoch(NamedTuple):
    """A pass over the rows: its optimizer steps (0: unknown), and the rows of a fact, in different words."""

    steps: float = 0
    rows_of_a_fact: float = 1


class Resolved(NamedTuple):
    """Settings of a training with numbers alone, the names of those that were `auto`, and why they are so."""

    settings: dict[str, Any]
    automatic: list[str]
    why: str


def resolve(
    settings: dict[str, Any],
    base: Path,
    rows: Path,
    on_gpu: bool,
    template: str | None = None,
    twin: Path | None = None,
) -> Resolved:
    """A run's settings for the model in `base` and the rows of a file; `template` is a prompt template's text.

    `twin`, of a final model, is the folder of the run that is evaluated: it takes the numbers of that training.
    """
    if not (unset := [f"{section}.{key}" for section, key in _KEYS if settings[section][key] == _AUTO]):
        return Resolved(settings, [], "")
    names = [name for name in unset if settings["method"] != "full" or name != "lora.r"]  # full has no rank
    if twin:
        found = _with(settings, read_document(twin / "manifest.json", RunManifest).settings)
        why = f"auto: {_values(found, names)}, as in the evaluated run" if names else ""
        return Resolved(found, names, why)
    size = architecture(base, settings["trust_remote_code"])
    of_epoch = _epoch(settings, base, rows, template) if "training.epochs" in names else Epoch()
    found = with_recipe(settings, size, of_epoch, on_gpu)
    return Resolved(found, names, _why(_values(found, names), size, of_epoch) if names else "")


def with_recipe(settings: dict[str, Any], size: Architecture, epoch: Epoch, on_gpu: bool) -> dict[str, Any]:
    """Settings of a run with numbers in the place of `auto`."""
    full = settings["method"] == "full"
    recipes = (_ADAPTER_ON_GPU, *_RECIPES) if on_gpu and not full else _RECIPES
    chosen = next(one for one in recipes if size.parameters < one.below)
    epochs = min(chosen.epochs, chosen.times / epoch.rows_of_a_fact)
    if epoch.steps:
        epochs = min(max(epochs, chosen.least_steps / epoch.steps), _MOST_EPOCHS)
    rate = chosen.full_rate if full else chosen.rate
    training = {"learning_rate": rate, "epochs": math.ceil(round(100 * epochs, 6)) / 100}
    return _with(settings, {"lora": {"r": chosen.r}, "training": training})


def _with(settings: dict[str, Any], numbers: Mapping[str, Any]) -> dict[str, Any]:
    found = deepcopy(settings)
    for section, key in _KEYS:
        if found[section][key] == _AUTO:
            found[section][key] = numbers[section][key]
    return found


def _epoch(settings: Mapping[str, Any], base: Path, rows: Path, template: str | None) -> Epoch:
    """An epoch's steps: rows by rows a step, or where a step counts tokens, tokens by those."""
    with rows.open("rb") as lines:
        count = sum(1 for _ in lines)
    training, wordings = (
        settings["training"],
        max(1.0, count / (_facts(rows) or count or 1)),
    )  # without rows, too
    if not training["effective_tokens"]:
        return Epoch(count / training["effective_batch"], wordings)
    tokenizer = load_tokenizer(base, settings["trust_remote_code"], template)
    kind = prompt_kind(settings["prompt"]["template"], tokenizer)
    return Epoch(token_count(read_texts(rows), tokenizer, kind) / training["effective_tokens"], wordings)


def _facts(rows: Path) -> int:
    """The number of facts in the training rows of a split; 0 where none stands beside them."""
    manifest = rows.with_name("manifest.json")
    return read_document(manifest, SplitManifest).facts.train if manifest.is_file() else 0


def _why(values: str, size: Architecture, epoch: Epoch) -> str:
    """Why these values were chosen."""
    millions = f"{size.parameters / 1e6:,.0f} million parameters"
    if not epoch.steps:
        return f"auto: {values} ({millions})"
    steps, rows = math.ceil(epoch.steps), epoch.rows_of_a_fact
    return f"auto: {values} ({millions}; steps an epoch: {steps:,}, rows a fact: {rows:.1f})"


def _values(settings: Mapping[str, Any], names: list[str]) -> str:
    """Names and numbers as YAML reads them: 0.00002, not 2e-05."""
    pairs = ((name, *name.split(".")) for name in names)
    return ", ".join(
        f"{name} {settings[section][key]:.8f}".rstrip("0").rstrip(".") for name, section, key in pairs
    )
