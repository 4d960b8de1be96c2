"""Leak audit of a written split: no fact on both sides, every recall question taught, every row in one part.

It reads the files alone and follows the definition of a fact (`facts`); it shares no decision with the split.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from qaloom.errors import LeakError
from qaloom.files import each_line, write_json
from qaloom.inference.embeddings import Embedder
from qaloom.records import Placement, Row, placed_row
from qaloom.split.fact_pairs import grouped_pairs, near_answer_pairs, near_question_pairs
from qaloom.split.facts import Comparison, Relation, Statement, comparison_of
from qaloom.split.meaning import link_by_meaning
from qaloom.text.content_words import differ_in_endings_alone
from qaloom.text.differences import Difference

_SHOWN = 3  # leaks named in the message
_PARTS = ("train", "recall", "unseen")
_UNKNOWN = Placement("", "", "", "data", "", "", "", 0)

Rows = Sequence[Statement]
Places = dict[str, Placement]


class Leak(msgspec.Struct, array_like=True):
    """A held-out row and the training row that gives it away ("" where none is needed), with their relation."""

    held_out: str
    train: str
    relation: str


class Check(NamedTuple):
    """One promise of the split: how many comparisons were made, and the leaks that break it."""

    name: str
    compared: int
    leaks: list[Leak]


class CheckResult(msgspec.Struct):
    """A check as audit.json shows it: `first` holds no more than three leaks."""

    compared: int
    leaks: int
    first: list[Leak]


class Known(NamedTuple):
    """Statements by id, and the comparison that was made of those of the sources: spares making them again."""

    statements: Mapping[str, Statement] = MappingProxyType({})
    comparison: Comparison | None = None


class Audit(msgspec.Struct):
    """The content of audit.json."""

    leaks: int
    threshold: float
    by: str
    rows: dict[str, int]
    checks: dict[str, CheckResult]


def audit(
    folder: Path,
    threshold: float,
    by: str = "answer",
    known: Known = Known(),
    embedder: Embedder | None = None,
) -> Audit:
    """Check the split in `folder`, write audit.json there and return its content.

    Of what is `known` a statement counts whose row is word for word the row of the files, and the comparison where
    all of them do. Raises LeakError, one line with the first leaks and their places, when a promise is broken.
    """
    placed = _places(folder / "placement.jsonl")
    whole, recall, unseen = (_read(folder / f"{name}.jsonl", placed, known.statements) for name in _PARTS)
    forms = [s for s in whole if s.row.origin == "form"]  # they say what their parents say
    train = [s for s in whole if s.row.origin != "form"]
    comparison = _comparison([*train, *recall, *unseen], threshold, known, embedder)
    checks = [
        _unseen_facts(unseen, train, comparison),
        _taught(recall, train, placed, comparison),
        _recall_questions(recall, train, placed, comparison),
        _forms(forms, train, [*recall, *unseen], comparison),
        _ids(whole, recall, unseen),
        _in_their_parts(placed, (whole, recall, unseen), _final_forms(folder, placed)),
    ]
    if by == "document":
        checks.append(_documents(unseen, train))
    result = _result(checks, threshold, by, (whole, recall, unseen))
    write_json(folder / "audit.json", msgspec.to_builtins(result))
    if result.leaks:
        raise LeakError(_message(checks, placed))
    return result


def _comparison(statements: Rows, threshold: float, known: Known, embedder: Embedder | None) -> Comparison:
    """The comparison of the rows of the sources; the known one where it was made of the same rows."""
    sources = [s for s in statements if s.row.origin == "data"]
    found = known.comparison
    same = all(known.statements.get(s.row.id) is s for s in sources)
    if found and same and found.threshold == threshold and len(found.units) == len(sources):
        return found
    found = comparison_of(sources, threshold)
    if embedder:
        link_by_meaning(sources, found, embedder)
    return found


def _places(path: Path) -> Places:
    """Placements by id; names and codes stand in memory once, and an id that is also the fact's."""
    placed: Places = {}
    for p in each_line(path, Placement):
        p.group, p.source, p.split, p.why = map(sys.intern, (p.group, p.source, p.split, p.why))
        p.origin, p.closed = sys.intern(p.origin), sys.intern(p.closed)
        p.fact = p.id if p.fact == p.id else p.fact
        placed[p.id] = p
    return placed


def _read(path: Path, placed: Places, known: Mapping[str, Statement]) -> list[Statement]:
    return [
        _statement(text, placed.get(text["id"], _UNKNOWN), known.get(text["id"]))
        for text in each_line(path, dict)
    ]


def _statement(text: dict[str, Any], place: Placement, known: Statement | None) -> Statement:
    if known and known.row.texts == text and _place(known.row) == _place(place):
        return known
    return Statement(placed_row(place, text, place.origin))


def _place(one: Row | Placement) -> tuple:
    return one.source, one.line, one.group, one.origin, one.parent


def _unseen_facts(unseen: Rows, train: Rows, comparison: Comparison) -> Check:
    """No train row states the fact of an unseen one."""
    found: dict[str, Leak] = {}
    compared = 0
    for one, other in _candidates(unseen, train, comparison):
        compared += 1
        if comparison.relation(one, other) == Relation.SAME_FACT:
            found.setdefault(one.row.id, Leak(one.row.id, other.row.id, "states the same fact as"))
    return Check("unseen_fact", compared, list(found.values()))


def _candidates(held: Rows, train: Rows, comparison: Comparison) -> Iterator[tuple[Statement, Statement]]:
    for search in (near_question_pairs, near_answer_pairs):
        yield from ((held[i], train[j]) for i, j in search(held, train, comparison.threshold))
    units = {statement.unit for statement in held}
    both = [*held, *(statement for statement in train if statement.unit in units)]
    for pair in grouped_pairs(both, [""] * len(both), comparison):
        i, j = sorted(pair)
        if i < len(held) <= j:
            yield both[i], both[j]
    if comparison.links:
        asked, taught = ({s.row.id: s for s in rows} for rows in (held, train))
        yield from ((asked[a], taught[b]) for a, b in comparison.links if a in asked and b in taught)


