"""History of one row: its file and line, what each stage did with it and why, and the models' answers.

Reads a results folder and writes nothing. A row is named by its id, by six or more leading digits of it, or
by a piece of its question.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from qaloom.commands import command_line
from qaloom.console import job, printable
from qaloom.errors import DataError
from qaloom.evaluate.fact_records import LedgerFact
from qaloom.files import read_lines
from qaloom.records import Contradiction, Placement, Rejection, Row, placed_row
from qaloom.text.normalize import comparison_key
from qaloom.workflow.trace_document import document_lines
from qaloom.workflow.trace_final import final_parts
from qaloom.workflow.trace_review import is_edit_of, what_changed

T = TypeVar("T")
_ID = re.compile(r"[0-9a-f]{6,16}")
_MOST = 20  # lines of one kind, or hits, that are shown; the rest are counted
_SHOWN = 100  # characters of a text that is not the row's own

_WHY = {
    "by_hash train": "its fact or document hashed to the train side, its question not to recall",
    "by_hash recall": "its question hashed to recall, and another wording of its fact is trained",
    "by_hash unseen": "its fact or document hashed to the unseen side, and no train row gives it away",
    "taught": "it hashed to the unseen side, but a train row states its fact, so it is asked as recall",
    "touches_held_out": "a held-out row asks nearly the same, so it is asked and not trained",
    "with_parent": "it goes where the row it rewords goes",
    "probe": "its fact has a single wording in the sources, so this form of it is asked",
    "like_the_probe": "it differs from its fact's probe in the ending alone, so it is asked and not trained",
    "last_wording": "its question hashed to recall, but no other wording of its fact is trained",
}


class StageHistory(NamedTuple):
    """One stage's part of the history: a heading and lines for a person."""

    heading: str
    lines: list[str]


class Answered(msgspec.Struct):
    """The fields of predictions.jsonl that a trace shows."""

    id: str
    split: str
    question: str
    base: str
    tuned: str


