"""Placement of rows: train, recall or unseen, decided by hashes of each row's own text.

Rows that are added later carry none of the placed ones across. Rows that would give a held-out one away are
set aside, never moved.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

import msgspec

from qaloom.config.settings import SplitSettings
from qaloom.errors import DataError
from qaloom.records import Row
from qaloom.split.leak_audit import LONG_ANSWER
from qaloom.text.near_pairs import near_pairs
from qaloom.text.normalize import comparison_key

_FEW_UNITS = 20  # below, a fraction of facts or documents is a matter of luck, and the notes say so


class Wording(msgspec.Struct, eq=False, gc=False):
    """A row on its way to its place.

    `question` and `answer` are comparison keys; `side` is train or unseen; `split` is a part or `aside`;
    `why` is a reason code; `near` the id of the row that decided, where one did.
    """

    row: Row
    question: str
    answer: str
    side: str = ""
    split: str = ""
    why: str = ""
    near: str = ""

    def put(self, split: str, why: str, near: str = "") -> None:
        """Give it its place."""
        self.split, self.why, self.near = split, why, near


class ComparisonKeys(dict[str, str]):
    """Cache of `comparison_key`: every text is compared in several places, and normalising costs most."""

    def __missing__(self, text: str) -> str:
        self[text] = key = comparison_key(text)
        return key

    __call__ = dict.__getitem__


def to_wording(row: Row, key: Callable[[str], str]) -> Wording:
    """A row with the comparison keys of its question and answer."""
    return Wording(row, key(row.question), key(row.output))


def by_origin(wordings: Iterable[Wording]) -> tuple[list[Wording], list[Wording]]:
    """Rows found in the sources, and rows made of them."""
    data: list[Wording] = []
    made: list[Wording] = []
    for wording in wordings:
        (made if wording.row.parent else data).append(wording)
    if not data:
        raise DataError("split: there is no row to split; see the rejected.jsonl of the stages before")
    return data, made


def hash_share(seed: int, purpose: str, text: str) -> float:
    """A number in [0, 1), a hash of the seed, its purpose and a text."""
    digest = hashlib.blake2b(f"{seed}\0{purpose}\0{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


# --- unseen -------------------------------------------------------------------------------------------


def choose_sides(data: Sequence[Wording], settings: SplitSettings) -> list[str]:
    """Give each row its side by its fact's or document's hash; return notes on what could not be."""
    by_document = settings.by == "document"
    shares: dict[str, float] = {}
    for wording in data:
        unit = wording.row.group if by_document else wording.answer
        share = shares.get(unit)
        if share is None:
            share = shares[unit] = hash_share(settings.seed, "unseen", unit)
        wording.side = "unseen" if share < settings.unseen_fraction else "train"
    what = "document" if by_document else "fact"
    return _too_few_units(len(shares), what, settings.unseen_fraction)


def _too_few_units(units: int, what: str, fraction: float) -> list[str]:
    if units >= _FEW_UNITS or not fraction:
        return []
    some = f"{units} {what}{'s' * (units != 1)}"
    return [f"{some}: too few for a fraction of {fraction:g}, so unseen may be far from it or empty"]


def set_aside_touching(
    unseen: Sequence[Wording], taught: Sequence[Wording], cluster: dict[str, str], threshold: float
) -> None:
    """Place unseen rows, but set aside those whose question or answer the train side gives away.

    The train side counts whole, recall wordings too, so that unseen does not depend on recall_fraction.
    """
    facts = {w.answer: w.row.id for w in taught}
    near_question = _nearest(*_sharing_clusters(unseen, taught, cluster), lambda w: w.question, threshold)
    near_answer = _nearest(
        [w for w in unseen if len(w.answer) >= LONG_ANSWER], taught, lambda w: w.answer, threshold
    )
    for wording in unseen:
        found = (
            facts.get(wording.answer)
            or near_question.get(wording.question)
            or near_answer.get(wording.answer)
        )
        if found:
            wording.put("aside", "touches_train", found)
        else:
            wording.put("unseen", "by_hash")


def _sharing_clusters(
    left: Sequence[Wording], right: Sequence[Wording], cluster: dict[str, str]
) -> tuple[list[Wording], list[Wording]]:
    """The rows of either side whose cluster has rows on both: only these can be near each other."""
    sides = [[(w, cluster.get(w.row.id, w.row.id)) for w in side] for side in (left, right)]
    both = {c for _, c in sides[0]} & {c for _, c in sides[1]}
    one, other = ([w for w, c in side if c in both] for side in sides)
    return one, other


def _nearest(
    left: Sequence[Wording], right: Sequence[Wording], key: Callable[[Wording], str], threshold: float
) -> dict[str, str]:
    """For each key on the left with a near-equal one on the right, the id of the nearest row there."""
    mine, ids = sorted({key(w) for w in left}), {}
    for wording in sorted(right, key=lambda w: w.row.id, reverse=True) if mine else ():
        ids[key(wording)] = wording.row.id
    others = sorted(ids)
    best: dict[str, tuple[float, str]] = {}
    for i, j, score in zip(*near_pairs(mine, others, threshold), strict=True):
        best[mine[i]] = max(best.get(mine[i], (0.0, "")), (float(score), ids[others[j]]))
    return {k: identity for k, (_, identity) in best.items()}


# --- recall -------------------------------------------------------------------------------------------


def hold_out_wordings(taught: Sequence[Wording], cluster: dict[str, str], settings: SplitSettings) -> None:
    """Send wordings to recall by their hash, where their fact stays in train and no near question does.

    A fact's wording with the highest hash is always trained. Of all such rules this one moves fewest
    wordings when rows are added: one leaves train for recall only if every wording that its fact had
    before hashed below the fraction. Near questions stay together: a cluster is held out whole or not.
    """
    shares = [hash_share(settings.seed, "recall", w.question) for w in taught]
    highest: dict[str, float] = {}
    for wording, share in zip(taught, shares, strict=True):
        highest[wording.answer] = max(share, highest.get(wording.answer, 0.0))
    staying: dict[str, str] = {}
    drawn = []
    for wording, share in zip(taught, shares, strict=True):
        group = cluster.get(wording.row.id, wording.row.id)
        if share >= settings.recall_fraction or share == highest[wording.answer]:
            wording.put("train", "by_hash" if share >= settings.recall_fraction else "last_wording")
            staying[group] = min(wording.row.id, staying.get(group, wording.row.id))
        else:
            drawn.append((wording, group))
    for wording, group in drawn:
        if group in staying:
            wording.put("train", "near_train_question", staying[group])
        else:
            wording.put("recall", "by_hash")


# --- paraphrases --------------------------------------------------------------------------------------


def place_paraphrases(
    made: Sequence[Wording], data: Sequence[Wording], probes: Sequence[Wording], threshold: float
) -> None:
    """Paraphrases follow their parent; what stands against a row from the sources is set aside."""
    parents = {w.row.id: w for w in data}
    for wording in made:
        parent = parents.get(wording.row.parent)
        if parent is None:
            raise DataError(
                f"split: row {wording.row.id} is a paraphrase of {wording.row.parent}, which is not there"
            )
        wording.side = parent.side
        wording.put(parent.split, "with_parent" if parent.split != "aside" else parent.why, parent.row.id)
    held = [w for w in [*data, *probes] if w.split in ("recall", "unseen")]
    _yield_to(held, [w for w in made if w.split == "train"], "touches_held_out", threshold)
    taught = [w for w in [*data, *made] if w.split == "train"]
    _yield_to(taught, [w for w in made if w.split in ("recall", "unseen")], "touches_train", threshold)


def _yield_to(standing: Sequence[Wording], yielding: Sequence[Wording], why: str, threshold: float) -> None:
    near = _nearest(yielding, standing, lambda w: w.question, threshold)
    for wording in yielding:
        if wording.question in near:
            wording.put("aside", why, near[wording.question])
