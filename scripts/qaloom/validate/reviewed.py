"""Decisions of a review applied to the rows of all files: dropped, edited, approved, merged; corrections come in."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from qaloom.console import counted, say
from qaloom.decisions import (
    Decision,
    DecisionFile,
    Fitting,
    correction_row,
    fitting,
    is_added,
    note_decision,
    read_decisions,
)
from qaloom.files import ENCODER
from qaloom.project_files import CORRECTIONS
from qaloom.records import Rejection, Row, Survivor, rejected
from qaloom.validate.repair import repair_row
from qaloom.validate.stage import Found, copied_rejections


class RowPlace(msgspec.Struct):
    """Fields that say which row a line is and where it stands."""

    id: str
    source: str
    line: int


class _Rows(NamedTuple):
    """Rows that decisions are about, each by its id, and what stands where the decided rows stood."""

    by_id: dict[str, Row]
    there: set[tuple[str, int]]


class Review:
    """The decisions of a project, to be applied while `gather` puts the files together."""

    def __init__(self, path: Path):
        self.path, self.file = path, read_decisions(path)

    def write(
        self, found: Found, rows: BinaryIO, rejections: BinaryIO
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Write the files' rows as decided, and their rejections; return each file's stats, and what was decided."""
        known = _decided_rows((part / "rows.jsonl" for _, part in found), self.file.in_force)
        fits = fitting(self.file.in_force, known.by_id)
        added = _corrections(fits, known.by_id)
        every = known.by_id | added
        decided = _kept_by_merges(fits, every) | fits.decisions
        shown = {row: edited(every[row], decided.get(row)) for row in every}
        stats = []
        for of_file, part in found:
            set_aside = _write_rows(part / "rows.jsonl", rows, decided, fits.survivors, shown)
            copied_rejections(part, rejections)
            rejections.write(ENCODER.encode_lines(set_aside))
            stats.append(_counted(of_file, set_aside))
        if added:
            rows.write(ENCODER.encode_lines([shown[row] for row in added]))
            stats.append(_stats_of_corrections(len(added)))
        return stats, self._outcome(fits, known)

    def _outcome(self, fits: Fitting, known: _Rows) -> dict[str, Any]:
        """Decisions applied and not applied, for stats.json; each not applied is a line on the terminal, too."""
        applied = Counter(one.action for one in fits.decisions.values())
        misfits = [_misfit(self.file.in_force[row], why, known) for row, why in fits.misfits.items()]
        if applied:
            listed = ", ".join(f"{action} {count:,}" for action, count in sorted(applied.items()))
            say(f"{self.path}: {counted(applied.total(), 'decisions')} applied ({listed})")
        for line in _complaints(self.path, self.file, misfits):
            say(line)
        return {
            "decisions": dict(sorted(applied.items())),
            "decisions_not_applied": misfits,
            "decisions_unreadable": self.file.unreadable,
        }


def edited(row: Row, one: Decision | None) -> Row:
    """The row as a decision leaves it: with the texts of an edit, and the note of who decided."""
    if one is None or one.action not in ("approve", "edit"):
        return row
    texts = _texts(one) if one.action == "edit" else (row.instruction, row.output)
    changed = msgspec.structs.replace(row, instruction=texts[0], output=texts[1])
    changed.id = changed.identity
    note_decision(changed, one)
    return changed


def _texts(one: Decision) -> tuple[str, str]:
    """Question and answer that a decision holds, repaired as those of a source."""
    question, answer = repair_row((one.question, one.answer))[0]
    return question.strip(), answer.strip()


def _decided_rows(files: Iterable[Path], in_force: Mapping[str, Decision]) -> _Rows:
    wanted = in_force.keys() | {one.into for one in in_force.values()}
    places = {(one.source, one.line) for one in in_force.values()}
    found = _Rows({}, set())
    decode, whole = msgspec.json.Decoder(RowPlace).decode, msgspec.json.Decoder(Row).decode
    for path in files:
        with path.open("rb") as stream:
            for line in stream:
                one = decode(line)
                if one.id in wanted:
                    found.by_id.setdefault(one.id, whole(line))
                if (one.source, one.line) in places:
                    found.there.add((one.source, one.line))
    return found