class Results:
    """Files of a results folder, each read at its first use; a missing file is an empty one."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        if not (self.folder / "validate/rows.jsonl").is_file():
            raise DataError(
                f"{folder} holds no validate/rows.jsonl; name the results folder, after {command_line('run')}"
            )

    def _read(self, path: str, kind: type[T]) -> list[T]:
        file = self.folder / path
        return read_lines(file, kind) if file.is_file() else []

    def has(self, stage: str) -> bool:
        """Whether a stage has written its last file."""
        return any((self.folder / stage / name).is_file() for name in ("stats.json", "manifest.json"))

    @cached_property
    def valid(self) -> list[Row]:
        return self._read("validate/rows.jsonl", Row)

    @cached_property
    def invalid(self) -> list[Rejection]:
        return self._read("validate/rejected.jsonl", Rejection)

    @cached_property
    def kept(self) -> dict[str, Row]:
        return {row.id: row for row in self._read("dedup/rows.jsonl", Row)}

    @cached_property
    def dropped(self) -> list[Rejection]:
        return self._read("dedup/rejected.jsonl", Rejection)

    @cached_property
    def contradictions(self) -> list[Contradiction]:
        return self._read("dedup/contradictions.jsonl", Contradiction)

    @cached_property
    def clusters(self) -> dict[str, str]:
        lines = self._read("dedup/clusters.jsonl", dict[str, str])
        return {line["id"]: line["cluster"] for line in lines}

    @cached_property
    def made(self) -> list[Row]:
        """Accepted paraphrases."""
        return [row for row in self._read("augment/rows.jsonl", Row) if row.parent]

    @cached_property
    def refused(self) -> list[Rejection]:
        """Paraphrases that a gate turned away."""
        return self._read("augment/rejected.jsonl", Rejection)

    @cached_property
    def placements(self) -> dict[str, Placement]:
        return {place.id: place for place in self._read("split/placement.jsonl", Placement)}

    @cached_property
    def probes(self) -> list[Row]:
        """Rule-made wordings that only the split knows."""
        texts = {line["id"]: line for line in self._read("split/recall.jsonl", dict[str, str])}
        probes = [p for p in self.placements.values() if p.origin == "rule" and p.id in texts]
        return [_probe(place, texts[place.id]) for place in probes]

    @cached_property
    def predictions(self) -> dict[str, list[Answered]]:
        """Predictions by run."""
        files = sorted(self.folder.glob("evaluate/*/predictions.jsonl"))
        return {file.parent.name: read_lines(file, Answered) for file in files}

    @cached_property
    def ledgers(self) -> dict[str, dict[str, LedgerFact]]:
        """Facts by run and by their ids."""
        files = sorted(self.folder.glob("evaluate/*/facts.jsonl"))
        return {file.parent.name: {one.fact: one for one in read_lines(file, LedgerFact)} for file in files}

    @cached_property
    def rows(self) -> dict[str, Row]:
        """Every row that has an id: as validated, as masked by dedup, and as made of others."""
        everything = [*self.probes, *self.made, *self.kept.values(), *self.valid]
        return {row.id: row for row in everything}


def _probe(place: Placement, text: dict[str, str]) -> Row:
    return placed_row(place, text, "rule", "rules")


def find_rows(results: Results, wanted: str) -> tuple[list[Row], list[Rejection]]:
    """The rows that an id, a prefix of one, or a piece of a question names; and lines that became no row."""
    if _ID.fullmatch(wanted.lower()):
        named = wanted.lower()
        rows = [
            row
            for identity, row in results.rows.items()
            if identity.startswith(named) or is_edit_of(row, named)
        ]
        set_aside = [item for item in results.invalid if item.id.startswith(named) and item.id]
        if rows or set_aside:
            return rows, set_aside
    piece = comparison_key(wanted)
    if not any(map(str.isalnum, piece)):
        raise DataError("name a row by its id or by a piece of its question")
    rows = [row for row in results.rows.values() if piece in comparison_key(row.instruction)]
    return rows, [item for item in results.invalid if piece in comparison_key(_question_of(item.row))]


def history(results: Results, row: Row) -> list[StageHistory]:
    """The history of a row, stage by stage."""
    sections = [_itself(results, row)]
    if row.origin == "data":
        places = _places(results, row)
        sections += [_validate(places), _dedup(results, row, places)]
    final = final_parts(results.folder, row.id, _same_fact(results, row))
    sections += [_augment(results, row), _split(results, row), *_evaluate(results, row)]
    return [*sections, *(StageHistory(*part) for part in final)]


def _question_of(record: Any) -> str:
    """The text of a rejected record, whatever its shape."""
    if isinstance(record, dict):
        return " ".join(value for value in record.values() if isinstance(value, str))
    return str(record)


def _itself(results: Results, row: Row) -> StageHistory:
    lines = [f"question  {row.instruction}"]
    if row.context:
        lines.append(f"context   {row.context}")
    place = document_lines(row.group, results.rows.get(row.parent, row).details)
    return StageHistory(f"row {row.id}", [*lines, f"answer    {row.output}", *place])


# --- validate and dedup -------------------------------------------------------------------------------


def _places(results: Results, row: Row) -> list[Row]:
    """The validated rows that are this one: of its id, or (where dedup masked it) at its place."""
    same = [other for other in results.valid if other.id == row.id]
    return same or [other for other in results.valid if (other.source, other.line) == (row.source, row.line)]


def _validate(places: Sequence[Row]) -> StageHistory:
    return StageHistory("validate", [f"{_at(row)}: {what_changed(row)}" for row in places])


def _dedup(results: Results, row: Row, places: Sequence[Row]) -> StageHistory:
    if not results.has("dedup"):
        return StageHistory("dedup", ["not run yet"])
    at = {(place.source, place.line) for place in places}
    kept = [
        other for other in results.kept.values() if other.id == row.id or (other.source, other.line) in at
    ]
    dropped = [item for item in results.dropped if (item.source, item.line) in at]
    lines = [line for survivor in kept for line in _kept(results, survivor, row)]
    return StageHistory("dedup", lines + _some([_dropped(results, item) for item in dropped]))


def _kept(results: Results, kept: Row, row: Row) -> list[str]:
    lines = [f"kept, {_at(kept)}"]
    if kept.id != row.id:
        lines[0] += f", as {kept.id} with personal data masked"
    merged = [item for item in results.dropped if item.survivor and item.survivor.id == kept.id]
    lines += _some([_merged(item) for item in merged])
    lines += _some(list(_contradictions(results, kept.id)))
    cluster = results.clusters.get(kept.id)
    others = [i for i, c in results.clusters.items() if c == cluster and i != kept.id] if cluster else []
    return lines + _some([f"in one question cluster with {_named(results, other)}" for other in others])


def _merged(item: Rejection) -> str:
    score = item.survivor.score if item.survivor else 1.0
    how = "the same" if item.reason == "exact_duplicate" else f"nearly the same, {score:.3f}"
    return f"absorbed {item.source}, line {item.line} ({how}): {_cut(item.row['instruction'])}"


def _dropped(results: Results, item: Rejection) -> str:
    where = f"{item.source}, line {item.line}"
    if item.survivor:
        score, survivor = item.survivor.score, item.survivor.id
        return f"{where}: {item.reason} ({score:.3f}), merged into {_named(results, survivor)}"
    return f"{where}: set aside, {item.reason}: {item.detail}"


def _contradictions(results: Results, identity: str) -> Iterable[str]:
    for found in results.contradictions:
        if any(row["id"] == identity for row in found.rows):
            others = [row for row in found.rows if row["id"] != identity]
            yield from (f"contradicted ({found.score:.3f}) by {_quoted(other)}" for other in others)


def _quoted(row: Mapping[str, Any]) -> str:
    where = f"{row['id']} ({row['source']}, line {row['line']})"
    return f"{where}: {_cut(row['instruction'])} -> {_cut(row['output'])}"


# --- augment, split, evaluate -------------------------------------------------------------------------


def _augment(results: Results, row: Row) -> StageHistory:
    if row.parent:
        made = "a rule made it for the split" if row.origin == "rule" else f"made by {row.provider}"
        return StageHistory("augment", [f"{made}, of {_named(results, row.parent)}"])
    if not results.has("augment"):
        return StageHistory("augment", ["not run yet"])
    children = [f"{r.id} by {r.provider}: {_cut(r.instruction)}" for r in results.made if r.parent == row.id]
    refused = [
        f"refused, {item.reason} ({item.detail}): {_cut(item.row['instruction'])}"
        for item in results.refused
        if (item.source, item.line, item.row["output"]) == (row.source, row.line, row.output)
    ]
    return StageHistory("augment", _some(children) + _some(refused) or ["no paraphrase was made of it"])


def _split(results: Results, row: Row) -> StageHistory:
    if not results.has("split"):
        return StageHistory("split", ["not run yet"])
    place = results.placements.get(row.id)
    if place is None:
        return StageHistory("split", ["did not reach this stage"])
    because = f" ({_named(results, place.near)})" if place.near else ""
    why = _WHY.get(place.why) or _WHY.get(f"{place.why} {place.split}", place.why)
    light = "; light: it differs from a trained question in the ending alone" if place.light else ""
    lines = [f"{place.split}: {why}{because}{light}"]
    questions = [f"asked for by {_named(results, p.id)}" for p in results.probes if p.parent == row.id]
    return StageHistory("split", lines + _some(questions))


def _evaluate(results: Results, row: Row) -> list[StageHistory]:
    """The answers to the row itself and to held-out wordings of its fact, one part for each run."""
    wordings = _same_fact(results, row)
    parts = []
    for run, predictions in results.predictions.items():
        shown = sorted((p for p in predictions if p.id in wordings), key=lambda p: p.id != row.id)
        lines = [line for p in shown[:_MOST] for line in _answers(p, row)] or ["not asked"]
        parts.append(StageHistory(f"evaluate, run {run}", lines + _learned(results, run, row)))
    return parts or [StageHistory("evaluate", ["not run yet"])]


_LEARNED = {
    "all": "learned, right in every wording asked",
    "some": "learned in part, right in some of the wordings asked",
    "none": "not learned, wrong in every wording asked",
    "not_asked": "taught, but not asked",
    "not_taught": "kept from training",
}


def _learned(results: Results, run: str, row: Row) -> list[str]:
    """The lines of the run's ledger about the row's fact."""
    place = results.placements.get(row.id)
    found = results.ledgers.get(run, {}).get(place.fact) if place else None
    if found is None:
        return []
    gain = "" if found.margin is None else f"; its answer is likelier by {found.margin:+.2f} nats a token"
    counts = f"{len(found.trained)} trained, {len(found.asked)} asked"
    return [f"fact      {found.fact}: {_LEARNED[found.learned]} ({counts}){gain}"]


def _same_fact(results: Results, row: Row) -> set[str]:
    place = results.placements.get(row.id)
    same = (p.id for p in results.placements.values() if place and p.fact == place.fact)
    return {row.id, *same}


def _answers(prediction: Answered, row: Row) -> list[str]:
    """Both models' answers, after the question where it is another wording of the fact."""
    other = prediction.id != row.id
    question = [f"{prediction.id}, {prediction.split}: {prediction.question}"] if other else []
    return [*question, f"base      {prediction.base}", f"tuned     {prediction.tuned}"]


