"""The records that flow from stage to stage, and the three files that every data stage writes."""

import hashlib
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

import msgspec
from msgspec import Struct

from qaloom.errors import DataError
from qaloom.files import (
    ENCODER,
    each_line,
    exact_number,
    file_digest,
    read_document,
    read_lines,
    write_json,
    write_lines,
)

NO_META = "{}"
_NO_HISTORY: list[tuple[str, str]] = []  # of all rows that have none: a history is replaced, never changed
_read_meta = msgspec.json.Decoder(dict[str, Any], float_hook=exact_number).decode
# What a stage writes last, with its files' digests.
_VOUCHERS = ("stats.json", "manifest.json", "metrics.json")


class Row(Struct, gc=False):
    """One question with its answer, and where it came from.

    `source` is relative to the project, `line` counts from 1, `group` names the document; `origin` is
    `data`, `augmented`, `rule` or `form` (trained, never asked); `parent` and `provider` are set on rows that
    augmentation made. `system` is the row's own system message, `history` the exchanges (question, answer)
    before the question. `meta` is a JSON object as a text, so that all rows have the same keys of the same types.
    """

    id: str
    instruction: str
    input: str
    output: str
    source: str
    line: int
    group: str
    meta: str
    origin: str = "data"
    parent: str = ""
    provider: str = ""
    system: str = ""
    history: list[tuple[str, str]] = []

    @property
    def details(self) -> dict[str, Any]:
        """`meta` as a mapping: fields of the source beside question and answer, and notes of the stages."""
        return {} if self.meta == NO_META else _read_meta(self.meta)

    def note(self, key: str, value: Any) -> None:
        """Put a value into `meta`."""
        self.meta = meta_text(self.details | {key: value})

    @property
    def context(self) -> str:
        """All that the question is asked about, as a comparison sees it: `context_text` of the row."""
        if not (self.system or self.history):
            return self.input
        return context_text(self.system, self.history, self.input)

    @property
    def question(self) -> str:
        """The question as a comparison sees it, with its context."""
        return question_text(self.instruction, self.context)

    @property
    def identity(self) -> str:
        """The id that the row's texts give it: `row_id`."""
        return row_id(self.instruction, self.context, self.output)

    @property
    def texts(self) -> dict[str, Any]:
        """The row as training and asking need it: id, instruction, input, output; system, history if any."""
        found = {"id": self.id, "instruction": self.instruction, "input": self.input, "output": self.output}
        if self.system:
            found["system"] = self.system
        return found | ({"history": self.history} if self.history else {})


def other_wording(row: Row, question: str, origin: str, provider: str) -> Row:
    """The row that asks `row` in other words; the dialogue before the question stays as it is."""
    made = Row(
        "", question, row.input, row.output, row.source, row.line, row.group, NO_META, origin, row.id, provider,
        row.system, row.history,
    )  # fmt: skip
    made.id = made.identity
    return made


class Survivor(Struct):
    """The row that a duplicate was merged into, and how similar their questions are (0 to 1)."""

    id: str
    source: str
    line: int
    score: float


class Rejection(Struct, omit_defaults=True):
    """A row that does not go on: the row as it was, its place, a reason code, a sentence for a person.

    `row` is a record of the source (validate) or a row's instruction, input and output (later stages), or
    the text of a line that is no record. `survivor` is set on duplicates; `reworded` and `provider`, on
    paraphrases, are the question that the row rewords and what made it.
    """

    source: str
    line: int
    reason: str
    detail: str
    row: Any
    id: str = ""
    survivor: Survivor | None = None
    reworded: str = ""
    provider: str = ""


class Placement(Struct, gc=False):
    """A line of the split's placement.jsonl: the part that a row is in, and why.

    `split` is train, recall or unseen, or final for a form that only a final model is trained on; `why` a reason
    code; `fact` an id that the rows of one fact share; `near` the id of the row that decided, for recall the
    trained row that teaches the fact; `light` marks a recall question that differs from a trained one in its
    ending alone; `closed` is yes, no, none or abstention for an answer of such a class.
    """

    id: str
    split: str
    why: str
    origin: str
    fact: str
    group: str
    source: str
    line: int
    near: str = ""
    parent: str = ""
    light: bool = False
    closed: str = ""


