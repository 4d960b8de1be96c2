"""Publication of a run's proven exports, when asked for: to a folder, or to a Hugging Face hub repository."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from qaloom.console import bar, job, say
from qaloom.errors import DataError, ModelError, QALoomError, first_line
from qaloom.export.parity_verdict import ExportManifest
from qaloom.files import file_digest, read_document


class PublishError(QALoomError):
    """The exports cannot be brought to where they should go."""


def publish(export: Path, to: str, public: bool = False) -> str:
    """Bring the folder `export` to `to`, a folder or hub:ORG/NAME; return where it is now.

    A new hub repository is private unless `public`. Raises ModelError when the folder is no whole export,
    PublishError when the place cannot be written to.
    """
    manifest = _checked(export)
    if to.startswith("hub:"):
        return _to_hub(export, to.removeprefix("hub:"), manifest, public)
    if not to or ":" in to.partition("/")[0]:
        raise PublishError(f"{to}: this is no place to publish to; name a folder, or hub:ORG/NAME")
    return _to_folder(export, Path(to), manifest)


def _checked(export: Path) -> ExportManifest:
    """The manifest of an export whose files are all as they were when they were proven."""
    if not (export / "manifest.json").is_file():
        raise ModelError(f"{export} holds no proven export; set export.formats and run the workflow first")
    manifest = _manifest(export)
    with bar("publish: checking files", len(manifest.files), "files") as advance:
        for done, (name, file) in enumerate(manifest.files.items(), 1):
            if not (export / name).is_file() or file_digest(export / name) != file.sha256:
                raise ModelError(
                    f"{export / name} is not the file that was proven; remove {export / 'manifest.json'} and "
                    "run the workflow again"
                )
            advance(done)
    return manifest


def _manifest(folder: Path) -> ExportManifest:
    return read_document(folder / "manifest.json", ExportManifest)


def _names(manifest: ExportManifest) -> list[str]:
    """The files to publish: the proven ones and, last, card and manifest."""
    return [*manifest.files, "README.md", "manifest.json"]


def _to_folder(export: Path, folder: Path, manifest: ExportManifest) -> str:
    if folder.resolve() == export.resolve():
        raise PublishError(f"{folder} is the export itself; name another folder")
    for former in set(_published(folder)) - set(_names(manifest)):
        (folder / former).unlink(missing_ok=True)
    for name in _names(manifest):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(export / name, part)
        part.replace(target)
    say(f"publish: {manifest.run} is in {folder}")
    return str(folder)


def _published(folder: Path) -> list[str]:
    """The files that an earlier call published to a folder. Raises PublishError when it holds others."""
    if not folder.exists() or not any(folder.iterdir()):
        return []
    with suppress(OSError, DataError):
        names = _names(_manifest(folder))
        if all((folder / name).resolve().is_relative_to(folder.resolve()) for name in names):
            return names
    raise PublishError(f"{folder} holds other files; name a new folder, or one published to before")


def _to_hub(export: Path, repository: str, manifest: ExportManifest, public: bool) -> str:
    os.environ.pop("HF_HUB_OFFLINE", None)  # the user asked: this call goes out
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub import errors as hub

    api = HfApi()
    say(f"publish: sending {manifest.run} to hub:{repository}, {'public' if public else 'private if new'}")
    try:
        where = api.create_repo(repository, private=not public, exist_ok=True)
        api.upload_folder(
            repo_id=where.repo_id, folder_path=export, allow_patterns=_names(manifest),
            commit_message=f"{manifest.run}: {', '.join(manifest.formats)}",
        )  # fmt: skip
    except hub.HFValidationError:
        raise PublishError(f"hub:{repository} is not a name the hub could know; write hub:ORG/NAME") from None
    except (OSError, httpx.HTTPError, hub.HfHubHTTPError) as error:
        raise PublishError(
            f"hub:{repository} cannot be written to ({first_line(error)}); export HF_TOKEN with a token that "
            "may write there"
        ) from None
    say(f"publish: {manifest.run} is at {where}")
    return str(where)


def command(
    export: Annotated[Path, typer.Argument(help="an export, such as results/export/demo")],
    to: Annotated[str, typer.Argument(help="a folder, or hub:ORG/NAME")],
    public: Annotated[bool, typer.Option(help="let everyone read a new hub repository")] = False,
) -> None:
    """Publish a proven export."""
    publish(export, to, public)


if __name__ == "__main__":
    with job():
        typer.run(command)