# --- output -------------------------------------------------------------------------------


def _at(row: Row) -> str:
    return f"{row.source}, line {row.line}"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def _named(results: Results, identity: str) -> str:
    row = results.rows.get(identity)
    return f"{identity}: {_cut(row.instruction)}" if row else identity


def _some(lines: list[str]) -> list[str]:
    """The first lines, and a line with the number of the others."""
    return lines if len(lines) <= _MOST else [*lines[:_MOST], f"and {len(lines) - _MOST:,} more"]


def _hits(rows: Sequence[Row], bad: Sequence[Rejection]) -> list[str]:
    lines = [f"{row.id}  {_at(row)}, {row.origin}: {_cut(row.instruction)}" for row in rows]
    return _some(lines + [_set_aside(item) for item in bad])


def _set_aside(item: Rejection) -> str:
    return f"no row          {item.source}, line {item.line}: {item.reason}: {item.detail}"


def trace(folder: Path, wanted: str) -> list[StageHistory]:
    """The history of the row that is named, or the hits where several fit.

    Raises DataError when the folder holds no results or nothing fits.
    """
    results = Results(folder)
    rows, bad = find_rows(results, wanted)
    if len(rows) == 1 and not bad:
        return history(results, rows[0])
    if not rows and not bad:
        raise DataError(f"no row in {folder} has the id {wanted!r} or a question that holds it")
    return [StageHistory(f"{len(rows) + len(bad):,} hits; name one by its id", _hits(rows, bad))]


def show(sections: Sequence[StageHistory], console: Console) -> None:
    """Print sections: a bold heading, its lines indented, long lines left to the terminal to wrap."""
    for section in sections:
        console.print(Text(printable(section.heading), style="bold"), soft_wrap=True)
        for line in section.lines:
            shown = printable(line).replace("\n", "\n            ")
            console.print(Text(f"  {shown}"), soft_wrap=True)


def command(
    wanted: Annotated[str, typer.Argument(metavar="ID_OR_TEXT", help="a row's id, or a piece of a question")],
    results: Annotated[Path, typer.Option(help="results folder of a project")] = Path("results"),
) -> None:
    """Show a row's history: file and line, repairs, duplicates, paraphrases, split, answers."""
    with job():
        show(trace(results, wanted), Console())


if __name__ == "__main__":
    typer.run(command)
