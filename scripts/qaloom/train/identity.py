"""Identity of a trained run: digests of all that decides it, and the manifest that names them."""

from pathlib import Path
from typing import Any

from msgspec import Struct

from qaloom.code_digest import code_digest
from qaloom.files import digest, file_digest, read_document
from qaloom.train.document_questions import DOCUMENT_QUESTIONS
from qaloom.train.keep_prompts import prompts_digest
from qaloom.trained_run import base_manifest

_INDEX = "model.safetensors.index.json"
_WEIGHTS = ("adapter_model.safetensors", "model.safetensors", _INDEX)


class _WeightIndex(Struct):
    """The index of weights in several files: the file of each."""

    weight_map: dict[str, str]


class Identity(Struct, frozen=True, kw_only=True):
    """Digests of all that decides the adapter, and the settings that do, as the plain dict that is hashed.

    A Struct would turn `dropout: 0` into 0.0, and train anew.
    """

    rows: str
    base: str
    settings: dict[str, Any]
    start: str | None
    template: str | None = None  # digest of a prompt template of one's own
    keep: str | None = None  # digest of the general prompts that the base is kept on
    abstain: str | None = None  # digest of the questions without an answer that are taught
    code: str


class Manifest(Identity, frozen=True, kw_only=True):
    """manifest.json of a trained run: what decided it, and the digests of the adapter and of each file."""

    prompt: str
    system: str = ""  # the system message of questions that have none of their own
    adapter: str
    versions: dict[str, str]
    files: dict[str, str]
    automatic: list[str] = []  # settings whose numbers the recipe chose


def identity_of(
    rows: Path,
    base: Path,
    settings: dict[str, Any],
    start: Path | None,
    template: str | None = None,
    look_alikes: Path | None = None,
) -> Identity:
    """All that decides the adapter: not how this machine gets there (plan, threads, GPUs), nor a tracker.

    Nor whether a final model is trained, too: its rows are all in which it differs.

    Models count by content: neither a folder that was moved nor a run that was renamed is a change.
    """
    named, training = ("base_model", "start_from", "final"), dict(settings["training"])
    del training["report_to"], training["measure"], training["graphs"]
    for name, amount in (("keep", "strength"), ("abstain", "share")):
        if not training[name][amount]:
            del training[name]
    if not training.get("context_share"):
        training.pop("context_share", None)
    if not training["validation_fraction"]:
        del training["save_steps"]  # which decides which checkpoint is the best, and nothing else
    return Identity(
        rows=file_digest(rows),
        base=base_manifest(base).sha256,
        settings={key: value for key, value in settings.items() if key not in named} | {"training": training},
        start=weights_digest(start) if start else None,
        template=digest(template) if template is not None else None,
        keep=prompts_digest(settings),
        abstain=digest([file_digest(look_alikes), file_digest(DOCUMENT_QUESTIONS)]) if look_alikes else None,
        code=code_digest(Path(__file__).with_name("stage.py")),
    )


def weights_digest(folder: Path) -> str:
    """sha256 of the weights that were trained: of their file, or over those of the files that an index names."""
    name = next(name for name in _WEIGHTS if (folder / name).is_file())
    if name != _INDEX:
        return file_digest(folder / name)
    parts = sorted(set(read_document(folder / name, _WeightIndex).weight_map.values()))
    return digest({part: file_digest(folder / part) for part in parts})
