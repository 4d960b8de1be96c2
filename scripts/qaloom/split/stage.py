"""Split: what is trained on, and two held-out sets.

`recall` asks for facts that are trained, in wordings that are not. `unseen` keeps facts (or documents)
out whole. Where a row goes is decided by hashes of its own text, so that rows added later carry none of
the placed ones across; rows that would give a held-out one away are set aside, never moved.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from qaloom.console import say
from qaloom.errors import DataError
from qaloom.files import file_digest, read_lines, write_json, write_lines
from qaloom.records import Row, row_id
from qaloom.split.leak_audit import LONG_ANSWER, audit
from qaloom.text.near_pairs import near_pairs
from qaloom.text.normalize import comparison_key
from qaloom.text.rephrase import rewrite

PARTS = ("train", "recall", "unseen")
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


def split(
    rows: Path, clusters: Path, out: Path, settings: dict[str, Any], threshold: float
) -> dict[str, Any]:
    """Split the rows of a file into train, recall and unseen in the folder `out`; return the manifest.

    `clusters` holds {id, cluster}: questions that are near-equal, transitively, at `threshold` or coarser.
    `settings` is the `split` section of a configuration. Raises DataError when nothing is left to train
    on, LeakError when the audit of the written files finds a leak; no manifest is written then.
    """
    (out / "manifest.json").unlink(missing_ok=True)
    key = _Remembered()
    wordings = [_wording(row, key) for row in read_lines(rows, Row)]
    data, made = _by_origin(wordings)
    cluster = {line["id"]: line["cluster"] for line in read_lines(clusters)}
    notes = _choose_sides(data, settings)
    taught = [w for w in data if w.side == "train"]
    _hold_out_wordings(taught, cluster, settings)
    _set_aside_touching([w for w in data if w.side == "unseen"], taught, cluster, threshold)
    probes = _probes(taught, cluster, settings, threshold, key)
    asked = {w.row.id for w in probes}
    made = [w for w in made if w.row.id not in asked]  # a paraphrase that became the probe
    _place_paraphrases(made, data, probes, threshold)
    placed = sorted([*data, *probes, *made], key=lambda w: w.row.id)
    notes += _notes(placed, settings)
    _write_parts(out, placed)
    audit(out, threshold, settings["by"], key)
    manifest = _manifest(out, placed, notes)
    write_json(out / "manifest.json", manifest)
    say(_summary(manifest))
    return manifest


# --- rows and their keys ------------------------------------------------------------------------------


class _Remembered(dict):
    """`comparison_key` that remembers: every text is compared in several places, and normalising costs most."""

    def __missing__(self, text: str) -> str:
        self[text] = key = comparison_key(text)
        return key

    __call__ = dict.__getitem__


def _wording(row: Row, key: Callable[[str], str]) -> Wording:
    return Wording(row, key(row.question), key(row.output))


def _by_origin(wordings: Iterable[Wording]) -> tuple[list[Wording], list[Wording]]:
    """Rows found in the sources, and rows made of them."""
    data, made = [], []
    for wording in wordings:
        (made if wording.row.parent else data).append(wording)
    if not data:
        raise DataError("split: there is no row to split; see the rejected.jsonl of the stages before")
    return data, made


def _share(seed: int, purpose: str, text: str) -> float:
    """A number in [0, 1) that the seed, what it is for and a text alone decide."""
    digest = hashlib.blake2b(f"{seed}\0{purpose}\0{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


# --- unseen -------------------------------------------------------------------------------------------


def _choose_sides(data: Sequence[Wording], settings: dict[str, Any]) -> list[str]:
    """Give each row its side by its fact's or document's hash; return notes on what could not be."""
    by_document = settings["by"] == "document"
    shares: dict[str, float] = {}
    for wording in data:
        unit = wording.row.group if by_document else wording.answer
        share = shares.get(unit)
        if share is None:
            share = shares[unit] = _share(settings["seed"], "unseen", unit)
        wording.side = "unseen" if share < settings["unseen_fraction"] else "train"
    what = "document" if by_document else "fact"
    return _too_few_units(len(shares), what, settings["unseen_fraction"])


def _too_few_units(units: int, what: str, fraction: float) -> list[str]:
    if units >= _FEW_UNITS or not fraction:
        return []
    some = f"{units} {what}{'s' * (units != 1)}"
    return [f"{some}: too few for a fraction of {fraction:g}, so unseen may be far from it or empty"]


def _set_aside_touching(
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


def _hold_out_wordings(taught: Sequence[Wording], cluster: dict[str, str], settings: dict[str, Any]) -> None:
    """Send wordings to recall by their hash, where their fact stays in train and no near question does.

    A fact's wording with the highest hash is always trained. Of all such rules this one moves fewest
    wordings when rows are added: one leaves train for recall only if every wording that its fact had
    before hashed below the fraction. Near questions stay together: a cluster is held out whole or not.
    """
    shares = [_share(settings["seed"], "recall", w.question) for w in taught]
    highest: dict[str, float] = {}
    for wording, share in zip(taught, shares, strict=True):
        highest[wording.answer] = max(share, highest.get(wording.answer, 0.0))
    staying: dict[str, str] = {}
    drawn = []
    for wording, share in zip(taught, shares, strict=True):
        group = cluster.get(wording.row.id, wording.row.id)
        if share >= settings["recall_fraction"] or share == highest[wording.answer]:
            wording.put("train", "by_hash" if share >= settings["recall_fraction"] else "last_wording")
            staying[group] = min(wording.row.id, staying.get(group, wording.row.id))
        else:
            drawn.append((wording, group))
    for wording, group in drawn:
        if group in staying:
            wording.put("train", "near_train_question", staying[group])
        else:
            wording.put("recall", "by_hash")


def _probes(
    taught: Sequence[Wording],
    cluster: dict[str, str],
    settings: dict[str, Any],
    threshold: float,
    key: Callable[[str], str],
) -> list[Wording]:
    """Rule-made questions for facts with a single wording, at most `probes`, those with the lowest hashes.

    Chosen without regard to paraphrases, so that they are the same with and without them.
    """
    most = settings["probes"] if settings["recall_fraction"] else 0
    single = _single_wordings(taught, cluster)
    single.sort(key=lambda w: (_share(settings["seed"], "probe", w.question), w.row.id))
    known = sorted({w.question for w in taught})
    probes: list[Wording] = []
    while single and len(probes) < most:  # in batches, as most facts have a probe
        batch, single = single[: 2 * most], single[2 * most :]
        probes += _far_probes([_variants(w, key) for w in batch], known, threshold)
    return _distinct(probes)[:most]


def _single_wordings(taught: Sequence[Wording], cluster: dict[str, str]) -> list[Wording]:
    """The row of each fact with a single wording, unless near questions make it ambiguous."""
    of_fact: dict[str, list[Wording]] = defaultdict(list)
    rows = Counter(cluster.get(w.row.id, w.row.id) for w in taught)
    for wording in taught:
        of_fact[wording.answer].append(wording)
    return [
        ws[0]
        for ws in of_fact.values()
        if len(ws) == 1 and rows[cluster.get(ws[0].row.id, ws[0].row.id)] == 1
    ]


def _variants(parent: Wording, key: Callable[[str], str]) -> list[Wording]:
    """The rewritings of a question as probes, turned by its hash so that not all probes have one form."""
    row = parent.row
    questions = rewrite(row.instruction)
    turn = int(len(questions) * _share(0, "form", parent.question))
    return [
        _wording(
            Row(
                row_id(q, row.input, row.output), q, row.input, row.output, row.source, row.line, row.group,
                {}, "rule", row.id, "rules",
            ), key,
        )
        for q in questions[turn:] + questions[:turn]
    ]  # fmt: skip


def _far_probes(batch: Sequence[Sequence[Wording]], known: Sequence[str], threshold: float) -> list[Wording]:
    """Of each fact's variants the first that no question in `known` is near to."""
    mine = sorted({w.question for variants in batch for w in variants})
    near = {mine[i] for i in near_pairs(mine, known, threshold)[0]}
    probes = []
    for variants in batch:
        far = next((w for w in variants if w.question not in near), None)
        if far is not None:
            far.side = "train"
            far.put("recall", "probe")
            probes.append(far)
    return probes


