"""Augment: further wordings of each question, its answer kept word for word.

Providers propose; the gates, which see all questions at once, accept or reject. What the stage got
goes on unchanged and first, accepted paraphrases follow it, sorted by id, and forms beside questions follow these.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rapidfuzz.distance import Indel

from qaloom.augment.forms import forms_of
from qaloom.augment.paraphrase_filters import Reason, rejection_reason
from qaloom.config.settings import FormSettings, GateSettings, typed
from qaloom.console import bar, say
from qaloom.files import read_lines
from qaloom.records import (
    Paraphrases,
    Rejection,
    Row,
    check_handed_over,
    other_wording,
    rejected,
    write_stage,
)
from qaloom.text.near_pairs import near_pairs, question_key
from qaloom.text.normalize import comparison_key
from qaloom.text.rephrase import rewrite

_EXAMPLES = 10  # accepted paraphrases in the stats; of rejected ones the file has all


class Proposal(NamedTuple):
    """A paraphrase as a row, the row that it rewords, and its comparison key."""

    row: Row
    parent: Row
    key: str


def augment(
    rows: Path, out: Path, settings: Mapping[str, Any], shards: Sequence[Path] = ()
) -> dict[str, Any]:
    """Write the rows of `rows`, accepted paraphrases and forms of them to the folder `out`; return the stats.

    `settings` is `augment`, of which `providers`, `per_row` and `gates` count here; `shards` are the files that
    `qaloom.augment.providers` wrote for the providers that ask a model. The stats count rows in as rows and
    proposals together, and hold the outcome of each provider's proposals and a few accepted `examples`.
    Reason codes: those of the gates, duplicate, clash.
    """
    check_handed_over(rows, *shards)
    existing = read_lines(rows, Row)
    providers: list[str] = settings["providers"]
    proposals = sorted(
        _proposals(existing, providers, settings["per_row"], _by_question(shards)),
        key=lambda p: (p.row.id, p.parent.id, providers.index(p.row.provider)),  # the first provider's counts
    )
    accepted, rejections = _filtered(proposals, existing, typed(settings["gates"], GateSettings))
    forms = forms_of(existing, typed(settings["forms"], FormSettings))
    stats = write_stage(
        out,
        [*existing, *accepted, *forms],
        rejections,
        len(existing) + len(proposals) + len(forms),
        proposed=len(proposals),
        augmented=len(accepted),
        providers=_by_provider(accepted, rejections, proposals, providers),
        examples=_examples(proposals, accepted),
        forms=dict(sorted(Counter(row.provider for row in forms).items())),
    )
    counts = f"{len(existing):,} rows, {len(proposals):,} paraphrases proposed, {len(accepted):,} kept"
    counts += f", {len(forms):,} forms" if forms else ""
    say(f"augment: {counts}{_counted_reasons(stats)}")
    return stats


# --- proposals ----------------------------------------------------------------------------------------


def _by_question(shards: Iterable[Path]) -> dict[tuple[str, str], list[str]]:
    """Paraphrases made by models, by provider and question."""
    return {(p.provider, p.question): p.proposals for shard in shards for p in read_lines(shard, Paraphrases)}


def _proposals(
    rows: Sequence[Row], providers: Sequence[str], per_row: int, made: Mapping[tuple[str, str], list[str]]
) -> Iterator[Proposal]:
    with bar("augment", len(rows)) as advance:
        for number, row in enumerate(rows):
            if number % 1000 == 0:
                advance(number)
            for provider in providers:
                rules = provider == "rules"
                found = rewrite(row.instruction) if rules else made.get((provider, row.instruction), [])
                for question in found[:per_row]:
                    yield _proposal(row, question, provider)
        advance(len(rows))


def _proposal(parent: Row, question: str, provider: str) -> Proposal:
    row = other_wording(parent, question, "augmented", provider)
    return Proposal(row, parent, question_key(question, parent.context))


# --- gates --------------------------------------------------------------------------------------------


def _filtered(
    proposals: Sequence[Proposal], existing: Sequence[Row], limits: GateSettings
) -> tuple[list[Row], list[Rejection]]:
    """The rows of accepted proposals, and the rejections of the others."""
    reasons = [_gated(proposal, limits) for proposal in proposals]
    passed = [proposal for proposal, reason in zip(proposals, reasons, strict=True) if not reason]
    clashes = _clashes(passed, existing, limits.clash)
    keys = {question_key(row.instruction, row.context) for row in existing if proposals}
    accepted: list[Row] = []
    rejections: list[Rejection] = []
    for proposal, gated in zip(proposals, reasons, strict=True):
        if reason := gated or clashes.get(proposal.key) or _duplicate(proposal.key, keys):
            rejections.append(_dropped(proposal, reason))
        else:
            keys.add(proposal.key)
            accepted.append(proposal.row)
    return accepted, rejections


def _gated(proposal: Proposal, limits: GateSettings) -> Reason | None:
    by_rules = proposal.row.provider == "rules"
    return rejection_reason(proposal.parent.instruction, proposal.row.instruction, limits, by_rules)


def _dropped(proposal: Proposal, reason: Reason) -> Rejection:
    code, detail = reason
    return rejected(
        proposal.row, code, detail, reworded=proposal.parent.instruction, provider=proposal.row.provider
    )


def _duplicate(key: str, keys: set[str]) -> Reason | None:
    return ("duplicate", "this question is there already") if key in keys else None


def _clashes(proposals: Sequence[Proposal], existing: Sequence[Row], threshold: float) -> dict[str, Reason]:
    """Keys of proposals that are nearer to a question with another answer than to the one they reword.

    Below `threshold` two questions share only their form ('...를 알려 주세요'), which tells no fact.
    """
    owners = _owners(proposals, existing)
    mine, others = sorted({p.key for p in proposals}), sorted(owners)
    own = {
        p.key: Indel.normalized_similarity(p.key, question_key(p.parent.instruction, p.parent.context))
        for p in proposals
    }
    facts = defaultdict(set)
    for p in proposals:
        facts[p.key].add(comparison_key(p.row.output))
    clashes = {key: ("clash", "two facts would share this question") for key in mine if len(facts[key]) > 1}
    for left, right, score in zip(*near_pairs(mine, others, threshold), strict=True):
        key, other = mine[left], others[right]
        if score > own[key] and owners[other] - facts[key]:
            detail = f"{score:.3f} similar to a question with another answer, {own[key]:.3f} to its own"
            clashes.setdefault(key, ("clash", detail))
    return clashes


def _owners(proposals: Sequence[Proposal], existing: Sequence[Row]) -> dict[str, set[str]]:
    """The answers that each existing question has."""
    owners: dict[str, set[str]] = defaultdict(set)
    if proposals:
        for row in existing:
            owners[question_key(row.instruction, row.context)].add(comparison_key(row.output))
    return owners


# --- stats --------------------------------------------------------------------------------------------


def _by_provider(
    accepted: Sequence[Row],
    rejections: Sequence[Rejection],
    proposals: Sequence[Proposal],
    providers: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Paraphrases proposed and kept, and dropped by each gate, for each provider."""
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


def _counted_reasons(stats: dict[str, Any]) -> str:
    return "".join(f", {count:,} {reason}" for reason, count in stats["reasons"].items())
