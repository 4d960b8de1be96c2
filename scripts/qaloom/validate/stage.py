"""Decide whether a row is a row: read it, find question and answer, repair what is certain, set the rest aside.

`validate_file` does one source file and holds no more than a line of it; `gather` puts files together.
"""

import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from qaloom.config.settings import Answers
from qaloom.console import bar, counted, say, say_outcome
from qaloom.errors import SourceError
from qaloom.files import ENCODER, each_line, read_values, whole, write_json
from qaloom.records import (
    NO_META,
    Rejection,
    Row,
    StageStats,
    check_handed_over,
    meta_text,
    written_digests,
)
from qaloom.validate.columns import Columns
from qaloom.validate.fields import Shaped, every_answer, file_group, nested_records, shape
from qaloom.validate.lines import Fault, Line
from qaloom.validate.markers import split_reasoning, strip_labels
from qaloom.validate.repair import repair_row
from qaloom.validate.source import read_source, source_of

_EXCERPT = 2_000  # characters of a rejected line that are kept
_KEPT_WHOLE = 20_000  # bytes up to which a rejected record is kept as an object
_KB, _MB = 1_000, 1_000_000  # bytes
_FILES = ("rows.jsonl", "rejected.jsonl")


class ReadOptions(NamedTuple):
    """Options of reading: the answers of a dialogue that become rows, and the project's own keys by their part."""

    answers: Answers = "last"
    columns: Columns = ()


