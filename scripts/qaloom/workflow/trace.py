"""Trace a row: where it stood, what each stage did with it and why, and what the models answered.

Reads the results folder alone and writes nothing. A stage that has not run yet is said to have not; a row
is named by its id, by the first six or more digits of it, or by a piece of its question.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.text import Text

from qaloom.console import job
from qaloom.errors import DataError
from qaloom.files import read_lines
from qaloom.records import Rejection, Row
from qaloom.text.normalize import comparison_key

_ID = re.compile(r"[0-9a-f]{6,16}")
_MOST = 20  # lines of one kind, or hits, that are shown; the rest are counted
_SHOWN = 100  # characters of a text that is not the row's own

_WHY = {
    "by_hash train": "its fact or document hashed to the train side, its question not to recall",
    "by_hash recall": "its question hashed to recall, and its fact keeps another wording in train",
    "by_hash unseen": "its fact or document hashed to the unseen side, and no train row gives it away",
    "touches_train": "a row of the train side is nearly the same in question or answer",
    "touches_held_out": "a held-out row has nearly the same question",
    "near_train_question": "its question hashed to recall, but a train question is nearly the same",
    "with_parent": "it goes where the row it rewords goes",
    "probe": "its fact has a single wording, so a rule made this one to ask with",
    "last_wording": "its question hashed to recall, but its fact has no other wording in train",
}


class Section(NamedTuple):
    """What one stage has to say: a heading and lines for a person."""

    heading: str
    lines: list[str]


class Results:
    """The files of a results folder, each read when it is first asked for; a missing one holds nothing."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        if not (self.folder / "validate/rows.jsonl").is_file():
            raise DataError(f"{folder} holds no validate/rows.jsonl; name the results folder, after make run")

    def _read(self, path: str, kind: type = dict) -> list:
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
    def contradictions(self) -> list[dict]:
        return self._read("dedup/contradictions.jsonl")

    @cached_property
    def clusters(self) -> dict[str, str]:
        return {line["id"]: line["cluster"] for line in self._read("dedup/clusters.jsonl")}

    @cached_property
    def made(self) -> list[Row]:
        """Accepted paraphrases."""
        return [row for row in self._read("augment/rows.jsonl", Row) if row.parent]

    @cached_property
    def refused(self) -> list[Rejection]:
        """Paraphrases that a gate turned away."""
        return self._read("augment/rejected.jsonl", Rejection)

    @cached_property
    def placed(self) -> dict[str, dict]:
        return {line["id"]: line for line in self._read("split/placement.jsonl")}

    @cached_property
    def probes(self) -> list[Row]:
        """Rule-made wordings that only the split knows."""
        texts = {line["id"]: line for line in self._read("split/recall.jsonl")}
        return [
            Row(
                p["id"], t["instruction"], t["input"], t["output"], p["source"], p["line"], p["group"],
                {}, "rule", p.get("parent", ""), "rules",
            )
            for p in self.placed.values() if p["origin"] == "rule" and (t := texts.get(p["id"]))
        ]  # fmt: skip

    @cached_property
    def predictions(self) -> dict[str, list[dict]]:
        """Predictions by run."""
        files = sorted(self.folder.glob("evaluate/*/predictions.jsonl"))
        return {file.parent.name: read_lines(file) for file in files}

    @cached_property
    def rows(self) -> dict[str, Row]:
        """Every row that has an id: as validated, as masked by dedup, and as made of others."""
        everything = [*self.probes, *self.made, *self.kept.values(), *self.valid]
        return {row.id: row for row in everything}


def find_rows(results: Results, wanted: str) -> tuple[list[Row], list[Rejection]]:
    """The rows that an id, a prefix of one, or a piece of a question names; and lines that became no row."""
    if _ID.fullmatch(wanted.lower()):
        rows = [row for identity, row in results.rows.items() if identity.startswith(wanted.lower())]
        if rows:
            return rows, []
    piece = comparison_key(wanted)
    if not piece:
        raise DataError("name a row by its id or by a piece of its question")
    rows = [row for row in results.rows.values() if piece in comparison_key(row.instruction)]
    return rows, [item for item in results.invalid if piece in comparison_key(_question_of(item.row))]


