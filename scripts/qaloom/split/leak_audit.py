"""The leak audit: reads the split as it was written and looks for anything that training gives away.

It shares no decision with the split, only the comparison key and the similarity.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from qaloom.errors import LeakError
from qaloom.files import read_lines, write_json
from qaloom.records import question_text
from qaloom.text.near_pairs import near_pairs
from qaloom.text.normalize import comparison_key

LONG_ANSWER = 12  # characters squashed; shorter answers (a date, a colour) meet by chance
_SHOWN = 3  # leaks named in the message


class Text(NamedTuple):
    """A row of train.jsonl, recall.jsonl or unseen.jsonl: the comparison keys of its question and answer."""

    id: str
    question: str
    answer: str


class Placed(msgspec.Struct):
    """The part of a line of placement.jsonl that the audit needs."""

    id: str
    group: str
    source: str
    line: int


class Check(NamedTuple):
    """One promise: its name, how much was compared, what breaks it: (held-out id, train id or '', score)."""

    name: str
    compared: int
    leaks: list[tuple[str, str, float]]


def audit(
    folder: Path, threshold: float, by: str = "answer", key: Callable[[str], str] = comparison_key
) -> dict[str, Any]:
    """Check the split in `folder` and write audit.json there; return what it says.

    Raises LeakError, one line with the first leaks and their places, when a promise is broken. `key` may
    remember what `comparison_key` gave before; it must give the same.
    """
    train, recall, unseen = (_read(folder / f"{name}.jsonl", key) for name in ("train", "recall", "unseen"))
    long = [t for t in unseen if len(t.answer) >= LONG_ANSWER]
    checks = [
        _near("unseen_question", unseen, train, itemgetter(1), threshold),
        _near("unseen_answer", long, train, itemgetter(2), threshold),
        _shared("unseen_fact", unseen, train),
        _near("recall_question", recall, train, itemgetter(1), threshold),
        _untaught(recall, train),
        _ids(train, recall, unseen),
    ]
    if by == "document":
        checks.append(_documents(_placed(folder), unseen, train))
    result = _result(checks, threshold, by, len(train), len(recall), len(unseen))
    write_json(folder / "audit.json", result)
    if result["leaks"]:
        raise LeakError(_message(checks, _placed(folder)))
    return result


def _read(path: Path, key: Callable[[str], str]) -> list[Text]:
    decode = msgspec.json.Decoder(dict[str, str]).decode
    with path.open("rb") as stream:  # keyed line by line: a million texts need not be held
        return [_text(decode(line), key) for line in stream]


def _text(row: dict[str, str], key: Callable[[str], str]) -> Text:
    asked = question_text(row["instruction"], row["input"])
    return Text(row["id"], key(asked), key(row["output"]))


def _placed(folder: Path) -> dict[str, Placed]:
    return {p.id: p for p in read_lines(folder / "placement.jsonl", Placed)}


def _near(
    name: str, held: Sequence[Text], train: Sequence[Text], key: Callable[[Text], str], threshold: float
) -> Check:
    """No held-out key is near-equal to a train key."""
    left, right = _by_key(held, key), _by_key(train, key) if held else {}
    keys, others = list(left), list(right)
    pairs = near_pairs(keys, others, threshold)
    leaks = [(left[keys[i]], right[others[j]], float(score)) for i, j, score in zip(*pairs, strict=True)]
    return Check(name, len(keys) * len(others), leaks)


def _by_key(texts: Iterable[Text], key: Callable[[Text], str]) -> dict[str, str]:
    """The first id of each key."""
    ids: dict[str, str] = {}
    for text in texts:
        ids.setdefault(key(text), text.id)
    return ids


def _shared(name: str, held: Sequence[Text], train: Sequence[Text]) -> Check:
    """No held-out answer is a train answer, however short."""
    left, right = _by_key(held, itemgetter(2)), _by_key(train, itemgetter(2)) if held else {}
    return Check(name, len(left), [(left[k], right[k], 1.0) for k in left if k in right])


def _untaught(recall: Sequence[Text], train: Sequence[Text]) -> Check:
    """Every recall question asks for a fact that train teaches."""
    taught = {text.answer for text in train} if recall else set()
    return Check(
        "recall_fact_in_train", len(recall), [(t.id, "", 0.0) for t in recall if t.answer not in taught]
    )


def _ids(*parts: Sequence[Text]) -> Check:
    """An id stands once, in one part."""
    seen: set[str] = set()
    leaks = []
    for part in parts:
        leaks += [(text.id, text.id, 1.0) for text in part if text.id in seen]
        seen.update(text.id for text in part)
    return Check("ids_disjoint", sum(map(len, parts)), leaks)


def _documents(placed: dict[str, Placed], unseen: Sequence[Text], train: Sequence[Text]) -> Check:
    trained = {placed[text.id].group: text.id for text in train if text.id in placed}
    held = [(t.id, placed[t.id].group) for t in unseen if t.id in placed]
    leaks = [(identity, trained[group], 1.0) for identity, group in held if group in trained]
    return Check("unseen_document", len(unseen), leaks)


def _result(
    checks: Sequence[Check], threshold: float, by: str, train: int, recall: int, unseen: int
) -> dict[str, Any]:
    return {
        "leaks": sum(len(check.leaks) for check in checks),
        "threshold": threshold,
        "by": by,
        "rows": {"train": train, "recall": recall, "unseen": unseen},
        "checks": {
            c.name: {"compared": c.compared, "leaks": len(c.leaks), "first": c.leaks[:_SHOWN]} for c in checks
        },
    }


def _message(checks: Sequence[Check], placed: dict[str, Placed]) -> str:
    broken = [check for check in checks if check.leaks]
    shown = "; ".join(_sentence(broken[0].name, *leak, placed) for leak in broken[0].leaks[:_SHOWN])
    count = sum(len(check.leaks) for check in broken)
    return f"split: the audit found {count:,} leak(s) ({', '.join(check.name for check in broken)}): {shown}"


def _sentence(name: str, held: str, train: str, score: float, placed: dict[str, Placed]) -> str:
    if name == "recall_fact_in_train":
        return f"{_where(held, placed)} asks for a fact that no train row teaches"
    return f"{_where(held, placed)} is {score:.3f} similar to {_where(train, placed)} in train"


def _where(id: str, placed: dict[str, Placed]) -> str:
    found = placed.get(id)
    return f"{id} ({found.source}, line {found.line})" if found else id