def validate_file(path: Path, name: str, out: Path, reading: ReadOptions = ReadOptions()) -> dict[str, Any]:
    """Validate one source into `out`: rows.jsonl, rejected.jsonl and, last, stats.json.

    `name` is the file's path relative to the project; it becomes each row's `source`. Of a dialogue the last
    answer becomes a row, or all do, each with the exchanges before it. Returns the stats: in (lines that are not
    blank, or all their questions and answers) = out + rejected, reasons, repairs (rows by code), blank, kind and
    encoding. Raises SourceError when the file cannot be read.
    """
    name = unicodedata.normalize("NFC", name)
    counts, source = _Counts(), source_of(path, reading.columns)
    size = path.stat().st_size
    unit, name_of_unit = (_MB, "MB") if size >= _MB else (_KB, "KB")
    with (
        bar(name, -(-size // unit), name_of_unit) as advance,
        whole(out / "rows.jsonl") as rows,
        whole(out / "rejected.jsonl") as rejections,
    ):
        lines = read_source(source, reading.columns, lambda read: advance(-(-read // unit)))
        for item in _judged(lines, name, counts, reading):
            _write(item, rows if type(item) is Row else rejections)
    stats = {"source": name, **counts.stats(), "kind": source.kind, "encoding": source.encoding}
    stats["sha256"] = written_digests(out, _FILES)
    write_json(out / "stats.json", stats)
    say_outcome(f"{name}: {counted(stats['in'], 'lines')}, {counted(stats['out'], 'rows')} kept")
    return stats


class SourceStats(StageStats):
    """stats.json of one file."""

    source: str
    repairs: dict[str, int]
    blank: int


Found = list[tuple[dict[str, Any], Path]]  # stats and folder of each file
Writer = Callable[[Found, BinaryIO, BinaryIO], tuple[list[dict[str, Any]], dict[str, Any]]]


def as_found(
    found: Found, rows: BinaryIO, rejections: BinaryIO
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Write the files' rows and rejections as they are; return each file's stats, and further ones: none."""
    for _, part in found:
        _copy(part / "rows.jsonl", rows)
        copied_rejections(part, rejections)
    return [stats for stats, _ in found], {}


def copied_rejections(part: Path, rejections: BinaryIO) -> None:
    """Write the rejections of a validated file."""
    _copy(part / "rejected.jsonl", rejections)


def _copy(path: Path, target: BinaryIO) -> None:
    with path.open("rb") as stream:
        shutil.copyfileobj(stream, target, 1 << 20)


def gather(parts: list[Path], out: Path, write: Writer = as_found) -> dict[str, Any]:
    """Put validated files together, ordered by source name, with stats for each and in all.

    `write` writes rows and rejections, as they are or with a person's decisions applied (`reviewed.Review.write`).
    Raises SourceError when there is no file, or one without a single good row.
    """
    if not parts:
        raise SourceError("data.sources matches no file; check the globs and the folder you run in")
    found = sorted(
        ((read_values(part / "stats.json", SourceStats), part) for part in parts),
        key=lambda pair: pair[0]["source"],
    )
    _check_good_rows(found)
    check_handed_over(*(part / file for _, part in found for file in _FILES))
    with whole(out / "rows.jsonl") as rows, whole(out / "rejected.jsonl") as rejections:
        files, more = write(found, rows, rejections)
    stats = _total([_without_digests(of_file) for of_file in files]) | more
    stats["sha256"] = written_digests(out, _FILES)
    write_json(out / "stats.json", stats)
    say_outcome(_summary(stats))
    return stats


class _Counts:
    """Counts over the lines of one file."""

    def __init__(self) -> None:
        self.out = self.blank = self.rejected = 0
        self.reasons: Counter[str] = Counter()
        self.repairs: Counter[str] = Counter()

    def stats(self) -> dict[str, Any]:
        return {
            "in": self.out + self.rejected,
            "out": self.out,
            "rejected": self.rejected,
            "reasons": dict(sorted(self.reasons.items())),
            "repairs": dict(sorted(self.repairs.items())),
            "blank": self.blank,
        }


def _judged(
    lines: Iterable[Line], name: str, counts: _Counts, reading: ReadOptions
) -> Iterator[Row | Rejection]:
    group = unicodedata.normalize("NFC", file_group(name))
    for line in lines:
        if line.value is None:
            counts.blank += 1
            continue
        for item in judge(line, name, group, reading):
            if isinstance(item, Row):
                counts.out += 1
                if item.meta != NO_META:
                    counts.repairs.update(item.details.get("repairs", ()))
            else:
                counts.rejected += 1
                counts.reasons[item.reason] += 1
            yield item


def judge(line: Line, name: str, group: str, reading: ReadOptions) -> Iterator[Row | Rejection]:
    """The rows of a line, one or those of all its questions and answers, and rejections in their place."""
    if not isinstance(line.value, dict):
        yield _reject(line, name, line.value or Fault("not_an_object", "the line is blank"))
        return
    for record in nested_records(line.value, reading.columns):
        found = _shaped(record, line.raw if record is line.value else b"", reading.columns)
        if isinstance(found, Fault):
            yield _reject(line, name, found, record)
            continue
        for one in every_answer(found) if reading.answers == "all" else [found]:
            row = _row(line, one, name, group)
            yield _reject(line, name, row, record) if isinstance(row, Fault) else row


def _row(line: Line, found: Shaped, name: str, group: str) -> Row | Fault:
    earlier = chain.from_iterable(found.history)
    texts, codes = repair_row((found.instruction, found.input, found.output, found.system, *earlier))
    question, context, answer, system, *told = texts
    if not question:
        return Fault("empty_question", "the question is empty")
    if not answer:
        return Fault("empty_answer", "the answer is empty")
    if not all(told):
        return Fault("bad_history", "an earlier question or answer of the dialogue is empty")
    row = Row(
        "", question, context, answer, name, line.number, found.document or group,
        meta_text(_meta(found, line.repairs + found.repairs + codes)),
        system=system, history=list(zip(told[::2], told[1::2], strict=True)),
    )  # fmt: skip
    row.id = row.identity
    return row


def _shaped(record: dict[str, Any], raw: bytes, columns: Columns) -> Shaped | Fault:
    """The record's question and answer, without reasoning tags and labels; the reasoning goes to `meta`."""
    found = shape(record, raw, columns)
    if isinstance(found, Fault):
        return found
    parts = split_reasoning(found.output)
    if isinstance(parts, Fault):
        return parts
    reasoning, bare = parts
    if found.history:
        found = found._replace(history=tuple(strip_labels(*exchange) for exchange in found.history))
    question, answer = strip_labels(found.instruction, bare)
    if (question, answer) == (found.instruction, found.output):
        return found
    codes: tuple[str, ...] = ("reasoning",) if reasoning else ()
    if (question, answer) != (found.instruction, bare):
        codes += ("label",)
    meta = found.meta | ({"reasoning": reasoning} if reasoning else {})
    return found._replace(instruction=question, output=answer, meta=meta, repairs=found.repairs + codes)


def _meta(found: Shaped, codes: tuple[str, ...]) -> dict[str, Any]:
    # `repairs` counts ours; a source's own key of that name must not be counted with them.
    meta = found.meta
    if "repairs" in meta:
        meta["repairs_in_source"] = meta.pop("repairs")
    if codes:
        meta["repairs"] = list(dict.fromkeys(codes))
    return meta


def _reject(line: Line, name: str, fault: Fault, record: Any = None) -> Rejection:
    place = f"{line.place}: " if line.place else ""
    return Rejection(name, line.number, fault.reason, place + fault.detail, _original(line, record))


def _original(line: Line, record: Any) -> Any:
    """The record, or as a text (and cut) one that is too large or none at all."""
    nested = record is not None and record is not line.value
    raw = line.raw if line.raw and not nested else ENCODER.encode(record) if record is not None else b""
    if type(record) is dict and len(raw) <= _KEPT_WHOLE:
        return record
    text = raw[: 4 * _EXCERPT].decode("utf-8", "backslashreplace").rstrip("\r")
    if len(text) <= _EXCERPT and len(raw) <= 4 * _EXCERPT:
        return text
    return f"{text[:_EXCERPT]} ... ({len(raw):,} bytes in all)"


def _write(item: Row | Rejection, stream: BinaryIO) -> None:
    stream.write(ENCODER.encode(item) + b"\n")


def _check_good_rows(found: list[tuple[dict[str, Any], Path]]) -> None:
    """Raise SourceError for a file whose lines are all rejected; an empty one passes where another has rows."""
    bare = [(stats, part) for stats, part in found if not stats["out"]]
    empty = [stats["source"] for stats, _ in bare if not stats["in"]]
    if len(empty) == len(found):
        raise SourceError(f"{empty[0]}: no good row, the file is empty{_more(empty)}; {_remedy(empty[0])}")
    for name in empty:
        say(f"{name} is empty; going on without it.")
    failed = [(stats, part) for stats, part in bare if stats["in"]]
    if failed:
        stats, part = failed[0]
        first = next(each_line(part / "rejected.jsonl", Rejection))
        problem = none_good(stats["source"], stats["in"], stats["reasons"], first)
        raise SourceError(f"{problem}{_more(failed)}; each line's reason is in {part / 'rejected.jsonl'}")


def _remedy(empty: str) -> str:
    """Remedy for an empty file: of one written from a document, where its rejections are."""
    rejected = Path(empty).with_name("rejected.jsonl")
    if rejected.is_file():
        return f"why no question from the document was kept is in {rejected}"
    return "name others in data.sources"


def none_good(name: str, count: int, reasons: Mapping[str, int], first: Rejection) -> str:
    """A sentence for a source without a good row: the common reasons, and what is wrong with its first line."""
    common = sorted(reasons.items(), key=lambda pair: -pair[1])[:3]
    told = ", ".join(f"{reason} {number:,}" for reason, number in common)
    alike = set(reasons) == {"not_json"}
    kinds = "; rows are read from JSON, CSV, TSV, Excel and Parquet (docs/data.md)" if alike else ""
    return f"{name}: no good row among {counted(count, 'lines')} ({told}); line {first.line}: {first.detail}{kinds}"


def _more(files: Sequence[Any]) -> str:
    return f" (and {len(files) - 1} more such files)" if len(files) > 1 else ""


def _without_digests(stats: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stats.items() if key != "sha256"}


def _total(files: list[dict[str, Any]]) -> dict[str, Any]:
    reasons: Counter[str] = Counter()
    repairs: Counter[str] = Counter()
    for stats in files:
        reasons.update(stats["reasons"])
        repairs.update(stats["repairs"])
    counts = {key: sum(stats[key] for stats in files) for key in ("in", "out", "rejected")}
    return {
        **counts,
        "reasons": dict(sorted(reasons.items())),
        "repairs": dict(sorted(repairs.items())),
        "blank": sum(stats["blank"] for stats in files),
        "files": files,
    }


def _summary(stats: dict[str, Any]) -> str:
    def listed(counts: dict[str, int]) -> str:
        text = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda p: -p[1]))
        return f" ({text})" if text else ""

    count = sum(stats["repairs"].values())
    repaired = f", {counted(count, 'repairs')}{listed(stats['repairs'])}" if count else ""
    aside = f"{stats['rejected']:,} set aside{listed(stats['reasons'])}"
    read = f"{counted(stats['in'], 'lines')} in {counted(len(stats['files']), 'files')}"
    return f"validate: {read}, {counted(stats['out'], 'rows')} kept, {aside}{repaired}"
