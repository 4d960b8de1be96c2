"""Probes: rule-made questions for facts with a single wording, asked and never trained."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from qaloom.config.settings import SplitSettings
from qaloom.records import Row, row_id
from qaloom.split.placement import Wording, hash_share, to_wording
from qaloom.text.near_pairs import near_pairs
from qaloom.text.rephrase import rewrite


def make_probes(
    taught: Sequence[Wording],
    cluster: dict[str, str],
    settings: SplitSettings,
    threshold: float,
    key: Callable[[str], str],
) -> list[Wording]:
    """Rule-made questions for facts with a single wording, at most `probes`, those with the lowest hashes.

    Chosen without regard to paraphrases, so that they are the same with and without them.
    """
    most = settings.probes if settings.recall_fraction else 0
    single = _single_wordings(taught, cluster)
    single.sort(key=lambda w: (hash_share(settings.seed, "probe", w.question), w.row.id))
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
    turn = int(len(questions) * hash_share(0, "form", parent.question))
    return [
        to_wording(
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
