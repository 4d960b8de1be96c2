"""Exports of a run, gathered once each is proven to answer as the tuned model does, with card and manifest."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from msgspec import to_builtins

from qaloom.console import bar, say_outcome
from qaloom.errors import QALoomError
from qaloom.evaluate.memory_figures import MemoryCheck, memory_summary
from qaloom.export.parity_verdict import (
    ExportedFile,
    ExportManifest,
    ParityResult,
    parity_failures,
    parity_summary,
)
from qaloom.files import digest, file_digest, flush_folder, read_document, write_json, write_text
from qaloom.formats import FORMATS
from qaloom.trained_run import BaseOrigin, TrainedRun, check_converted

_EXPORTS = """
## Exports

Each was asked questions again in its own runtime and compared with the tuned model as it was trained.
`manifest.json` holds the size and digest of every file.

| export | size | asked through | identical answers | exact match, tuned to export | prompts tokenised alike |
| --- | ---: | --- | ---: | ---: | ---: |"""


_FINAL = """
**The scores below are not this model's own, but its held-out twin's.** This model (adapter `{adapter}`) was trained
on all {rows:,} rows, its twin (adapter `{twin}`) by the same recipe on {twin_rows:,} of them, so that the others could
test it. As a check that this model was taught them: {memory}.
"""
_RESULTS, _TWINS_RESULTS = "name: held-out questions (", "name: held-out questions to its twin ("


class ParityError(QALoomError):
    """An export does not answer as the tuned model does."""


class RunRecords(NamedTuple):
    """An export's description of its run: model card, folders of base model and evaluated run, and its memory check.

    `memory` is metrics.json of the final model that is exported, None where the evaluated one is.
    """

    card: Path
    base: Path
    evaluated: Path
    memory: Path | None


def export(
    run: str, converted: dict[str, Path], parities: dict[str, Path], about: RunRecords, out: Path, max_drop: float
) -> ExportManifest:  # fmt: skip
    """Bring the folders in `converted`, by format, to `out`, with the model card and, last, a manifest.

    `parities` are the results of `qaloom.export.parity`, by format. Formats that are no longer asked for are
    removed. Raises ParityError, and leaves `out` as it was but for the manifest, when one does not answer as
    trained.
    """
    (out / "manifest.json").unlink(missing_ok=True)
    results = {kind: read_document(path, ParityResult) for kind, path in parities.items()}
    _check_parity(run, results, max_drop)
    for folder in converted.values():
        check_converted(folder)
    for kind in FORMATS:
        shutil.rmtree(out / kind, ignore_errors=True)
    for kind, folder in converted.items():
        shutil.copytree(folder, out / kind, copy_function=_link, ignore=shutil.ignore_patterns(".*"))
    files, evaluated = _files(out, list(converted)), TrainedRun(about.evaluated).manifest.adapter
    final = read_document(about.memory, MemoryCheck) if about.memory else None
    _write_card(about.card, final, results, files, out / "README.md")
    flush_folder(out)
    manifest = ExportManifest(
        run=run,
        base_model=read_document(about.base / "manifest.json", BaseOrigin),
        formats=list(converted),
        parity=results,
        files=files,
        sha256=digest({name: file.sha256 for name, file in files.items()}),
        adapter=final.adapter if final else evaluated,
        evaluated_adapter=evaluated,
        final=final,
    )
    write_json(out / "manifest.json", to_builtins(manifest))
    total = sum(file.bytes for file in files.values())
    say_outcome(f"export: {run}: {', '.join(converted)} in {out} ({total / 1e6:,.0f} MB)")
    return manifest


def _check_parity(run: str, results: dict[str, ParityResult], max_drop: float) -> None:
    failures = {kind: parity_failures(result, max_drop) for kind, result in results.items()}
    for result in results.values():
        say_outcome(f"export: {run}: {parity_summary(result)}")
    if any(failures.values()):
        text = "; ".join(f"{kind}: {' and '.join(why)}" for kind, why in failures.items() if why)
        raise ParityError(f"{run} is not exported, since it does not answer as trained: {text}")


def _link(source: str, target: str) -> str:
    """Hard-link a file, or copy it where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _files(out: Path, formats: list[str]) -> dict[str, ExportedFile]:
    paths = [path for kind in formats for path in sorted((out / kind).rglob("*")) if path.is_file()]
    files = {}
    with bar("export: checking files", len(paths), "files") as advance:
        for done, path in enumerate(paths, 1):
            size, name = path.stat().st_size, path.relative_to(out).as_posix()
            files[name] = ExportedFile(size, file_digest(path))
            advance(done)
    return files


def _write_card(
    card: Path,
    final: MemoryCheck | None,
    results: dict[str, ParityResult],
    files: dict[str, ExportedFile],
    out: Path,
) -> None:
    """Write the run's model card, with a table of the exports and how each compares to the tuned model."""
    text = card.read_text("utf-8").rstrip()
    if final and not final.is_its_twin:
        text = _with_final_note(text, final)
    if "merged" in results:
        text = text.replace("library_name: peft", "library_name: transformers", 1)
    rows = [_row(result, files) for result in results.values()]
    write_text(out, "\n".join([text, _EXPORTS, *rows]) + "\n")


def _with_final_note(card: str, final: MemoryCheck) -> str:
    """The evaluated model's card for its final model, which stands before the first section."""
    before, section, after = card.replace(_RESULTS, _TWINS_RESULTS).partition("\n## ")
    note = _FINAL.format(
        adapter=final.adapter[:16],
        twin=final.evaluated_adapter[:16],
        rows=final.rows,
        twin_rows=final.evaluated_rows,
        memory=memory_summary(final),
    )
    return f"{before}{note}{section}{after}"


def _row(result: ParityResult, files: dict[str, ExportedFile]) -> str:
    score, prompts, kind = result.exact_match, result.prompts, result.format
    exact = f"{score.tuned:.2f} to {score.export:.2f}" if result.n else "not asked"
    size = sum(file.bytes for name, file in files.items() if name.startswith(f"{kind}/")) / 1e6
    return (
        f"| `{kind}` | {size:,.1f} MB | {result.runtime} | {result.same} of {result.n} | {exact} | "
        f"{prompts.same} of {prompts.n} |"
    )
