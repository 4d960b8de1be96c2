"""A trained run's folder (manifest, plan, adapter) and a base model's manifest, read in one place."""

from pathlib import Path
from typing import Any

import msgspec

from qaloom.commands import command_line
from qaloom.errors import ModelError
from qaloom.files import VOUCHER, changed_file, damaged_file, read_document


class BaseOrigin(msgspec.Struct, kw_only=True):
    """Where a base model came from, and what it is."""

    origin: str  # embedded:NAME, hub:ORG/NAME[@REVISION] or path:FOLDER
    revision: str | None = None
    licence: str | None = None
    sha256: str  # over the digests of all files


class BaseManifest(BaseOrigin, kw_only=True):
    """`results/base_model/NAME/manifest.json`."""

    files: dict[str, str] = {}  # sha256 by file name


def folder_of_base(reference: str, models: Path) -> Path:
    """The folder of a model among those of base_model, `models`. Raises ModelError when it is not there."""
    for file in sorted(models.glob("*/manifest.json")):
        if read_document(file, BaseOrigin).origin == reference:
            return file.parent
    raise ModelError(f"{reference} is not in {models}; run python -m qaloom.base_model {reference}")


class RunManifest(msgspec.Struct):
    """`results/train/RUN/manifest.json`: what decided the run, and digests of what came of it."""

    prompt: str  # chat or plain
    adapter: str  # sha256 of the weights that were trained
    base: str  # sha256 of the base model
    settings: dict[str, Any]  # of the run, as the configuration had them
    template: str | None = None  # digest of the prompt template, where it is one of the run's own
    system: str = ""  # the system message of questions that have none of their own
    rows: str = ""  # sha256 of the training rows
    code: str = ""  # digest of the code that trained it
    files: dict[str, str] = {}  # sha256 by file name


class AdapterConfig(msgspec.Struct):
    """Fields read of PEFT's adapter_config.json."""

    base_model_name_or_path: str
    r: int = 8  # PEFT's default
    bias: str = "none"
    modules_to_save: list[str] | None = None


class _UsedPlan(msgspec.Struct):
    """Fields read of plan.json."""

    precision: str


class TrainedRun:
    """A run's folder: an adapter, or after `method: full` a whole model.

    Raises ModelError when there is no trained run in it or a file is not the one that was trained, DataError when
    its manifest is damaged.
    """

    def __init__(self, folder: Path):
        if not (folder / "manifest.json").is_file():
            raise ModelError(
                f"{folder} holds no trained run; name a run, or its folder, such as results/train/demo "
                f"(after {command_line('run')})"
            )
        self.folder = folder
        self.manifest = read_document(folder / "manifest.json", RunManifest)
        _check_files(folder, self.manifest.files)

    @property
    def prompt(self) -> str:
        """The kind of prompt that it was trained on: chat or plain."""
        return self.manifest.prompt

    @property
    def system(self) -> str:
        """The system message of questions that have none of their own; empty where there is none."""
        return self.manifest.system

    @property
    def is_final(self) -> bool:
        """Whether it is a final model, trained on the rows that were held out, too."""
        return self.folder.parent.name == "final"

    @property
    def code_allowed(self) -> bool:
        """Whether Python code that the model brings may run (`trust_remote_code`)."""
        return self.manifest.settings.get("trust_remote_code") is True

    @property
    def precision(self) -> str:
        """The precision that it was trained in: 32bit, 16bit, 8bit or 4bit."""
        return read_document(self.folder / "plan.json", _UsedPlan).precision

    @property
    def is_full_model(self) -> bool:
        """Whether it is a whole model (`method: full`), not an adapter."""
        return is_full_model(self.folder)

    @property
    def base_model(self) -> Path:
        """The folder of the base model, from the project's folder, as the adapter names it."""
        return Path(self.adapter_config.base_model_name_or_path)

    @property
    def changes_base(self) -> bool:
        """Whether more than low-rank matrices were trained: biases (which no adapter can turn off), whole layers."""
        if self.is_full_model:
            return False
        return self.adapter_config.bias != "none" or bool(self.adapter_config.modules_to_save)

    @property
    def adapter_config(self) -> AdapterConfig:
        """PEFT's settings of the adapter."""
        return read_document(self.folder / "adapter_config.json", AdapterConfig)


def is_full_model(folder: Path) -> bool:
    """Whether a folder holds a whole model, not an adapter."""
    return (folder / "config.json").is_file()


def base_manifest(folder: Path) -> BaseManifest:
    """The manifest of a base model's folder.

    Raises DataError when it is damaged, ModelError when a file that it names is.
    """
    manifest = read_document(folder / "manifest.json", BaseManifest)
    _check_files(folder, manifest.files)
    return manifest


def check_converted(folder: Path) -> None:
    """Raise ModelError when a file of a converted format is not as it was written."""
    if (folder / VOUCHER).is_file() and (damaged := damaged_file(folder)):
        raise ModelError(
            f"{folder / damaged} is not as it was written: it was changed, damaged or lost. Remove {folder} and run "
            "the workflow again, which converts it anew"
        )


def _check_files(folder: Path, files: dict[str, str]) -> None:
    if changed := changed_file(folder, files):
        raise ModelError(
            f"{folder / changed} is not the file that {folder / 'manifest.json'} names: it was changed, damaged or "
            "lost. Remove that manifest and run the workflow again, which brings it anew"
        )