class RowTexts(TypedDict):
    """A line of the split's train, recall, unseen and final.jsonl: `Row.texts`."""

    id: str
    instruction: str
    input: str
    output: str
    system: NotRequired[str]
    history: NotRequired[list[tuple[str, str]]]


class Part(Struct):
    """One file of the split: how many rows, by origin, how many of them light, and the file's sha256."""

    rows: int
    origins: dict[str, int] = {}
    light: int = 0
    sha256: str = ""


class FactCounts(Struct):
    """How many facts each file of the split asks for."""

    train: int = 0
    recall: int = 0
    unseen: int = 0


class SplitManifest(Struct, kw_only=True):
    """The split's manifest.json: counts and digests.

    Nothing of where rows came from, so that moving a source changes nothing.
    """

    train: Part
    recall: Part
    unseen: Part
    final: Part | None = None
    facts: FactCounts
    lookalike: int = 0
    notes: list[str] = []


class StageStats(Struct, rename={"rows_in": "in"}):
    """Common part of stats.json of validate, dedup and augment: rows in and out, rejections by reason."""

    rows_in: int
    out: int
    rejected: int
    reasons: dict[str, int]


class ContradictedRow(TypedDict):
    """One of the rows of a contradiction; `input` is its whole context."""

    id: str
    source: str
    line: int
    instruction: str
    output: str
    input: NotRequired[str]


class Contradiction(Struct):
    """A line of dedup's contradictions.jsonl: rows whose questions are near and whose answers are not.

    `total` counts them where not all are shown.
    """

    rows: list[ContradictedRow]
    score: float
    total: int | None = None


class LookAlikeRow(Struct):
    """A line of the split's lookalike.jsonl: a question that asks for nothing that is known.

    `parent` is the id of the trained row whose question it was, `replaced` what stood in the place of `put_in`
    (empty where a name was put in front); `kind` is code, number or name.
    """

    id: str
    instruction: str
    parent: str
    replaced: str
    put_in: str
    kind: str


class Clustered(Struct):
    """A line of dedup's clusters.jsonl: the cluster of a kept row, and its comparison keys.

    `question` (with the input) and `answer` are made once and read by the split; empty, they are made again.
    """

    id: str
    cluster: str
    question: str = ""
    answer: str = ""


class Paraphrases(Struct):
    """Paraphrases that one provider proposes for a question, in its order."""

    question: str
    provider: str
    proposals: list[str]


def placed_row(place: Placement, text: Mapping[str, Any], origin: str, provider: str = "") -> Row:
    """A row of the split's files, its texts and its placement put together."""
    return Row(
        text["id"], text["instruction"], text["input"], text["output"], place.source, place.line, place.group,
        NO_META, origin, place.parent, provider, text.get("system", ""), text.get("history", []),
    )  # fmt: skip


def context_text(system: str, history: Sequence[Sequence[str]], input: str) -> str:
    """System message, earlier exchanges and input of a question as one text, each a paragraph."""
    if not (system or history):
        return input
    told = "\n".join(f"Q: {question.strip()}\nA: {answer.strip()}" for question, answer in history)
    return "\n\n".join(filter(None, dict.fromkeys((system, told, input))))


def row_context(row: Mapping[str, Any]) -> str:
    """`context_text` of a row of the split's files."""
    return context_text(row.get("system", ""), row.get("history", ()), row["input"])


def read_rows(path: Path) -> list[Row]:
    """The rows of a stage; what many of them share stands in memory once."""
    rows = []
    for row in each_line(path, Row):
        row.source, row.group = sys.intern(row.source), sys.intern(row.group)
        row.origin, row.meta = sys.intern(row.origin), NO_META if row.meta == NO_META else row.meta
        row.history = row.history or _NO_HISTORY
        rows.append(row)
    return rows