def story(results: Results, row: Row) -> list[Section]:
    """All that became of a row, stage by stage."""
    sections = [_itself(row)]
    if row.origin == "data":
        places = _places(results, row)
        sections += [_validate(places), _dedup(results, row, places)]
    return [*sections, _augment(results, row), _split(results, row), *_evaluate(results, row)]


def _question_of(record: Any) -> str:
    """The text of a rejected record, whatever its shape."""
    if isinstance(record, dict):
        return " ".join(value for value in record.values() if isinstance(value, str))
    return str(record)


def _itself(row: Row) -> Section:
    lines = [f"question  {row.instruction}"]
    if row.input:
        lines.append(f"input     {row.input}")
    return Section(f"row {row.id}", [*lines, f"answer    {row.output}", f"document  {row.group}"])


# --- validate and dedup -------------------------------------------------------------------------------


def _places(results: Results, row: Row) -> list[Row]:
    """The validated rows that are this one: of its id, or (where dedup masked it) at its place."""
    same = [other for other in results.valid if other.id == row.id]
    return same or [other for other in results.valid if (other.source, other.line) == (row.source, row.line)]


def _validate(places: Sequence[Row]) -> Section:
    return Section("validate", [f"{_at(row)}: {_repairs(row)}" for row in places])


def _repairs(row: Row) -> str:
    repairs = row.meta.get("repairs")
    return f"repaired ({', '.join(repairs)})" if repairs else "taken as it was"


def _dedup(results: Results, row: Row, places: Sequence[Row]) -> Section:
    if not results.has("dedup"):
        return Section("dedup", ["not run yet"])
    at = {(place.source, place.line) for place in places}
    kept = [
        other for other in results.kept.values() if other.id == row.id or (other.source, other.line) in at
    ]
    gone = [item for item in results.dropped if (item.source, item.line) in at]
    lines = [line for survivor in kept for line in _kept(results, survivor, row)]
    return Section("dedup", lines + _some([_gone(results, item) for item in gone]))


def _kept(results: Results, kept: Row, row: Row) -> list[str]:
    lines = [f"kept, {_at(kept)}"]
    if kept.id != row.id:
        lines[0] += f", as {kept.id} with personal data masked"
    merged = [item for item in results.dropped if (item.survivor or {}).get("id") == kept.id]
    lines += _some([_merged(item) for item in merged])
    lines += _some(list(_contradictions(results, kept.id)))
    cluster = results.clusters.get(kept.id)
    others = [i for i, c in results.clusters.items() if c == cluster and i != kept.id] if cluster else []
    return lines + _some([f"in one question cluster with {_named(results, other)}" for other in others])


def _merged(item: Rejection) -> str:
    score = item.survivor["score"]
    how = "the same" if item.reason == "exact_duplicate" else f"nearly the same, {score:.3f}"
    return f"took in {item.source}, line {item.line} ({how}): {_cut(item.row['instruction'])}"


def _gone(results: Results, item: Rejection) -> str:
    where = f"{item.source}, line {item.line}"
    if item.survivor:
        score, survivor = item.survivor["score"], item.survivor["id"]
        return f"{where}: {item.reason} ({score:.3f}), merged into {_named(results, survivor)}"
    return f"{where}: set aside, {item.reason}: {item.detail}"


def _contradictions(results: Results, identity: str) -> Iterable[str]:
    for found in results.contradictions:
        if any(shown["id"] == identity for shown in found["rows"]):
            for other in found["rows"]:
                if other["id"] != identity:
                    where = f"{other['id']} ({other['source']}, line {other['line']})"
                    said = f"{_cut(other['instruction'])} -> {_cut(other['output'])}"
                    yield f"contradicted ({found['score']:.3f}) by {where}: {said}"


# --- augment, split, evaluate -------------------------------------------------------------------------


def _augment(results: Results, row: Row) -> Section:
    if row.parent:
        made = "a rule made it for the split" if row.origin == "rule" else f"made by {row.provider}"
        return Section("augment", [f"{made}, of {_named(results, row.parent)}"])
    if not results.has("augment"):
        return Section("augment", ["not run yet"])
    children = [f"{r.id} by {r.provider}: {_cut(r.instruction)}" for r in results.made if r.parent == row.id]
    refused = [
        f"refused, {item.reason} ({item.detail}): {_cut(item.row['instruction'])}"
        for item in results.refused
        if (item.source, item.line, item.row["output"]) == (row.source, row.line, row.output)
    ]
    return Section("augment", _some(children) + _some(refused) or ["no paraphrase was made of it"])


