"""Leak audit of a written split: every held-out row is compared with every training row.

It shares no decision with the split, only the comparison key and the similarity.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import msgspec

from qaloom.errors import LeakError
from qaloom.files import read_lines, write_json
from qaloom.records import Placement, question_text
from qaloom.text.near_pairs import near_pairs
from qaloom.text.normalize import comparison_key

LONG_ANSWER = 12  # characters of a comparison key; shorter answers (a date, a colour) agree by chance
_SHOWN = 3  # leaks named in the message


class AuditedRow(NamedTuple):
    """A row of train.jsonl, recall.jsonl or unseen.jsonl: the comparison keys of its question and answer."""

    id: str
    question: str
    answer: str


Rows = Sequence[AuditedRow]


class Leak(msgspec.Struct, array_like=True):
    """A held-out row and the training row that gives it away ("" where none is needed), with their score."""

    held_out: str
    train: str
    score: float


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


class Audit(msgspec.Struct):
    """The content of audit.json."""

    leaks: int
    threshold: float
    by: str
    rows: dict[str, int]
    checks: dict[str, CheckResult]


def audit(
    folder: Path, threshold: float, by: str = "answer", key: Callable[[str], str] = comparison_key
) -> Audit:
    """Check the split in `folder`, write audit.json there and return its content.

    `key` may be a cache of `comparison_key`. Raises LeakError, one line with the first leaks and their
    places, when a promise is broken.
    """
    train, recall, unseen = (_read(folder / f"{name}.jsonl", key) for name in ("train", "recall", "unseen"))
    checks = _checks(train, recall, unseen, threshold)
    if by == "document":
        checks.append(_documents(_placements(folder), unseen, train))
    rows = {"train": len(train), "recall": len(recall), "unseen": len(unseen)}
    result = _result(checks, threshold, by, rows)
    write_json(folder / "audit.json", msgspec.to_builtins(result))
    if result.leaks:
        raise LeakError(_message(checks, _placements(folder)))
    return result


def _checks(train: Rows, recall: Rows, unseen: Rows, threshold: float) -> list[Check]:
    long = [row for row in unseen if len(row.answer) >= LONG_ANSWER]
    return [
        _near("unseen_question", unseen, train, itemgetter(1), threshold),
        _near("unseen_answer", long, train, itemgetter(2), threshold),
        _shared("unseen_fact", unseen, train),
        _near("recall_question", recall, train, itemgetter(1), threshold),
        _untaught(recall, train),
        _ids(train, recall, unseen),
    ]


def _read(path: Path, key: Callable[[str], str]) -> list[AuditedRow]:
    decode = msgspec.json.Decoder(dict[str, str]).decode
    with path.open("rb") as stream:  # keyed line by line: a million texts need not be held
        return [_text(decode(line), key) for line in stream]


def _text(row: dict[str, str], key: Callable[[str], str]) -> AuditedRow:
    question = question_text(row["instruction"], row["input"])
    return AuditedRow(row["id"], key(question), key(row["output"]))


def _placements(folder: Path) -> dict[str, Placement]:
    return {p.id: p for p in read_lines(folder / "placement.jsonl", Placement)}


def _near(
    name: str,
    held: Rows,
    train: Rows,
    key: Callable[[AuditedRow], str],
    threshold: float,
) -> Check:
    """No held-out key is near-equal to a train key."""
    left, right = _by_key(held, key), _by_key(train, key) if held else {}
    keys, others = list(left), list(right)
    pairs = near_pairs(keys, others, threshold)
    leaks = [Leak(left[keys[i]], right[others[j]], float(score)) for i, j, score in zip(*pairs, strict=True)]
    return Check(name, len(keys) * len(others), leaks)


def _by_key(texts: Iterable[AuditedRow], key: Callable[[AuditedRow], str]) -> dict[str, str]:
    """The first id of each key."""
    ids: dict[str, str] = {}
    for text in texts:
        ids.setdefault(key(text), text.id)
    return ids


def _shared(name: str, held: Rows, train: Rows) -> Check:
    """No held-out answer is a train answer, however short."""
    left, right = _by_key(held, itemgetter(2)), _by_key(train, itemgetter(2)) if held else {}
    return Check(name, len(left), [Leak(left[k], right[k], 1.0) for k in left if k in right])


def _untaught(recall: Rows, train: Rows) -> Check:
    """Every recall question asks for a fact that train teaches."""
    taught = {text.answer for text in train} if recall else set()
    return Check(
        "recall_fact_in_train", len(recall), [Leak(t.id, "", 0.0) for t in recall if t.answer not in taught]
    )


def _ids(*parts: Rows) -> Check:
    """An id stands once, in one part."""
    seen: set[str] = set()
    leaks: list[Leak] = []
    for part in parts:
        leaks += [Leak(text.id, text.id, 1.0) for text in part if text.id in seen]
        seen.update(text.id for text in part)
    return Check("ids_disjoint", sum(map(len, parts)), leaks)


def _documents(placed: dict[str, Placement], unseen: Rows, train: Rows) -> Check:
    trained = {placed[text.id].group: text.id for text in train if text.id in placed}
    held = [(t.id, placed[t.id].group) for t in unseen if t.id in placed]
    leaks = [Leak(identity, trained[group], 1.0) for identity, group in held if group in trained]
    return Check("unseen_document", len(unseen), leaks)


def _result(checks: Sequence[Check], threshold: float, by: str, rows: dict[str, int]) -> Audit:
    shown = {c.name: CheckResult(c.compared, len(c.leaks), c.leaks[:_SHOWN]) for c in checks}
    return Audit(sum(len(check.leaks) for check in checks), threshold, by, rows, shown)


def _message(checks: Sequence[Check], placed: dict[str, Placement]) -> str:
    broken = [check for check in checks if check.leaks]
    shown = "; ".join(_sentence(broken[0].name, leak, placed) for leak in broken[0].leaks[:_SHOWN])
    count = sum(len(check.leaks) for check in broken)
    return f"split: the audit found {count:,} leak(s) ({', '.join(check.name for check in broken)}): {shown}"


def _sentence(name: str, leak: Leak, placed: dict[str, Placement]) -> str:
    where = _where(leak.held_out, placed)
    if name == "recall_fact_in_train":
        return f"{where} asks for a fact that no train row teaches"
    return f"{where} is {leak.score:.3f} similar to {_where(leak.train, placed)} in train"


def _where(id: str, placed: dict[str, Placement]) -> str:
    found = placed.get(id)
    return f"{id} ({found.source}, line {found.line})" if found else id
