"""Changes by repairs and by people in a traced row."""

from qaloom.decisions import decision_note
from qaloom.records import Row


def is_edit_of(row: Row, identity: str) -> bool:
    """Whether a row is what a person made of the one whose id begins so."""
    note = decision_note(row)
    return note is not None and note.get("original", "").startswith(identity)


def what_changed(row: Row) -> str:
    """Repairs of a row, and who approved or edited it."""
    repairs = row.details.get("repairs")
    repaired = f"repaired ({', '.join(repairs)})" if repairs else "unchanged"
    note = decision_note(row)
    if note is None:
        return repaired
    who = f"by {note['by']}, {note['when']}" + (f": {note['why']}" if "why" in note else "")
    if note["action"] == "approve":
        return f"{repaired}; approved {who}"
    return f"edited {who}; it was {note['original']}" if "original" in note else f"edited {who}"
