"""A row as the review page shows it: texts, place, page and quote, why it stands there, what was decided."""

from typing import Any

from qaloom.decisions import Decision
from qaloom.records import Row
from qaloom.sentences import in_korean


def shown_side(row: Row, duplicate: str) -> dict[str, Any]:
    """A row's texts and where they come from; `duplicate` is what dedup said of one that it merged."""
    details = row.details
    found = {key: str(details.get(key) or "").strip() for key in ("page", "quote", "heading")}
    return {
        "id": row.id,
        "question": row.instruction,
        "context": row.context,
        "answer": row.output,
        "source": row.source,
        "line": row.line,
        "document": row.group,
        **found,
        "duplicate": in_both(duplicate) if duplicate else None,
    }


def shown_decision(one: Decision | None, kept: Row | None) -> dict[str, Any]:
    """The decision in force on a row; of a merge with the question of the row that is kept."""
    if one is None:
        return {"decision": None}
    texts = {"question": one.question, "answer": one.answer} if one.action == "edit" else {}
    into = {"into": kept.instruction if kept else one.into} if one.action == "merge" else {}
    return {
        "decision": {"action": one.action, "by": one.by, "when": one.when, "why": one.why, **texts, **into}
    }


def in_both(sentence: str) -> dict[str, str]:
    """A stage's sentence in English and Korean."""
    return {"en": sentence, "ko": in_korean(sentence) or sentence}
