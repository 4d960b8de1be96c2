"""One document to question-answer rows: passages, what a model asks about them, and the gates."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from qaloom.console import bar, counted, say, say_outcome
from qaloom.documents.blocks import PageFault
from qaloom.documents.gates import rejection_of
from qaloom.documents.passages import Passage, passages
from qaloom.documents.questions import replies_about
from qaloom.documents.readers import read_blocks_of
from qaloom.documents.replies import QuotedPair, proposals_in_reply
from qaloom.errors import SourceError
from qaloom.files import write_json, write_lines
from qaloom.records import Rejection, written_digests

_EXCERPT = 2_000  # characters of a reply of no use that are kept
_PAGES = 10  # that are named; of more, only how many
_NOT_ASKED = (
    "passage and reply are longer than the model takes, or the passage holds one of its control tokens"
)
_FILES = ("passages.jsonl", "rows.jsonl", "rejected.jsonl")


class DocumentRow(Struct):
    """A row as validate reads it: `page` and `quote` show where its answer stands."""

    question: str
    answer: str
    document: str
    page: int | None
    quote: str
    heading: str
    passage_id: str


class AskedPassage(Struct):
    """A line of passages.jsonl: a passage, and how many questions about it were kept."""

    id: str
    document: str
    page: int | None
    heading: str
    text: str
    questions: int


def question_document(
    path: Path, name: str, out: Path, settings: Mapping[str, Any], models: Path, cache: Path
) -> dict[str, Any]:
    """Write a document's rows into `out`: passages.jsonl, rows.jsonl, rejected.jsonl and, last, stats.json.

    `name` is the document's path relative to the project; `settings` is the section `documents`; `models` holds the
    folders of base_model. A document that cannot be read gives no row and a line that says why. Raises EndpointError,
    ModelError, DeviceError or StorageError, one line each.
    """
    found, rejections = _read(path, name, settings["passage"])
    replies: dict[str, str] = {}
    unusable: dict[str, str] = {}
    if found:
        with bar(name, len(found), "passages") as advance:
            replies, unusable = replies_about(found, settings, models, cache, advance)
    rows: list[DocumentRow] = []
    for item in _judged(found, replies, unusable, settings["questions"]):
        if isinstance(item, DocumentRow):
            rows.append(item)
        else:
            rejections.append(item)
    return _write(name, out, found, rows, rejections)


def _read(path: Path, name: str, limit: int) -> tuple[list[Passage], list[Rejection]]:
    """The passages of a document, and its pages that are set aside, or all of it."""
    try:
        text = read_blocks_of(path)
    except SourceError as error:
        say(f"{name} {error}; set aside")
        return [], [Rejection(name, 0, "document_unreadable", f"it {error}", "")]
    _say_faults(name, text.faults)
    faults = [
        Rejection(name, one.page, one.reason, f"page {one.page}: {one.detail}", "") for one in text.faults
    ]
    return passages(text.blocks, name, limit), faults


def _say_faults(name: str, faults: Sequence[PageFault]) -> None:
    by_detail: dict[str, list[int]] = {}
    for one in faults:
        by_detail.setdefault(one.detail, []).append(one.page)
    for detail, pages in by_detail.items():
        more = f" and {len(pages) - _PAGES} more" if len(pages) > _PAGES else ""
        say(f"{name}: page {', '.join(map(str, pages[:_PAGES]))}{more} set aside: {detail}")


def _judged(
    found: Sequence[Passage], replies: Mapping[str, str], unusable: Mapping[str, str], most: int
) -> Iterator[DocumentRow | Rejection]:
    for passage in found:
        if passage.id in replies:
            yield from judge_reply(replies[passage.id], passage, found, most)
        elif passage.id in unusable:
            text = unusable[passage.id][:_EXCERPT]
            yield _reject(passage, "malformed_reply", "the reply holds no JSON object", text)
        else:
            yield _reject(passage, "not_asked", _NOT_ASKED, passage.text[:_EXCERPT])


def judge_reply(
    reply: str, passage: Passage, others: Sequence[Passage], most: int
) -> Iterator[DocumentRow | Rejection]:
    """The rows and rejections of a reply about a passage; questions beyond `most` are left out."""
    for item in (proposals_in_reply(reply) or [])[:most]:
        if not isinstance(item, QuotedPair):
            detail = "question, answer or quote is missing, or is no text"
            yield _reject(passage, "malformed_reply", detail, item)
        elif reason := rejection_of(item, passage, others):
            yield _reject(passage, *reason, item._asdict())
        else:
            place = passage.document, passage.page
            yield DocumentRow(item.question, item.answer, *place, item.quote, passage.heading, passage.id)


def _reject(passage: Passage, reason: str, detail: str, row: Any) -> Rejection:
    place = f"page {passage.page}: " if passage.page else f"{passage.heading}: " if passage.heading else ""
    return Rejection(passage.document, passage.page or 0, reason, place + detail, row, passage.id)


def _write(
    name: str,
    out: Path,
    found: Sequence[Passage],
    rows: Sequence[DocumentRow],
    rejections: Sequence[Rejection],
) -> dict[str, Any]:
    asked = Counter(row.passage_id for row in rows)
    shown = [AskedPassage(p.id, p.document, p.page, p.heading, p.text, asked[p.id]) for p in found]
    for file, records in zip(_FILES, (shown, rows, rejections), strict=True):
        write_lines(out / file, records)
    reasons = Counter(item.reason for item in rejections)
    stats = {
        "document": name,
        "passages": len(found),
        "without_question": sum(not one.questions for one in shown),
        "in": len(rows) + len(rejections),
        "out": len(rows),
        "rejected": len(rejections),
        "reasons": dict(sorted(reasons.items())),
        "sha256": written_digests(out, _FILES),
    }
    write_json(out / "stats.json", stats)
    say_outcome(f"{name}: {_summary(stats)}")
    return stats


def _summary(stats: Mapping[str, Any]) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in stats["reasons"].items())
    return (
        f"{counted(stats['passages'], 'passages')} ({stats['without_question']:,} without a question), "
        f"{counted(stats['out'], 'rows')} kept, {stats['rejected']:,} set aside{f' ({reasons})' if reasons else ''}"
    )
