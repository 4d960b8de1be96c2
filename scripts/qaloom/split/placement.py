"""Placement of rows: train, recall or unseen.

The side of a row (train or unseen) is a hash of its own text, so that added rows carry none across. What the
train side gives away of the unseen side becomes a recall question: its fact is taught. Everything that cannot
be held out is trained.
"""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain

from qaloom.config.settings import SplitSettings
from qaloom.errors import DataError
from qaloom.inference.embeddings import Embedder
from qaloom.records import Row
from qaloom.split.fact_pairs import Pair, grouped_pairs, near_answer_pairs, near_question_pairs, related
from qaloom.split.facts import Comparison, Relation, Statement, comparison_of
from qaloom.split.meaning import link_by_meaning
from qaloom.text.content_words import differ_in_endings_alone
from qaloom.text.differences import Difference

_FEW_QUESTIONS = 20  # recall questions that small data sets get, whatever the fraction, of half their facts


class Wording(Statement):
    """A row on its way to its place.

    `part` is train, recall or unseen and `why` a reason code. `near` is the id of the row that decided, for
    recall the trained row that teaches its fact. `light` marks a recall question that differs from a trained
    one in its ending alone. `fact` is an id that the rows of one fact share, `cluster` one that near questions
    share, "" for a row that dedup did not see.
    """

    __slots__ = ("cluster", "fact", "light", "near", "part", "side", "why")

    def __init__(self, row: Row, question: str | None, answer: str | None, cluster: str = "") -> None:
        super().__init__(row, question, answer)
        self.cluster = cluster
        self.side = self.part = self.why = self.near = ""
        self.fact = row.id
        self.light = False

    def put(self, part: str, why: str, near: str = "") -> None:
        """Give it its place."""
        self.part, self.why, self.near = part, why, near


def hash_share(seed: int, purpose: str, text: str) -> float:
    """A number in [0, 1), a hash of the seed, its purpose and a text."""
    digest = _begun(seed, purpose).copy()
    digest.update(text.encode())
    return int.from_bytes(digest.digest(), "big") / 2**64


@cache
def _begun(seed: int, purpose: str) -> hashlib.blake2b:
    return hashlib.blake2b(f"{seed}\0{purpose}\0".encode(), digest_size=8)


class Facts:
    """The relations among the rows of the sources, by their positions."""

    def __init__(
        self, data: Sequence[Wording], pairs: Mapping[Pair, Relation], comparison: Comparison
    ) -> None:
        self.comparison = comparison
        self.same: dict[int, list[int]] = defaultdict(list)
        self.alike: dict[int, list[int]] = defaultdict(list)  # the same question, whatever its answer
        for (i, j), relation in pairs.items():
            asked = comparison.asked_alike(data[i], data[j]) == Difference.HARMLESS
            for one, other in ((i, j), (j, i)):
                if relation == Relation.SAME_FACT:
                    self.same[one].append(other)
                if asked:
                    self.alike[one].append(other)


def choose_sides(data: Sequence[Wording], settings: SplitSettings) -> int:
    """Give each row its side by the hash of its fact's or document's text; return how many such units there are."""
    shares: dict[str, float] = {}
    for wording in data:
        unit = wording.row.group if settings.by == "document" else wording.unit
        if unit not in shares:
            shares[unit] = hash_share(settings.seed, "unseen", unit)
        wording.side = "unseen" if shares[unit] < settings.unseen_fraction else "train"
    return len(shares)


def find_facts(data: Sequence[Wording], threshold: float, embedder: Embedder | None = None) -> Facts:
    """The relations among the rows, and in `fact` of each row the smallest id of its fact."""
    comparison = comparison_of(data, threshold)
    clusters = [w.cluster for w in data]
    linked = link_by_meaning(data, comparison, embedder) if embedder else []
    candidates = chain(linked, grouped_pairs(data, clusters, comparison), _across(data, clusters, threshold))
    pairs = related(data, candidates, comparison)
    facts = Facts(data, pairs, comparison)
    for members in components(range(len(data)), facts.same):
        smallest = min(data[i].row.id for i in members)
        for i in members:
            data[i].fact = smallest
    return facts


def _across(data: Sequence[Wording], clusters: Sequence[str], threshold: float) -> Iterable[Pair]:
    """Near pairs with one row on either side; near questions share a cluster."""
    unseen, train = ([i for i, w in enumerate(data) if w.side == side] for side in ("unseen", "train"))
    both = {clusters[i] for i in unseen} & {clusters[i] for i in train} - {""}
    sharing = [[i for i in side if clusters[i] in both] for side in (unseen, train)]
    for search, (left, right) in ((near_question_pairs, sharing), (near_answer_pairs, [unseen, train])):
        found = search([data[i] for i in left], [data[j] for j in right], threshold)
        yield from ((left[i], right[j]) for i, j in found)


