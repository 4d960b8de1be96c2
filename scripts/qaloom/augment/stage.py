"""Augment: further wordings of each question, its answer kept word for word.

Providers propose; the gates, which see all questions at once, accept or reject. What the stage got
goes on unchanged and first, accepted paraphrases follow it, sorted by id.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rapidfuzz.distance import Indel

from qaloom.augment.paraphrase_filters import Reason, rejection_reason
from qaloom.console import bar, say
from qaloom.files import read_lines
from qaloom.records import Paraphrases, Rejection, Row, rejected, row_id, write_stage
from qaloom.text.near_pairs import near_pairs, question_key
from qaloom.text.normalize import comparison_key
from qaloom.text.rephrase import rewrite

_EXAMPLES = 10  # accepted paraphrases in the stats; of rejected ones the file has all


class Proposal(NamedTuple):
    """A paraphrase, the row it rewords and its comparison key."""

    row: Row
    parent: Row
    key: str


def augment(rows: Path, out: Path, settings: dict[str, Any], shards: Sequence[Path] = ()) -> dict[str, Any]:
    """Write the rows of `rows` and accepted paraphrases of them to the folder `out`; return the stats.

    `settings` is `augment`; `shards` are the files that `qaloom.augment.providers` wrote for the providers that ask
    a model. The stats count rows in as rows and proposals together, and hold what became of each provider's
    proposals and a few accepted `examples`. Reason codes: those of the gates, duplicate, clash.
    """
    known = read_lines(rows, Row)
    made = _by_question(shards)
    rank = settings["providers"].index  # what two providers propose is the first one's
    proposals = sorted(
        _proposals(known, settings, made), key=lambda p: (p.row.id, p.parent.id, rank(p.row.provider))
    )
    accepted, rejections = _judged(proposals, known, settings["gates"])
    stats = write_stage(
        out,
        [*known, *accepted],
        rejections,
        len(known) + len(proposals),
        proposed=len(proposals),
        augmented=len(accepted),
        providers=_by_provider(accepted, rejections, proposals, settings["providers"]),
        examples=_examples(proposals, accepted),
    )
    counts = f"{len(known):,} rows, {len(proposals):,} paraphrases proposed, {len(accepted):,} kept"
    say(f"augment: {counts}{_why(stats)}")
    return stats


# --- proposals ----------------------------------------------------------------------------------------


def _by_question(shards: Iterable[Path]) -> dict[tuple[str, str], list[str]]:
    """What the models propose, by provider and question."""
    return {(p.provider, p.question): p.proposals for shard in shards for p in read_lines(shard, Paraphrases)}


def _proposals(
    rows: Sequence[Row], settings: dict[str, Any], made: Mapping[tuple[str, str], list[str]]
) -> Iterator[Proposal]:
    with bar("augment", len(rows)) as advance:
        for number, row in enumerate(rows):
            if number % 1000 == 0:
                advance(number)
            for provider in settings["providers"]:
                rules = provider == "rules"
                found = rewrite(row.instruction) if rules else made.get((provider, row.instruction), [])
                for question in found[: settings["per_row"]]:
                    yield _proposal(row, question, provider)
        advance(len(rows))


def _proposal(parent: Row, question: str, provider: str) -> Proposal:
    row = Row(
        row_id(question, parent.input, parent.output), question, parent.input, parent.output, parent.source,
        parent.line, parent.group, {}, "augmented", parent.id, provider,
    )  # fmt: skip
    return Proposal(row, parent, question_key(question, parent.input))


# --- gates --------------------------------------------------------------------------------------------


def _judged(
    proposals: Sequence[Proposal], known: Sequence[Row], limits: dict[str, Any]
) -> tuple[list[Row], list[Rejection]]:
    said = [judge(p.parent.instruction, p.row.instruction, limits) for p in proposals]
    passed = [proposal for proposal, reason in zip(proposals, said, strict=True) if not reason]
    clashes = _clashes(passed, known, limits["clash"])
    taken = {question_key(row.instruction, row.input) for row in known}
    accepted: list[Row] = []
    rejections: list[Rejection] = []
    for proposal, reason in zip(proposals, said, strict=True):
        reason = reason or clashes.get(proposal.key) or _duplicate(proposal.key, taken)
        if reason:
            rejections.append(_dropped(proposal, reason))
        else:
            taken.add(proposal.key)
            accepted.append(proposal.row)
    return accepted, rejections


def _dropped(proposal: Proposal, reason: Reason) -> Rejection:
    about = {"reworded": proposal.parent.instruction, "provider": proposal.row.provider}
    return rejected(proposal.row, *reason, **about)


def _duplicate(key: str, taken: set[str]) -> Reason | None:
    return ("duplicate", "this question is there already") if key in taken else None


def _clashes(proposals: Sequence[Proposal], known: Sequence[Row], threshold: float) -> dict[str, Reason]:
    """Keys of proposals that are nearer to a question with another answer than to the one they reword.

    Below `threshold` two questions share only their form ('...를 알려 주세요'), which tells no fact.
    """
    owners = _owners(proposals, known)
    mine, others = sorted({p.key for p in proposals}), sorted(owners)
    own = {
        p.key: Indel.normalized_similarity(p.key, question_key(p.parent.instruction, p.parent.input))
        for p in proposals
    }
    facts = defaultdict(set)
    for p in proposals:
        facts[p.key].add(comparison_key(p.row.output))
    clashes = {key: ("clash", "two facts would share this question") for key in mine if len(facts[key]) > 1}
    for left, right, score in zip(*near_pairs(mine, others, threshold), strict=True):
        key, other = mine[left], others[right]
        if score > own[key] and owners[other] - facts[key]:
            said = f"{score:.3f} similar to a question with another answer, {own[key]:.3f} to its own"
            clashes.setdefault(key, ("clash", said))
    return clashes


def _owners(proposals: Sequence[Proposal], known: Sequence[Row]) -> dict[str, set[str]]:
    """The answers that each known question has."""
    owners: dict[str, set[str]] = defaultdict(set)
    if proposals:
        for row in known:
            owners[question_key(row.instruction, row.input)].add(comparison_key(row.output))
    return owners


# --- what is told -------------------------------------------------------------------------------------


def _by_provider(
    accepted: Sequence[Row],
    rejections: Sequence[Rejection],
    proposals: Sequence[Proposal],
    providers: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """How much each provider proposed, how much was kept, and how much each gate dropped."""
    made, kept = Counter(p.row.provider for p in proposals), Counter(row.provider for row in accepted)
    dropped = Counter((rejection.provider, rejection.reason) for rejection in rejections)
    return {
        name: {
            "proposed": made[name],
            "kept": kept[name],
            "dropped": {reason: n for (of, reason), n in sorted(dropped.items()) if of == name},
        }
        for name in providers
    }


def _examples(proposals: Sequence[Proposal], accepted: Sequence[Row]) -> list[dict[str, str]]:
    """A few accepted paraphrases beside their questions, by id: as good as drawn by lot."""
    parents = {p.row.id: p.parent.instruction for p in proposals}
    return [
        {"question": parents[row.id], "paraphrase": row.instruction, "provider": row.provider}
        for row in accepted[:_EXAMPLES]
    ]


def _why(stats: dict[str, Any]) -> str:
    return "".join(f", {count:,} {reason}" for reason, count in stats["reasons"].items())