def _split(results: Results, row: Row) -> Section:
    if not results.has("split"):
        return Section("split", ["not run yet"])
    place = results.placed.get(row.id)
    if place is None:
        return Section("split", ["never came so far"])
    near = place.get("near", "")
    because = f" ({_named(results, near)})" if near else ""
    why = _WHY.get(place["why"]) or _WHY.get(f"{place['why']} {place['split']}", place["why"])
    lines = [f"{place['split']}: {why}{because}"]
    asked = [f"asked for by {_named(results, p.id)}" for p in results.probes if p.parent == row.id]
    return Section("split", lines + _some(asked))


def _evaluate(results: Results, row: Row) -> list[Section]:
    """The answers to the row itself and to held-out wordings of its fact, one section a run."""
    fact = results.placed.get(row.id, {}).get("fact")
    wordings = {i for i, place in results.placed.items() if fact and place["fact"] == fact} | {row.id}
    sections = []
    for run, predictions in results.predictions.items():
        given = sorted((p for p in predictions if p["id"] in wordings), key=lambda p: p["id"] != row.id)
        lines = [line for p in given[:_MOST] for line in _answered(p, row)]
        sections.append(Section(f"evaluate, run {run}", lines or ["not asked"]))
    return sections or [Section("evaluate", ["not run yet"])]


def _answered(prediction: dict[str, Any], row: Row) -> list[str]:
    """The question, where it is another wording of the fact, and both answers."""
    other = prediction["id"] != row.id
    asked = [f"{prediction['id']}, {prediction['split']}: {prediction['question']}"] if other else []
    return [*asked, f"base      {prediction['base']}", f"tuned     {prediction['tuned']}"]


# --- words for a person -------------------------------------------------------------------------------


def _at(row: Row) -> str:
    return f"{row.source}, line {row.line}"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def _named(results: Results, identity: str) -> str:
    row = results.rows.get(identity)
    return f"{identity}: {_cut(row.instruction)}" if row else identity


def _some(lines: list[str]) -> list[str]:
    """The first lines, and how many more there are."""
    return lines if len(lines) <= _MOST else [*lines[:_MOST], f"and {len(lines) - _MOST:,} more"]


def _hits(rows: Sequence[Row], bad: Sequence[Rejection]) -> list[str]:
    lines = [f"{row.id}  {_at(row)}, {row.origin}: {_cut(row.instruction)}" for row in rows]
    return _some(lines + [_set_aside(item) for item in bad])


def _set_aside(item: Rejection) -> str:
    return f"no row          {item.source}, line {item.line}: {item.reason}: {item.detail}"


def trace(folder: Path, wanted: str) -> list[Section]:
    """What to tell about the row that is wanted, or the hits where several fit.

    Raises DataError when the folder holds no results or nothing fits.
    """
    results = Results(folder)
    rows, bad = find_rows(results, wanted)
    if len(rows) == 1 and not bad:
        return story(results, rows[0])
    if not rows and not bad:
        raise DataError(f"no row in {folder} has the id {wanted!r} or a question that holds it")
    return [Section(f"{len(rows) + len(bad):,} hits; name one by its id", _hits(rows, bad))]


def show(sections: Sequence[Section], console: Console) -> None:
    """Print sections: a bold heading, its lines indented, long lines left to the terminal to wrap."""
    for section in sections:
        console.print(Text(section.heading, style="bold"), soft_wrap=True)
        for line in section.lines:
            shown = line.replace("\n", "\n            ")
            console.print(Text(f"  {shown}"), soft_wrap=True)


def _command(
    wanted: Annotated[str, typer.Argument(metavar="ID_OR_TEXT", help="a row's id, or a piece of a question")],
    results: Annotated[Path, typer.Option(help="results folder of a project")] = Path("results"),
) -> None:
    """Tell a row's whole way: file and line, repairs, duplicates, paraphrases, split, answers."""
    with job():
        show(trace(results, wanted), Console())


if __name__ == "__main__":
    typer.run(_command)
