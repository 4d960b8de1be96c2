"""Trainings as the report shows them: a run's, and that of its final model with its memory check."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qaloom.config.settings import Settings, typed
from qaloom.evaluate.memory_figures import MemoryCheck
from qaloom.files import read_document, read_lines, read_values
from qaloom.report.documents import HistoryEntry, ShownMeasurements, ShownPlan


@dataclass(frozen=True)
class Training:
    """A training as the report shows it: its plan and why, measurements, and the history of its losses."""

    why: list[str]
    plan: dict[str, Any]
    measured: dict[str, Any]
    history: list[HistoryEntry]

    @property
    def losses(self) -> list[HistoryEntry]:
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
    plan = _values(folder / "plan.json", ShownPlan)
    measured = _values(folder / "metrics.json", ShownMeasurements)
    plan.pop("candidates", None)  # `why` tells how they compare
    history = folder / "history.jsonl"
    lines = read_lines(history, HistoryEntry) if history.exists() else []
    return Training(plan.pop("why", []), plan, measured, lines)


def final_model(results: Path, run: str, config: dict[str, Any]) -> FinalModel | None:
    """The final model that the configuration asks for or, without a configuration, the one that is there."""
    path = results / "memory_check" / run / "metrics.json"
    wanted = typed(config, Settings).has_final(run) if "runs" in config else True
    if not wanted or not path.exists():
        return None
    return FinalModel(training_of(results / "final" / run), read_document(path, MemoryCheck))


def _values(path: Path, kind: type) -> dict[str, Any]:
    return read_values(path, kind) if path.exists() else {}
