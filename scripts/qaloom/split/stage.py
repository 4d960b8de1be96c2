"""Split: the rows to train on, and two held-out parts.

`recall` asks for trained facts in wordings that are not trained. `unseen` keeps facts (or documents) out
whole.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from qaloom.config.settings import SplitSettings, typed
from qaloom.console import say
from qaloom.errors import DataError
from qaloom.files import file_digest, read_lines, write_json, write_lines
from qaloom.records import Placement, Row
from qaloom.split.leak_audit import audit
from qaloom.split.placement import (
    ComparisonKeys,
    Wording,
    by_origin,
    choose_sides,
    hold_out_wordings,
    place_paraphrases,
    set_aside_touching,
    to_wording,
)
from qaloom.split.probes import make_probes

PARTS = ("train", "recall", "unseen")


class Part(msgspec.Struct):
    """One of the three files: how many rows, by origin, and the file's sha256."""

    rows: int
    origins: dict[str, int]
    sha256: str


class SplitManifest(msgspec.Struct):
    """Counts and digests; nothing of where rows came from, so that moving a source changes nothing."""

    train: Part
    recall: Part
    unseen: Part
    facts: dict[str, int]
    set_aside: dict[str, int]
    notes: list[str]


def split(rows: Path, clusters: Path, out: Path, settings: dict[str, Any], threshold: float) -> SplitManifest:
    """Split the rows of a file into train, recall and unseen in the folder `out`; return the manifest.

    `clusters` holds {id, cluster}: questions that are near-equal, transitively, at `threshold` or coarser.
    `settings` is the `split` section of a configuration. Raises DataError when nothing is left to train
    on, LeakError when the audit of the written files finds a leak; no manifest is written then.
    """
    (out / "manifest.json").unlink(missing_ok=True)
    chosen, key = typed(settings, SplitSettings), ComparisonKeys()
    wordings = [to_wording(row, key) for row in read_lines(rows, Row)]
    cluster = {line["id"]: line["cluster"] for line in read_lines(clusters)}
    placed, notes = _placed(wordings, cluster, chosen, threshold, key)
    notes += _notes(placed, chosen)
    _write_parts(out, placed)
    audit(out, threshold, chosen.by, key)
    manifest = _manifest(out, placed, notes)
    write_json(out / "manifest.json", msgspec.to_builtins(manifest))
    say(_summary(manifest))
    return manifest


def _placed(
    wordings: Sequence[Wording],
    cluster: dict[str, str],
    settings: SplitSettings,
    threshold: float,
    key: ComparisonKeys,
) -> tuple[list[Wording], list[str]]:
    """Every row and probe in its place, sorted by id; notes on what could not be had."""
    data, made = by_origin(wordings)
    notes = choose_sides(data, settings)
    taught = [w for w in data if w.side == "train"]
    hold_out_wordings(taught, cluster, settings)
    set_aside_touching([w for w in data if w.side == "unseen"], taught, cluster, threshold)
    probes = make_probes(taught, cluster, settings, threshold, key)
    probe_ids = {w.row.id for w in probes}
    made = [w for w in made if w.row.id not in probe_ids]  # a paraphrase that became the probe
    place_paraphrases(made, data, probes, threshold)
    return sorted([*data, *probes, *made], key=lambda w: w.row.id), notes


def _write_parts(out: Path, placed: Sequence[Wording]) -> None:
    for part in PARTS:
        write_lines(out / f"{part}.jsonl", (_text(w.row) for w in placed if w.split == part))
    write_lines(out / "placement.jsonl", map(_placement, placed))
    if not any(w.split == "train" for w in placed):
        raise DataError(
            "split: no row is left to train on; with so few facts set split.unseen_fraction to 0, or add rows"
        )


def _text(row: Row) -> dict[str, str]:
    return {"id": row.id, "instruction": row.instruction, "input": row.input, "output": row.output}


def _placement(wording: Wording) -> Placement:
    row = wording.row
    fact = hashlib.sha256(wording.answer.encode()).hexdigest()[:16]
    return Placement(
        row.id, wording.split, wording.why, row.origin, fact,
        row.group, row.source, row.line, wording.near, row.parent,
    )  # fmt: skip


def _notes(placed: Sequence[Wording], settings: SplitSettings) -> list[str]:
    """Notes on parts that are empty or not as configured."""
    parts = Counter(w.split for w in placed)
    notes = []
    if settings.unseen_fraction and not parts["unseen"]:
        notes.append(
            "unseen is empty: nothing hashed below split.unseen_fraction, or all of it touches train; "
            "recall alone is measured"
        )
    if settings.recall_fraction and not parts["recall"]:
        notes.append(
            "recall is empty: no fact has a wording to spare and no rule makes one; unseen alone is measured"
        )
    single = [w for w in placed if w.why == "probe"]
    if single:
        notes.append(
            f"{len(single):,} facts with a single wording are asked for by a rule-made probe (origin rule)"
        )
    kept = sum(w.why == "last_wording" for w in placed)
    if kept:
        notes.append(f"{kept:,} wordings hashed to recall stay in train, as their fact has no other there")
    return notes


def _manifest(out: Path, placed: Sequence[Wording], notes: list[str]) -> SplitManifest:
    facts = {part: len({w.answer for w in placed if w.split == part}) for part in PARTS}
    set_aside = dict(sorted(Counter(w.why for w in placed if w.split == "aside").items()))
    train, recall, unseen = (_part(out, placed, part) for part in PARTS)
    return SplitManifest(train, recall, unseen, facts, set_aside, notes)


def _part(out: Path, placed: Sequence[Wording], name: str) -> Part:
    origins = Counter(w.row.origin for w in placed if w.split == name)
    return Part(origins.total(), dict(sorted(origins.items())), file_digest(out / f"{name}.jsonl"))


def _summary(manifest: SplitManifest) -> str:
    parts = ", ".join(f"{getattr(manifest, part).rows:,} {part}" for part in PARTS)
    aside = manifest.set_aside
    reasons = f" ({', '.join(aside)})" if aside else ""
    return f"split: {parts}, {sum(aside.values()):,} set aside{reasons}; audit found no leak"