def read_texts(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of the split, each the dict of its texts."""
    return cast("list[dict[str, Any]]", read_lines(path, RowTexts))


def read_questions(split: Path, part: str) -> list[dict[str, Any]]:
    """The rows of a part of the split that are questions: all but the forms beside them."""
    places = read_lines(split / "placement.jsonl", Placement)
    forms = {place.id for place in places if place.origin == "form"}
    return [row for row in read_texts(split / f"{part}.jsonl") if row["id"] not in forms]


def meta_text(values: Mapping[str, Any]) -> str:
    """Values as the text that `Row.meta` is."""
    return ENCODER.encode(values).decode() if values else NO_META


def question_text(instruction: str, input: str) -> str:
    """The question of a row as a comparison sees it: the instruction, then its context on a new line."""
    return f"{instruction}\n{input}" if input else instruction


def row_id(instruction: str, context: str, output: str) -> str:
    """First 16 hex digits of sha256 over the JSON array [instruction, context, output]."""
    return hashlib.sha256(_encode((instruction, context, output))).hexdigest()[:16]


_encode = msgspec.json.Encoder().encode  # escapes as json.dumps with ensure_ascii=False does


def place(row: Row) -> dict[str, Any]:
    """Where a row came from: its id, source and line."""
    return {"id": row.id, "source": row.source, "line": row.line}


def rejected(
    row: Row,
    reason: str,
    detail: str,
    survivor: Survivor | None = None,
    reworded: str = "",
    provider: str = "",
) -> Rejection:
    """The rejection of a row that an earlier stage had accepted."""
    shown = {key: value for key, value in row.texts.items() if key != "id"}
    return Rejection(row.source, row.line, reason, detail, shown, row.id, survivor, reworded, provider)


def write_stage(
    folder: Path,
    rows: Sequence[Row],
    rejections: Sequence[Rejection],
    rows_in: int,
    also: Sequence[str] = (),
    **counts: Any,
) -> dict[str, Any]:
    """Write `rows.jsonl`, `rejected.jsonl` and, last, `stats.json`; return the stats.

    `rows_in` is the number of rows that came in (or, for a stage that makes rows, came in or were made); `also`
    names further files that were written. The stats hold all files' digests, for `check_handed_over`.
    Raises AssertionError when rows_in != rows + rejections: a row was lost, which is our defect.
    """
    assert rows_in == len(rows) + len(rejections), f"{rows_in} in, {len(rows)} + {len(rejections)} out"
    reasons = dict(sorted(Counter(r.reason for r in rejections).items()))
    stats = {"in": rows_in, "out": len(rows), "rejected": len(rejections), "reasons": reasons, **counts}
    write_lines(folder / "rows.jsonl", rows)
    write_lines(folder / "rejected.jsonl", rejections)
    stats["sha256"] = written_digests(folder, ("rows.jsonl", "rejected.jsonl", *also))
    write_json(folder / "stats.json", stats)
    return stats


def written_digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """The sha256 of a stage's files by name: the key `sha256` of the document that it writes last."""
    return {name: file_digest(folder / name) for name in names}


def write_vouched(path: Path, records: Iterable[Any]) -> None:
    """Write one file of several that a stage writes, and its digest beside it in `<name>.stats.json`, last."""
    voucher = path.with_suffix(".stats.json")
    voucher.unlink(missing_ok=True)
    count = write_lines(path, records)
    write_json(voucher, {"out": count, "sha256": written_digests(path.parent, [path.name])})


def check_handed_over(*paths: Path) -> None:
    """Raise DataError unless each file is what its stage wrote, by the digests in the stage's last document.

    A file that no document names (one that a person wrote, or an older version) passes.
    """
    for path in paths:
        for voucher in (path.with_suffix(".stats.json"), *(path.parent / name for name in _VOUCHERS)):
            wanted = _vouched(voucher).get(path.name)
            if wanted and not (path.is_file() and file_digest(path) == wanted):
                raise DataError(
                    f"{path} is not as its stage wrote it (its sha256 is another than in {voucher.name}): it was "
                    "changed or damaged. Remove it and run the workflow again, which makes it anew"
                )


def _vouched(voucher: Path) -> dict[str, str]:
    """The digests that a document holds of files beside it. Raises DataError when it is damaged."""
    if not voucher.is_file():
        return {}
    held = read_document(voucher, dict[str, Any])
    if isinstance(held.get("sha256"), dict):
        return held["sha256"]
    parts = {f"{name}.jsonl": part for name, part in held.items() if isinstance(part, dict)}  # the split's
    return {name: part["sha256"] for name, part in parts.items() if "sha256" in part}
