"""Split: the rows to train on, and two held-out parts.

`recall` asks for trained facts in wordings that are not trained. `unseen` holds facts (or documents) that
nothing in train gives away. Every row is in one of the three. `lookalike` holds questions that ask for nothing
that is known: trained ones with another name, number or code put in. `final` holds what a final model is
trained on: every row but the probes, which it can be asked, too.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from qaloom.config.settings import SplitSettings, typed
from qaloom.console import say, say_outcome
from qaloom.errors import DataError
from qaloom.files import each_line, file_digest, uncollected, write_json, write_lines
from qaloom.inference.embeddings import Embedder
from qaloom.records import (
    Clustered,
    FactCounts,
    Part,
    Placement,
    SplitManifest,
    check_handed_over,
    read_rows,
    write_vouched,
)
from qaloom.split.expectation import note_on_single_wordings
from qaloom.split.facts import Comparison
from qaloom.split.forms import place_forms
from qaloom.split.leak_audit import Known, audit
from qaloom.split.lookalike_rows import MOST_TAUGHT, in_turn, make_look_alikes, mentioned_in
from qaloom.split.meaning import languages_note
from qaloom.split.notes import notes_on
from qaloom.split.placement import (
    Wording,
    choose_sides,
    find_facts,
    mark_light,
    place_data,
    place_paraphrases,
)
from qaloom.split.probes import KEPT_FOR_ASKING, make_probes

PARTS = ("train", "recall", "unseen")


@uncollected()
def split(
    rows: Path,
    clusters: Path,
    out: Path,
    settings: dict[str, Any],
    threshold: float,
    embedder: Embedder | None = None,
) -> SplitManifest:
    """Split the rows of a file into train, recall and unseen in the folder `out`; return the manifest.

    `clusters` tells which questions are near-equal, transitively, at `threshold` or coarser, and the comparison keys
    that dedup made. With an `embedder` facts are linked across wordings and languages, too.
    `settings` is the `split` section of a configuration. Raises DataError when nothing is left to train
    on, LeakError when the audit of the written files finds a leak; no manifest is written then.
    """
    (out / "manifest.json").unlink(missing_ok=True)
    check_handed_over(rows, clusters)
    chosen = typed(settings, SplitSettings)
    placed, units, comparison = _placed(_read(rows, clusters), chosen, threshold, embedder)
    _write_parts(out, placed)
    look_alikes = _write_look_alikes(out, placed, comparison, chosen.seed)
    audit(out, threshold, chosen.by, Known({w.row.id: w for w in placed}, comparison), embedder)
    questions = [w for w in placed if w.row.origin != "form"]
    notes = [*notes_on(questions, units, chosen), note_on_single_wordings(placed)]
    notes += [] if embedder else languages_note(questions)
    manifest = _manifest(out, placed, look_alikes, [note for note in notes if note])
    write_json(out / "manifest.json", msgspec.to_builtins(manifest))
    for note in manifest.notes:
        say(f"split: {note}")
    say_outcome(_summary(manifest))
    return manifest


def _read(rows: Path, clusters: Path) -> list[Wording]:
    """The rows with what dedup knows of them; what many rows share stands in memory once."""
    read = read_rows(rows)
    ids = {row.id: row.id for row in read}
    known: dict[str, tuple[str | None, str | None, str]] = {}
    for line in each_line(clusters, Clustered):
        if line.id in ids:
            known[ids[line.id]] = (
                line.question or None,
                line.answer or None,
                ids.get(line.cluster, line.cluster),
            )
    return [Wording(row, *known.get(row.id, (None, None, ""))) for row in read]


def _placed(
    wordings: Sequence[Wording],
    settings: SplitSettings,
    threshold: float,
    embedder: Embedder | None,
) -> tuple[list[Wording], int, Comparison]:
    """Every row, probe and form in its place, sorted by id; the number of facts or documents; how facts compare."""
    forms = [w for w in wordings if w.row.origin == "form"]
    made = [w for w in wordings if w.row.parent and w.row.origin != "form"]
    data = [w for w in wordings if not w.row.parent]
    if not data:
        raise DataError("split: there is no row to split; see the rejected.jsonl of the stages before")
    units = choose_sides(data, settings)
    facts = find_facts(data, threshold, embedder)
    place_data(data, facts, settings)
    place_paraphrases(made, data, facts.comparison)
    probes = make_probes(data, made, settings)
    probe_ids = {w.row.id for w in probes}
    made = [w for w in made if w.row.id not in probe_ids]  # a paraphrase that became the probe
    placed = [*data, *probes, *made]
    mark_light(placed, facts.comparison)
    trained = place_forms(forms, placed, facts.comparison)
    return sorted([*placed, *trained], key=lambda w: w.row.id), units, facts.comparison


def _write_parts(out: Path, placed: Sequence[Wording]) -> None:
    for part in PARTS:
        write_lines(out / f"{part}.jsonl", (w.row.texts for w in placed if w.part == part))
    write_vouched(out / "final.jsonl", (w.row.texts for w in _taught_in_the_end(placed)))
    write_vouched(out / "placement.jsonl", map(_placement, placed))  # the manifest names no source
    if not any(w.part == "train" for w in placed):
        raise DataError(
            "split: no row is left to train on; with so few facts set split.unseen_fraction to 0, or add rows"
        )


def _write_look_alikes(out: Path, placed: Sequence[Wording], comparison: Comparison, seed: int) -> int:
    """Write the look-alike questions that are asked and those kept for training; return how many are asked."""
    mentioned, parents = mentioned_in(placed), in_turn(placed, seed)
    asked = make_look_alikes(parents, placed, comparison, seed, mentioned)
    write_vouched(out / "lookalike.jsonl", asked)
    taught = make_look_alikes(parents, placed, comparison, seed, mentioned, "training", MOST_TAUGHT)
    write_vouched(out / "lookalike_training.jsonl", taught)
    return len(asked)


def _taught_in_the_end(placed: Sequence[Wording]) -> list[Wording]:
    """Every row but those that are kept for asking, which repeat a trained question."""
    return [w for w in placed if w.why not in KEPT_FOR_ASKING]


def _placement(wording: Wording) -> Placement:
    row = wording.row
    return Placement(
        row.id, wording.part, wording.why, row.origin, wording.fact,
        row.group, row.source, row.line, wording.near, row.parent, wording.light, wording.closed,
    )  # fmt: skip


def _manifest(out: Path, placed: Sequence[Wording], look_alikes: int, notes: list[str]) -> SplitManifest:
    train, recall, unseen = (_part(out, [w for w in placed if w.part == part], part) for part in PARTS)
    final = _part(out, _taught_in_the_end(placed), "final")
    facts = FactCounts(*(len({w.fact for w in placed if w.part == part}) for part in PARTS))
    return SplitManifest(
        train=train,
        recall=recall,
        unseen=unseen,
        final=final,
        facts=facts,
        lookalike=look_alikes,
        notes=notes,
    )


def _part(out: Path, wordings: Sequence[Wording], name: str) -> Part:
    origins = Counter(w.row.origin for w in wordings)
    light = sum(w.light for w in wordings)
    return Part(len(wordings), dict(sorted(origins.items())), light, file_digest(out / f"{name}.jsonl"))


def _summary(manifest: SplitManifest) -> str:
    parts = ", ".join(f"{getattr(manifest, part).rows:,} {part}" for part in PARTS)
    made = f"{manifest.lookalike:,} look-alike questions"
    if not manifest.lookalike:
        made = "no look-alike question, as no trained question names a thing, number or code that could be replaced"
    return f"split: {parts}; {made}; audit found no leak"
