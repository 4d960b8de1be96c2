"""Lines of placement.jsonl and contradictions.jsonl, of which a test names what it is about."""

from typing import Any

from qaloom.records import ContradictedRow, Contradiction, Placement


def placement(**given: Any) -> Placement:
    """A placement with empty fields where nothing is given."""
    place = {"split": "recall", "why": "", "origin": "data", "fact": "", "group": "", "source": "", "line": 0}
    return Placement(**place | given)


def contradiction(*rows: tuple[str, str, int, str]) -> Contradiction:
    """A contradiction of rows (id, source, line, answer)."""
    texts = [ContradictedRow(id=i, source=s, line=n, instruction="", output=o) for i, s, n, o in rows]
    return Contradiction(texts, 1.0)
