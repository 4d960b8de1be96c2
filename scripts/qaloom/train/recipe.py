"""Rank, learning rate and epochs where a run says `auto`: by the base model's size and the steps of an epoch.

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
from qaloom.records import read_texts
from qaloom.train.tokenized import token_count
from qaloom.trained_run import RunManifest

_AUTO = "auto"
_KEYS = (("lora", "r"), ("training", "learning_rate"), ("training", "epochs"))
_LEAST_STEPS = 200  # optimizer steps; with fewer, facts are not known in other words
_MOST_EPOCHS = 100  # where rows are very few, or steps very large


class _Recipe(NamedTuple):
    """Settings for models of fewer than `below` parameters; `full_rate` is the rate of `method: full`."""

    below: float
    r: int
    rate: float
    full_rate: float
    epochs: int


# The first was measured on SmolLM2-135M, the last has the values of the guide (PDF2LLM-Tuning-Studio).
_RECIPES = (
    _Recipe(0.5e9, 128, 1e-3, 1e-4, 4),
    _Recipe(2e9, 64, 5e-4, 5e-5, 3),
    _Recipe(math.inf, 16, 2e-4, 1e-5, 3),
)


class Resolved(NamedTuple):
    """Settings of a training with numbers alone, the names of those that were `auto`, and why they are so."""

    settings: dict[str, Any]
    automatic: list[str]
    why: str


def resolve(
    settings: dict[str, Any],
    base: Path,
    rows: Path,
    template: str | None = None,
    twin: Path | None = None,
) -> Resolved:
    """A run's settings for the model in `base` and the rows of a file; `template` is a prompt template's text.

    `twin`, of a final model, is the folder of the run that is evaluated: it takes the numbers of that training.
    """
    if not (names := _automatic(settings)):
        return Resolved(settings, [], "")
    if twin:
        found = _with(settings, read_document(twin / "manifest.json", RunManifest).settings)
        return Resolved(found, names, f"auto: {_values(found, names)}, as in the evaluated run")
    size = architecture(base, settings["trust_remote_code"])
    steps = _steps(settings, base, rows, template) if "training.epochs" in names else 0.0
    found = with_recipe(settings, size, steps)
    return Resolved(found, names, _why(_values(found, names), size, math.ceil(steps)))


def with_recipe(settings: dict[str, Any], size: Architecture, steps: float) -> dict[str, Any]:
    """Settings of a run with numbers in the place of `auto`; `steps` are the optimizer steps of an epoch."""
    of_size = next(one for one in _RECIPES if size.parameters < one.below)
    enough = math.ceil(_LEAST_STEPS / max(steps, _LEAST_STEPS / _MOST_EPOCHS))
    rate = of_size.full_rate if settings["method"] == "full" else of_size.rate
    training = {"learning_rate": rate, "epochs": max(of_size.epochs, enough)}
    return _with(settings, {"lora": {"r": of_size.r}, "training": training})


def _with(settings: dict[str, Any], numbers: Mapping[str, Any]) -> dict[str, Any]:
    found = deepcopy(settings)
    for section, key in _KEYS:
        if found[section][key] == _AUTO:
            found[section][key] = numbers[section][key]
    return found


def _automatic(settings: Mapping[str, Any]) -> list[str]:
    sections = ("training",) if settings["method"] == "full" else ("lora", "training")
    keys = (pair for pair in _KEYS if pair[0] in sections)
    return [f"{section}.{key}" for section, key in keys if settings[section][key] == _AUTO]


def _steps(settings: Mapping[str, Any], base: Path, rows: Path, template: str | None) -> float:
    """Optimizer steps of an epoch: rows by rows a step, or where a step counts tokens, tokens by those."""
    training = settings["training"]
    if not training["effective_tokens"]:
        with rows.open("rb") as lines:
            return sum(1 for _ in lines) / training["effective_batch"]
    tokenizer = load_tokenizer(base, settings["trust_remote_code"], template)
    kind = prompt_kind(settings["prompt"]["template"], tokenizer)
    return token_count(read_texts(rows), tokenizer, kind) / training["effective_tokens"]


def _why(values: str, size: Architecture, steps: int) -> str:
    """Why these values were chosen; `steps` are 0 where epochs are not among them."""
    millions = f"{size.parameters / 1e6:,.0f} million parameters"
    if not steps:
        return f"auto: {values} ({millions})"
    return f"auto: {values} ({millions}; steps an epoch: {steps:,}, in all at least {_LEAST_STEPS})"


def _values(settings: Mapping[str, Any], names: list[str]) -> str:
    """Names and numbers as YAML reads them: 0.00002, not 2e-05."""
    pairs = ((name, *name.split(".")) for name in names)
    return ", ".join(
        f"{name} {settings[section][key]:.8f}".rstrip("0").rstrip(".") for name, section, key in pairs
    )
