"""Trainings as the report shows them: a run's, and that of its final model with its memory check."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from qaloom.config.settings import Settings, typed
from qaloom.evaluate.memory_figures import MemoryCheck
from qaloom.files import read_json, read_lines


@dataclass(frozen=True)
class Training:
    """A training as the report shows it: its plan and why, measurements, and the history of its losses."""

    why: list[str]
    plan: dict[str, Any]
    measured: dict[str, Any]
    history: list[dict[str, Any]]

    @property
    def losses(self) -> list[dict[str, Any]]:
        """Entries of the history with a training loss."""
        return [one for one in self.history if one.get("loss") is not None]

    @property
    def validated(self) -> bool:
        """Whether a validation loss was measured."""
        return any("eval_loss" in one for one in self.history)


@dataclass(frozen=True)
class FinalModel:
    """A run's final model: how it was trained, and what it remembers of that."""

    training: Training
    memory: MemoryCheck


def training_of(folder: Path) -> Training:
    """The training of a run's folder; empty where there is none."""
    plan, measured = _json(folder / "plan.json"), _json(folder / "metrics.json")
    plan.pop("candidates", None)  # `why` tells how they compare
    history = folder / "history.jsonl"
    lines = read_lines(history) if history.exists() else []
    return Training(plan.pop("why", []), plan, measured, lines)


def final_model(results: Path, run: str, config: dict[str, Any]) -> FinalModel | None:
    """The final model that the configuration asks for or, without a configuration, the one that is there."""
    path = results / "memory_check" / run / "metrics.json"
    wanted = typed(config, Settings).has_final(run) if "runs" in config else True
    if not wanted or not path.exists():
        return None
    memory = msgspec.json.decode(path.read_bytes(), type=MemoryCheck)
    return FinalModel(training_of(results / "final" / run), memory)


def _json(path: Path) -> dict[str, Any]:
    return read_json(path) if path.exists() else {}