def _corrections(fits: Fitting, known: Mapping[str, Row]) -> dict[str, Row]:
    """Rows of the corrections that are taken and stand in no source."""
    added = {}
    for identity, one in fits.decisions.items():
        if identity not in known and is_added(one):
            added[identity] = correction_row(*_texts(one), one.line)
    return added


def _kept_by_merges(fits: Fitting, rows: Mapping[str, Row]) -> dict[str, Decision]:
    """Rows that stay in the place of merged ones, which approves them where nobody decided about them."""
    kept = {}
    for merged, survivor in fits.survivors.items():
        row, one = rows[survivor], fits.decisions[merged]
        kept[survivor] = Decision("approve", row.id, row.source, row.line, one.by, one.when, one.why)
    return kept


def _write_rows(
    path: Path,
    rows: BinaryIO,
    decided: Mapping[str, Decision],
    survivors: Mapping[str, str],
    shown: Mapping[str, Row],
) -> list[Rejection]:
    """Write a file's rows as decided; return those that are set aside."""
    decode, whole = msgspec.json.Decoder(RowPlace).decode, msgspec.json.Decoder(Row).decode
    set_aside = []
    with path.open("rb") as stream:
        for line in stream:
            one = decided.get(decode(line).id)
            if one is None:
                rows.write(line)
            elif one.action in ("drop", "merge"):
                row = whole(line)
                set_aside.append(_set_aside(row, one, shown.get(survivors.get(row.id, ""))))
            else:
                rows.write(ENCODER.encode(edited(whole(line), one)) + b"\n")
    return set_aside


def _set_aside(row: Row, one: Decision, kept: Row | None) -> Rejection:
    who = f"({one.by}, {one.when}{f': {one.why}' if one.why else ''})"
    if kept is None:
        return rejected(row, "dropped_by_review", f"dropped by review {who}")
    survivor = Survivor(kept.id, kept.source, kept.line, 1.0)
    detail = f"the same as {kept.source}, line {kept.line}, by review {who}"
    return rejected(row, "merged_by_review", detail, survivor)


def _counted(stats: Mapping[str, Any], set_aside: list[Rejection]) -> dict[str, Any]:
    """The stats of a file with rows that are set aside by review."""
    reasons = Counter(stats["reasons"]) + Counter(item.reason for item in set_aside)
    return {
        **stats,
        "out": stats["out"] - len(set_aside),
        "rejected": stats["rejected"] + len(set_aside),
        "reasons": dict(sorted(reasons.items())),
    }


def _stats_of_corrections(count: int) -> dict[str, Any]:
    return {
        "source": str(CORRECTIONS), "in": count, "out": count, "rejected": 0, "reasons": {}, "repairs": {},
        "blank": 0, "kind": "decisions", "encoding": "utf-8",
    }  # fmt: skip


def _misfit(one: Decision, why: str, known: _Rows) -> dict[str, Any]:
    """A decision that is not applied, and why: its row changed or is gone, or the row that a merge would keep is."""
    if why == "no_row":
        why = "row_changed" if (one.source, one.line) in known.there else "row_gone"
    shown = {key: getattr(one, key) for key in ("action", "id", "source", "line", "by", "when")}
    return shown | {"reason": why}


_REASONS = {
    "row_changed": "the row changed",
    "row_gone": "the row is gone",
    "no_survivor": "the row it is merged into is gone",
}


def _complaints(path: Path, file: DecisionFile, misfits: list[dict[str, Any]]) -> Iterable[str]:
    if file.unreadable:
        numbers = ", ".join(map(str, file.unreadable[:10]))
        yield f"{path}: no decision in line {numbers}, which breaks off or is of another form; left out"
    if misfits:
        first, more = misfits[0], len(misfits) - 1
        yield (
            f"{path}: not applied: {first['action']} of {first['source']}, line {first['line']}, "
            f"by {first['by']}: {_REASONS[first['reason']]}{f' (and {more:,} more)' if more else ''}; decide anew"
        )
