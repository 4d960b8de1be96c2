"""The model of a run that people use: the final one, where it fits the project as it is, else the evaluated one."""

from pathlib import Path

from qaloom.console import say
from qaloom.files import read_document
from qaloom.records import SplitManifest
from qaloom.trained_run import TrainedRun


def chosen_model(project: Path, name: str) -> TrainedRun:
    """The final model of a project's run, or the model that was evaluated, with a line that says which.

    A final model of other settings, another base model or other rows than the project has now is left aside.
    Raises ModelError when there is no such run.
    """
    evaluated, folder = TrainedRun(project / "results/train" / name), project / "results/final" / name
    if not (folder / "manifest.json").is_file():
        if more := _rows_held_out(project):
            say(
                f"{name}: this model was not taught the {more:,} rows that were held out to evaluate it; for one "
                f"that is, write runs.{name}.final: true and run the workflow"
            )
        return evaluated
    final = TrainedRun(folder)
    if not _fits(final, evaluated, project):
        say(
            f"{name}: {folder} is of other rows or settings than the project has now, so the evaluated model "
            f"answers; write runs.{name}.final: true and run the workflow"
        )
        return evaluated
    if final.manifest.adapter != evaluated.manifest.adapter:
        say(f"{name}: the final model, trained on all rows; the report's scores are its held-out twin's")
    return final


def _fits(final: TrainedRun, evaluated: TrainedRun, project: Path) -> bool:
    one, other = final.manifest, evaluated.manifest
    same = (one.base, one.settings, one.code) == (other.base, other.settings, other.code)
    split = _split_manifest(project)
    return same and (not (split and split.final) or split.final.sha256 in ("", one.rows))


def _rows_held_out(project: Path) -> int:
    """Number of rows that a final model would be trained on and the evaluated one was not."""
    split = _split_manifest(project)
    return split.final.rows - split.train.rows if split and split.final else 0


def _split_manifest(project: Path) -> SplitManifest | None:
    path = project / "results/split/manifest.json"
    return read_document(path, SplitManifest) if path.is_file() else None
