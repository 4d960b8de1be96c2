"""Gather a run's exports once each is proven to answer as the tuned model does, and say what they are."""

import os
import shutil
from pathlib import Path
from typing import Any

from qaloom.console import bar, say
from qaloom.errors import QALoomError
from qaloom.export.parity_verdict import parity_failures, parity_summary
from qaloom.files import digest, file_digest, read_json, write_json, write_text
from qaloom.formats import FORMATS

_EXPORTS = """
## Exports

Each was asked held-out questions again in its own runtime and compared with the tuned model as it was
trained. `manifest.json` holds the size and digest of every file.

| export | size | asked through | identical answers | exact match, tuned to export | prompts tokenised alike |
| --- | ---: | --- | ---: | ---: | ---: |"""


class ParityError(QALoomError):
    """An export does not answer as the tuned model does."""


def export(
    run: str, converted: dict[str, Path], parities: dict[str, Path], card: Path, base: Path, out: Path,
    max_drop: float,
) -> dict[str, Any]:  # fmt: skip
    """Bring the folders in `converted`, by format, to `out`, with the model card and, last, a manifest.

    `parities` are the results of `qaloom.export.parity`, by format. Formats that are no longer asked for are taken
    away. Raises ParityError, and leaves `out` as it was but for the manifest, when one does not answer as
    trained.
    """
    (out / "manifest.json").unlink(missing_ok=True)
    found = {kind: read_json(path) for kind, path in parities.items()}
    _judge(run, found, max_drop)
    for kind in FORMATS:
        shutil.rmtree(out / kind, ignore_errors=True)
    for kind, folder in converted.items():
        shutil.copytree(folder, out / kind, copy_function=_link, ignore=shutil.ignore_patterns(".*"))
    files = _files(out, list(converted))
    origin = read_json(base / "manifest.json")
    _card(card, found, files, out / "README.md")
    manifest = {
        "run": run,
        "base_model": {
            key: origin[key] for key in ("origin", "revision", "licence", "sha256") if key in origin
        },
        "formats": list(converted),
        "parity": found,
        "files": files,
        "sha256": digest({name: file["sha256"] for name, file in files.items()}),
    }
    write_json(out / "manifest.json", manifest)
    total = sum(file["bytes"] for file in files.values())
    say(f"export: {run}: {', '.join(converted)} in {out} ({total / 1e6:,.0f} MB)")
    return manifest


def _judge(run: str, found: dict[str, dict[str, Any]], max_drop: float) -> None:
    wrong = {kind: parity_failures(one, max_drop) for kind, one in found.items()}
    for one in found.values():
        say(f"export: {run}: {parity_summary(one)}")
    if any(wrong.values()):
        told = "; ".join(f"{kind}: {' and '.join(why)}" for kind, why in wrong.items() if why)
        raise ParityError(f"{run} is not exported, since it does not answer as trained: {told}")


def _link(source: str, target: str) -> str:
    """Give a file a second name, or copy it where the disk has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _files(out: Path, formats: list[str]) -> dict[str, dict[str, Any]]:
    paths = [path for kind in formats for path in sorted((out / kind).rglob("*")) if path.is_file()]
    files = {}
    with bar("export: checking files", len(paths), "files") as advance:
        for done, path in enumerate(paths, 1):
            size, name = path.stat().st_size, path.relative_to(out).as_posix()
            files[name] = {"bytes": size, "sha256": file_digest(path)}
            advance(done)
    return files


def _card(card: Path, found: dict[str, Any], files: dict[str, Any], out: Path) -> None:
    """The run's model card, and in it what is here and how each export compares to the tuned model."""
    text = card.read_text("utf-8").rstrip()
    if "merged" in found:
        text = text.replace("library_name: peft", "library_name: transformers", 1)
    rows = [_row(one, files) for one in found.values()]
    write_text(out, "\n".join([text, _EXPORTS, *rows]) + "\n")


def _row(one: dict[str, Any], files: dict[str, Any]) -> str:
    score, prompts, kind = one["exact_match"], one["prompts"], one["format"]
    exact = f"{score['tuned']:.2f} to {score['export']:.2f}" if one["n"] else "not asked"
    size = sum(file["bytes"] for name, file in files.items() if name.startswith(f"{kind}/")) / 1e6
    return (
        f"| `{kind}` | {size:,.1f} MB | {one['runtime']} | {one['same']} of {one['n']} | {exact} | "
        f"{prompts['same']} of {prompts['n']} |"
    )