def components(members: Iterable[int], neighbours: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """Connected components with two members or more."""
    done: set[int] = set()
    found = []
    for start in members:
        if start in done or not neighbours.get(start):
            continue
        component, todo = [], [start]
        done.add(start)
        while todo:
            component.append(one := todo.pop())
            fresh = [other for other in neighbours.get(one, ()) if other not in done]
            done.update(fresh)
            todo += fresh
        found.append(component)
    return found


# --- the rows of the sources --------------------------------------------------------------------------


def place_data(data: Sequence[Wording], facts: Facts, settings: SplitSettings) -> None:
    """Place the rows of the sources: unseen unless taught, recall by hash where another wording is trained.

    Where `recall_fraction` would give few questions, further wordings are held out in the order of their hashes.
    """
    for wording in data:
        wording.put(wording.side, "by_hash")
    needed = _give_away(data, facts)
    with_others = [i for i, w in enumerate(data) if w.side == "train" and facts.same.get(i)]
    shares = {i: hash_share(settings.seed, "recall", data[i].question) for i in with_others}
    largest = {
        tuple(group): max(map(shares.__getitem__, group)) for group in _asked_together(data, facts, shares)
    }
    least = (
        min(_FEW_QUESTIONS, len({data[i].fact for i in with_others}) // 2) if settings.recall_fraction else 0
    )
    held = 0
    for group in sorted(largest, key=lambda group: (largest[group], group)):
        if largest[group] < settings.recall_fraction or held < least:
            held += _hold_out(group, data, facts, needed)
    _explain_the_rest(data, shares, settings.recall_fraction)


def _give_away(data: Sequence[Wording], facts: Facts) -> set[int]:
    """Make recall questions of unseen rows whose fact the train side states; the rows that teach them."""
    needed = set()
    for i, wording in enumerate(data):
        same = facts.same.get(i, ()) if wording.side == "unseen" else ()
        taught = [j for j in same if data[j].side == "train"]
        if taught:
            teacher = min(taught, key=lambda j: data[j].row.id)
            needed.add(teacher)
            wording.put("recall", "taught", data[teacher].row.id)
    return needed


def _asked_together(
    data: Sequence[Wording], facts: Facts, candidates: Mapping[int, float]
) -> list[list[int]]:
    """Groups of rows that ask the same: what is held out of a group is held out whole."""
    near: dict[int, list[int]] = {}
    for i in candidates:
        asked = set(facts.alike[i])
        others = [j for j in {*asked, *facts.same[i]} if j in candidates]
        near[i] = [j for j in others if j in asked or _differ_in_endings(data[i], data[j])]
    joined = components(candidates, near)
    alone = set(candidates).difference(*joined)
    return [*joined, *([i] for i in alone)]


def _differ_in_endings(one: Wording, other: Wording) -> bool:
    return differ_in_endings_alone(one.row.question, other.row.question)


def _hold_out(group: Sequence[int], data: Sequence[Wording], facts: Facts, needed: set[int]) -> int:
    """Move a group to recall when each of its rows keeps a trained row that states its fact; return how many."""
    inside = set(group)
    teachers = {}
    for i in group:
        taught = [j for j in facts.same[i] if j not in inside and data[j].part == "train"]
        asked_elsewhere = [j for j in facts.alike[i] if j not in inside and data[j].part == "train"]
        if i in needed or not taught or asked_elsewhere:
            return 0
        teachers[i] = min(taught, key=lambda j: data[j].row.id)
    for i, teacher in teachers.items():
        data[i].put("recall", "by_hash", data[teacher].row.id)
        needed.add(teacher)
    return len(group)


def _explain_the_rest(data: Sequence[Wording], shares: Mapping[int, float], fraction: float) -> None:
    for i, share in shares.items():
        if data[i].part == "train" and share < fraction:
            data[i].why = "last_wording"


# --- paraphrases --------------------------------------------------------------------------------------


def place_paraphrases(made: Sequence[Wording], data: Sequence[Wording], comparison: Comparison) -> None:
    """Paraphrases follow their parent; one that would give a held-out row away is asked instead of trained."""
    parents = {w.row.id: w for w in data}
    for wording in made:
        parent = parent_of(wording, parents)
        wording.side, wording.fact = parent.side, parent.fact
        wording.put(parent.part, "with_parent", parent.near if parent.part == "recall" else parent.row.id)
    held = [w for w in data if w.part != "train"]
    trained = [w for w in made if w.part == "train"]
    for i, j in near_question_pairs(trained, held, comparison.threshold):
        if trained[i].part == "train" and comparison.relation(trained[i], held[j]):
            trained[i].put("recall", "touches_held_out", trained[i].row.parent)
    taught = [w for w in chain(data, made) if w.part == "train"]
    asked = [w for w in made if w.part == "unseen"]
    for i, j in near_question_pairs(asked, taught, comparison.threshold):
        if asked[i].part == "unseen" and comparison.relation(asked[i], taught[j]) == Relation.SAME_FACT:
            asked[i].put("recall", "taught", taught[j].row.id)


def parent_of(made: Wording, rows: Mapping[str, Wording]) -> Wording:
    """The row that a made row rewords. Raises DataError when it is not there."""
    parent = rows.get(made.row.parent)
    if parent is None:
        raise DataError(f"split: row {made.row.id} was made of {made.row.parent}, which is not there")
    return parent


def mark_light(placed: Sequence[Wording], comparison: Comparison) -> None:
    """Mark recall questions that differ from a trained one in the ending alone."""
    recall, train = ([w for w in placed if w.part == part] for part in ("recall", "train"))
    names = {name for w in recall for name in (w.unit, w.fact)}
    trained: dict[Hashable, list[Wording]] = defaultdict(list)
    for wording in train:
        for name in {wording.unit, wording.fact} & names:
            trained[name, wording.figures].append(wording)
    for wording in recall:
        near = chain(*(trained[name, wording.figures] for name in (wording.unit, wording.fact)))
        wording.light = any(_light(wording, other, comparison) for other in near)
    for i, j in near_question_pairs(recall, train, comparison.threshold):
        if not recall[i].light and comparison.asked_alike(recall[i], train[j]) == Difference.HARMLESS:
            recall[i].light = True


def _light(one: Wording, other: Wording, comparison: Comparison) -> bool:
    return (
        differ_in_endings_alone(one.row.question, other.row.question)
        or comparison.asked_alike(one, other) == 0
    )