def _distinct(probes: Sequence[Wording]) -> list[Wording]:
    """Two facts may come to the same probe, which then asks for neither."""
    times = Counter(w.question for w in probes)
    return [w for w in probes if times[w.question] == 1]


# --- paraphrases --------------------------------------------------------------------------------------


def _place_paraphrases(
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


# --- what is written ----------------------------------------------------------------------------------


def _write_parts(out: Path, placed: Sequence[Wording]) -> None:
    for part in PARTS:
        write_lines(out / f"{part}.jsonl", (_text(w.row) for w in placed if w.split == part))
    write_lines(out / "placement.jsonl", map(_placement, placed))
    if not any(w.split == "train" for w in placed):
        raise DataError(
            "split: no row is left to train on; with so few facts set split.unseen_fraction to 0, or add rows"
        )


def _text(row: Row) -> dict[str, str]:
    return {"id": row.id, "instruction": row.instruction, "input": row.input, "output": row.output}


def _placement(wording: Wording) -> dict[str, Any]:
    row = wording.row
    fact = hashlib.sha256(wording.answer.encode()).hexdigest()[:16]
    record = {"id": row.id, "split": wording.split, "why": wording.why, "origin": row.origin, "fact": fact}
    record |= {"group": row.group, "source": row.source, "line": row.line}
    for name, value in (("near", wording.near), ("parent", row.parent)):
        if value:
            record[name] = value
    return record


def _notes(placed: Sequence[Wording], settings: dict[str, Any]) -> list[str]:
    """What a person should know about parts that are empty or not as asked."""
    parts = Counter(w.split for w in placed)
    notes = []
    if settings["unseen_fraction"] and not parts["unseen"]:
        notes.append(
            "unseen is empty: nothing hashed below split.unseen_fraction, or all of it touches train; "
            "recall alone is measured"
        )
    if settings["recall_fraction"] and not parts["recall"]:
        notes.append(
            "recall is empty: no fact has a wording to spare and no rule makes one; unseen alone is measured"
        )
    single = [w for w in placed if w.why == "probe"]
    if single:
        notes.append(
            f"{len(single):,} facts with a single wording are asked for by a rule-made probe (origin rule)"
        )
    kept = sum(w.why == "last_wording" for w in placed)
    if kept:
        notes.append(f"{kept:,} wordings hashed to recall stay in train, as their fact has no other there")
    return notes


def _manifest(out: Path, placed: Sequence[Wording], notes: list[str]) -> dict[str, Any]:
    """Counts and digests; nothing of where rows came from, so that moving a source changes nothing."""
    counts = Counter(w.split for w in placed)
    origins = {
        part: dict(sorted(Counter(w.row.origin for w in placed if w.split == part).items())) for part in PARTS
    }
    manifest: dict[str, Any] = {
        part: {"rows": counts[part], "origins": origins[part], "sha256": file_digest(out / f"{part}.jsonl")}
        for part in PARTS
    }
    manifest["facts"] = {part: len({w.answer for w in placed if w.split == part}) for part in PARTS}
    manifest["set_aside"] = dict(sorted(Counter(w.why for w in placed if w.split == "aside").items()))
    manifest["notes"] = notes
    return manifest


def _summary(manifest: dict[str, Any]) -> str:
    parts = ", ".join(f"{manifest[part]['rows']:,} {part}" for part in PARTS)
    aside = manifest["set_aside"]
    reasons = f" ({', '.join(aside)})" if aside else ""
    return f"split: {parts}, {sum(aside.values()):,} set aside{reasons}; audit found no leak"