def _taught(recall: Rows, train: Rows, placed: Places, comparison: Comparison) -> Check:
    """Every recall question has a train row that teaches its fact: the one that its placement names."""
    trained = {statement.row.id: statement for statement in train}
    unknown = []
    for statement in recall:
        teacher = trained.get(placed[statement.row.id].near) if statement.row.id in placed else None
        if teacher is None or not comparison.states_answer(statement, teacher):
            unknown.append(statement)
    taught = {
        one.row.id
        for one, other in (_candidates(unknown, train, comparison) if unknown else ())
        if comparison.relation(one, other) == Relation.SAME_FACT
    }
    leaks = [
        Leak(s.row.id, "", "asks for a fact that no train row teaches")
        for s in unknown
        if s.row.id not in taught
    ]
    return Check("recall_taught", len(recall), leaks)


def _recall_questions(recall: Rows, train: Rows, placed: Places, comparison: Comparison) -> Check:
    """No train question differs from a recall one in the ending alone, unless that is marked light."""
    full = [s for s in recall if s.row.id in placed and not placed[s.row.id].light]
    found: dict[str, Leak] = {}
    pairs = near_question_pairs(full, train, comparison.threshold)
    for i, j in pairs:
        if comparison.asked_alike(full[i], train[j]) == Difference.HARMLESS:
            found[full[i].row.id] = Leak(full[i].row.id, train[j].row.id, "asks the same as")
    facts = {placed[s.row.id].fact for s in full}
    by_fact = {(fact, s.figures): s for s in train if (fact := placed.get(s.row.id, _UNKNOWN).fact) in facts}
    for statement in full:
        other = by_fact.get((placed[statement.row.id].fact, statement.figures))
        if other and differ_in_endings_alone(statement.row.question, other.row.question):
            found[statement.row.id] = Leak(statement.row.id, other.row.id, "differs in the ending alone from")
    return Check("recall_question", len(pairs) + len(full), list(found.values()))


def _forms(forms: Rows, train: Rows, held: Rows, comparison: Comparison) -> Check:
    """The row that a trained form is made of is trained, no form is asked, and none asks what is held out."""
    trained = {s.row.id for s in train}
    leaks = [
        Leak(s.row.id, s.row.parent, "is a trained form of a row that is not, ")
        for s in forms
        if s.row.parent not in trained
    ]
    leaks += [
        Leak(s.row.id, "", "is a form, and held out to be asked") for s in held if s.row.origin == "form"
    ]
    pairs = near_question_pairs(forms, held, comparison.threshold)
    leaks += [
        Leak(held[j].row.id, forms[i].row.id, "asks the same as the form")
        for i, j in pairs
        if comparison.asked_alike(forms[i], held[j]) == Difference.HARMLESS
    ]
    return Check("forms", len(forms) + len(pairs), leaks)


def _final_forms(folder: Path, placed: Places) -> set[str]:
    """Ids of the forms that the final model alone is trained on, in its file."""
    wanted = {p.id for p in placed.values() if p.split == "final" and p.origin == "form"}
    return (
        {row["id"] for row in each_line(folder / "final.jsonl", dict) if row["id"] in wanted}
        if wanted
        else set()
    )


def _ids(*parts: Rows) -> Check:
    """An id stands once, in one part."""
    times = Counter(s.row.id for part in parts for s in part)
    leaks = [Leak(identity, identity, "stands twice, as") for identity, count in times.items() if count > 1]
    return Check("ids_disjoint", times.total(), leaks)


def _in_their_parts(placed: Places, parts: Sequence[Rows], final_forms: set[str]) -> Check:
    """Every row of placement.jsonl is in the file of its part."""
    there = {name: {s.row.id for s in part} for name, part in zip(_PARTS, parts, strict=True)}
    there["final"] = final_forms
    lost = [p.id for p in placed.values() if p.id not in there.get(p.split, ())]
    return Check("every_row_placed", len(placed), [Leak(identity, "", "is in no part") for identity in lost])


def _documents(unseen: Rows, train: Rows) -> Check:
    trained = {s.row.group: s.row.id for s in train}
    leaks = [
        Leak(s.row.id, trained[s.row.group], "is from the same document as")
        for s in unseen
        if s.row.group in trained
    ]
    return Check("unseen_document", len(unseen), leaks)


def _result(checks: Sequence[Check], threshold: float, by: str, parts: Sequence[Rows]) -> Audit:
    rows = dict(zip(_PARTS, map(len, parts), strict=True))
    shown = {c.name: CheckResult(c.compared, len(c.leaks), c.leaks[:_SHOWN]) for c in checks}
    return Audit(sum(len(check.leaks) for check in checks), threshold, by, rows, shown)


def _message(checks: Sequence[Check], placed: Places) -> str:
    broken = [check for check in checks if check.leaks]
    shown = "; ".join(_sentence(leak, placed) for leak in broken[0].leaks[:_SHOWN])
    count = sum(len(check.leaks) for check in broken)
    return f"split: the audit found {count:,} leak(s) ({', '.join(check.name for check in broken)}): {shown}"


def _sentence(leak: Leak, placed: Places) -> str:
    train = f" {_where(leak.train, placed)}" if leak.train else ""
    return f"{_where(leak.held_out, placed)} {leak.relation}{train}"


def _where(id: str, placed: Places) -> str:
    found = placed.get(id)
    return f"{id} ({found.source}, line {found.line})" if found else id
