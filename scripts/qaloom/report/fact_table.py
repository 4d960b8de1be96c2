"""Ledger of facts as the page shows it: counts by what was learned, and rows for its table."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qaloom.evaluate.fact_records import LedgerFact
from qaloom.files import read_lines
from qaloom.report.quotes import Quoted

LEARNED = ("none", "some", "all", "not_asked", "not_taught")  # in the order of the table
_SHOWN = 2000  # facts in the page; the file has all
_WORDINGS = 20  # of a fact, trained and asked, that are shown
_CHARACTERS = 400  # shown of an answer or a question


@dataclass(frozen=True)
class FactTable:
    """Facts that the page shows, those not learned first; how many there are, by what was learned, and the file."""

    facts: list[LedgerFact]
    n: int
    counts: dict[str, int]
    file: str


def fact_table(path: Path) -> FactTable | None:
    """The table of a run's facts.jsonl; None where there is none."""
    if not path.exists():
        return None
    facts = read_lines(path, LedgerFact)
    counts = Counter(fact.learned for fact in facts)
    facts.sort(key=lambda fact: (LEARNED.index(fact.learned), not fact.contradicted_by))
    named = {name: counts[name] for name in LEARNED if counts[name]}
    return FactTable(facts[:_SHOWN], len(facts), named, "/".join(path.parts[-4:]))


def fact_row(fact: LedgerFact, quotes: Mapping[str, Quoted]) -> list[Any]:
    """One fact as the page's table reads it; an array, as thousands of rows would repeat every key."""
    places = [_place(f"{one.source}:{one.line}", quotes) for one in fact.sources]
    against = [f"{one['source']}:{one['line']}: {_cut(one['output'])}" for one in fact.contradicted_by]
    return [
        fact.learned,
        _cut(fact.answer),
        _some([_cut(one.question) for one in fact.trained]),
        _some([[_cut(one.question), int(one.right["tuned"])] for one in fact.asked]),
        _some(places),
        fact.margin,
        fact.over_competitor,
        _some(against),
        fact.fact,
        [len(fact.trained), len(fact.asked), len(places), len(against)],
    ]


def _place(place: str, quotes: Mapping[str, Quoted]) -> str:
    """Origin of a row: its file and line, or the document that it was written from with page and quote."""
    if not (found := quotes.get(place)):
        return place
    page = f", p. {found.page}" if found.page else ""
    return f"{found.document}{page}: “{_cut(found.quote)}”"


def _cut(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[:_CHARACTERS] + "…"


def _some(values: list[Any]) -> list[Any]:
    return values[:_WORDINGS]
