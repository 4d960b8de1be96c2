"""Augment: further wordings of each question, its answer kept word for word.

Providers propose; the gates, which see all questions at once, accept or reject, until each fact has its quota of
wordings. What the stage got goes on unchanged and first, accepted paraphrases follow it, sorted by id, and forms beside
questions follow these.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from rapidfuzz.distance import Indel

from qaloom.augment.forms import forms_of
from qaloom.augment.paraphrase_filters import Reason, rejection_reason
from qaloom.augment.paraphrase_judge import ParaphraseJudge
from qaloom.augment.quota import mean_distance, most_varied, rows_by_fact
from qaloom.augment.replies import reply_reason
from qaloom.config.settings import FormSettings, GateSettings, typed
from qaloom.console import bar, counted, say_outcome
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

_SHARED: Reason = ("clash", "two facts would share this question")
_EXAMPLES = 10  # accepted paraphrases in the stats; of rejected ones the file has all


class Proposal(NamedTuple):
    """A paraphrase as a row, the row that it rewords, its comparison key, and the number of its fact."""

    row: Row
    parent: Row
    key: str
    fact: int


class Gate(NamedTuple):
    """Acceptance of a proposal by its two texts: gates, and a judge of proposals dropped for their words alone."""

    limits: GateSettings
    judge: ParaphraseJudge | None

    def reasons(self, proposals: Sequence[Proposal]) -> list[Reason | None]:
        """The reason against each proposal, or None."""
        found = [_gated(proposal, self.limits) for proposal in proposals]
        if self.judge is None:
            return found
        return self.judge.second_opinion(
            [(p.parent.instruction, p.row.instruction) for p in proposals], found
        )


class Judged(NamedTuple):
    """Outcome of the proposals: accepted, rejected with their reasons, and spare ones of facts at their quota."""

    accepted: list[Proposal]
    rejected: list[tuple[Proposal, Reason]]
    spare: list[Proposal]


def augment(
    rows: Path,
    out: Path,
    settings: Mapping[str, Any],
    shards: Sequence[Path] = (),
    judge: ParaphraseJudge | None = None,
) -> dict[str, Any]:
    """Write the rows of `rows`, accepted paraphrases and forms of them to the folder `out`; return the stats.

    `settings` is `augment`, of which `providers`, `wordings` and `gates` count here; `shards` are the files that
    `qaloom.augment.providers` wrote for the providers that ask a model; `judge` gives a second opinion on what they
    propose. The stats count rows in as rows and judged
    proposals together, and hold the outcome of each provider's proposals, a few accepted `examples` and the
    `coverage` of facts. Reason codes: those of the gates, not_a_question, answer_given, duplicate, clash.
    """
    check_handed_over(rows, *shards)
    existing = read_lines(rows, Row)
    providers: list[str] = settings["providers"]
    facts = rows_by_fact(existing) if providers else []
    needed = [settings["wordings"] - len(fact) for fact in facts]
    proposals = list(_proposals(facts, needed, providers, _by_question(shards)))
    gate = Gate(typed(settings["gates"], GateSettings), judge)
    outcome = _outcome(proposals, existing, facts, needed, gate, providers)
    accepted = sorted((p.row for p in outcome.accepted), key=lambda row: row.id)
    rejections = [_dropped(*one) for one in outcome.rejected]
    taken = {row.id for row in accepted}
    forms = forms_of(existing, typed(settings["forms"], FormSettings), taken)
    stats = write_stage(
        out,
        [*existing, *accepted, *forms],
        rejections,
        len(existing) + len(accepted) + len(rejections) + len(forms),
        proposed=len(accepted) + len(rejections),
        augmented=len(accepted),
        providers=_by_provider(outcome, providers),
        coverage=_coverage(outcome, facts, settings["wordings"]) if providers else {},
        examples=_examples(outcome),
        forms=dict(sorted(Counter(row.provider for row in forms).items())),
    )
    proposed = counted(stats["proposed"], "paraphrases")
    counts = f"{counted(len(existing), 'rows')}, {proposed} proposed, {len(accepted):,} kept"
    counts += f", {len(forms):,} forms" if forms else ""
    say_outcome(f"augment: {counts}{_counted_reasons(stats)}{_said_coverage(stats['coverage'])}")
    return stats


# --- proposals ----------------------------------------------------------------------------------------


def _by_question(shards: Iterable[Path]) -> dict[tuple[str, str], list[str]]:
    """Paraphrases made by models, by provider and question."""
    return {(p.provider, p.question): p.proposals for shard in shards for p in read_lines(shard, Paraphrases)}


def _proposals(
    facts: Sequence[Sequence[Row]],
    needed: Sequence[int],
    providers: Sequence[str],
    made: Mapping[tuple[str, str], list[str]],
) -> Iterator[Proposal]:
    """The proposals for facts below their quota: of each provider every question's first ones first."""
    with bar("augment", len(facts)) as advance:
        for number, fact in enumerate(facts):
            if number % 1000 == 0:
                advance(number)
            if needed[number] <= 0:
                continue
            parents = sorted(fact, key=lambda row: row.id)
            for provider in providers:
                lists = [_made(provider, row.instruction, made) for row in parents]
                for rank in zip_longest(*lists):
                    for row, question in zip(parents, rank, strict=True):
                        if question is not None:
                            yield _proposal(row, question, provider, number)
        advance(len(facts))


def _made(provider: str, question: str, made: Mapping[tuple[str, str], list[str]]) -> Sequence[str]:
    return rewrite(question) if provider == "rules" else made.get((provider, question), [])


def _proposal(parent: Row, question: str, provider: str, fact: int) -> Proposal:
    row = other_wording(parent, question, "augmented", provider)
    return Proposal(row, parent, question_key(question, parent.context), fact)


# --- gates and quota ----------------------------------------------------------------------------------


def _outcome(
    proposals: Sequence[Proposal],
    existing: Sequence[Row],
    facts: Sequence[Sequence[Row]],
    needed: Sequence[int],
    gate: Gate,
    providers: Sequence[str],
) -> Judged:
    """Judge the proposals and fill each fact's quota; what clashes makes room for the next."""
    passed, dropped = _judged(proposals, existing, gate)
    waiting: dict[int, list[Proposal]] = defaultdict(list)
    for proposal in passed:
        waiting[proposal.fact].append(proposal)
    own = {number: [row.instruction for row in facts[number]] for number in waiting}
    accepted: list[Proposal] = []
    room = {number: needed[number] for number in waiting}
    while picked := [p for n, many in waiting.items() for p in _picked(own[n], many, room[n], providers)]:
        clashes = _clashes(picked, existing, gate.limits.clash)
        for proposal in picked:
            waiting[proposal.fact].remove(proposal)
            if reason := clashes.get(proposal.key):
                dropped.append((proposal, reason))
                continue
            accepted.append(proposal)
            own[proposal.fact].append(proposal.row.instruction)
            room[proposal.fact] -= 1
    spare = [proposal for many in waiting.values() for proposal in many]
    return Judged(accepted, sorted(dropped, key=_order), spare)


def _order(one: tuple[Proposal, Reason]) -> tuple[str, str, str]:
    proposal, _ = one
    return proposal.row.id, proposal.parent.id, proposal.row.provider


def _picked(
    have: Sequence[str], candidates: Sequence[Proposal], room: int, providers: Sequence[str]
) -> list[Proposal]:
    """The proposals that fill a fact's room: of each provider in turn those farthest from the wordings before."""
    picked: list[Proposal] = []
    for provider in providers:
        mine = [p for p in candidates if p.row.provider == provider]
        before = [*have, *(p.row.instruction for p in picked)]
        picked += [
            mine[i] for i in most_varied(before, [p.row.instruction for p in mine], room - len(picked))
        ]
    return picked


def _judged(
    proposals: Sequence[Proposal], existing: Sequence[Row], gate: Gate
) -> tuple[list[Proposal], list[tuple[Proposal, Reason]]]:
    """The proposals that pass the gates, each question once, and the others with their reasons."""
    keys = {question_key(row.instruction, row.context) for row in existing if proposals}
    reasons = gate.reasons(proposals)
    answers = defaultdict(set)
    for proposal, reason in zip(proposals, reasons, strict=True):
        if not reason:
            answers[proposal.key].add(comparison_key(proposal.row.output))
    passed: list[Proposal] = []
    dropped: list[tuple[Proposal, Reason]] = []
    for proposal, gated in zip(proposals, reasons, strict=True):
        shared = not gated and len(answers[proposal.key]) > 1
        if reason := gated or (_SHARED if shared else _duplicate(proposal.key, keys)):
            dropped.append((proposal, reason))
        else:
            keys.add(proposal.key)
            passed.append(proposal)
    return passed, dropped


def _gated(proposal: Proposal, limits: GateSettings) -> Reason | None:
    question, wording = proposal.parent.instruction, proposal.row.instruction
    if proposal.row.provider == "rules":
        return rejection_reason(question, wording, limits, by_rules=True)
    return reply_reason(proposal.parent, wording) or rejection_reason(question, wording, limits)


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
    by_key = {p.key: p for p in proposals}
    mine, others = sorted(by_key), sorted(owners)
    own = {
        key: Indel.normalized_similarity(key, question_key(p.parent.instruction, p.parent.context))
        for key, p in by_key.items()
    }
    clashes: dict[str, Reason] = {}
    for left, right, score in zip(*near_pairs(mine, others, threshold), strict=True):
        key, other = mine[left], others[right]
        if score > own[key] and owners[other] - {comparison_key(by_key[key].row.output)}:
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


def _by_provider(outcome: Judged, providers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Paraphrases proposed and kept, dropped by each gate, and not needed, for each provider."""
    kept = Counter(p.row.provider for p in outcome.accepted)
    dropped = Counter((p.row.provider, reason) for p, (reason, _) in outcome.rejected)
    spare = Counter(p.row.provider for p in outcome.spare)
    found = {}
    for name in providers:
        mine = {reason: n for (of, reason), n in sorted(dropped.items()) if of == name}
        judged = kept[name] + sum(mine.values())
        found[name] = {"proposed": judged, "kept": kept[name], "dropped": mine, "spare": spare[name]}
    return found


def _coverage(outcome: Judged, facts: Sequence[Sequence[Row]], quota: int) -> dict[str, Any]:
    """Facts at and below their quota of wordings, why, and how far apart the wordings of a fact are.

    `without_proposal` counts the facts below it that were proposed nothing; `dropped`, by reason, the proposals of
    the others. `distance` is the mean over facts of `mean_distance`, None where no fact has two wordings.
    """
    wordings = [[row.instruction for row in fact] for fact in facts]
    for proposal in outcome.accepted:
        wordings[proposal.fact].append(proposal.row.instruction)
    below = {number for number, mine in enumerate(wordings) if len(mine) < quota}
    dropped = Counter(reason for p, (reason, _) in outcome.rejected if p.fact in below)
    proposed = {p.fact for p in outcome.accepted} | {p.fact for p, _ in outcome.rejected}
    distances = [distance for mine in wordings if (distance := mean_distance(mine)) is not None]
    return {
        "wordings": quota,
        "facts": len(facts),
        "at_quota": len(facts) - len(below),
        "below": len(below),
        "without_proposal": len(below - proposed),
        "dropped": dict(sorted(dropped.items())),
        "distance": round(sum(distances) / len(distances), 3) if distances else None,
    }


def _examples(outcome: Judged) -> list[dict[str, str]]:
    """A few accepted paraphrases beside their questions, by id: as good as drawn by lot."""
    shown = sorted(outcome.accepted, key=lambda p: p.row.id)[:_EXAMPLES]
    return [
        {"question": p.parent.instruction, "paraphrase": p.row.instruction, "provider": p.row.provider}
        for p in shown
    ]


def _counted_reasons(stats: dict[str, Any]) -> str:
    return "".join(f", {count:,} {reason}" for reason, count in stats["reasons"].items())


def _said_coverage(coverage: dict[str, Any]) -> str:
    if not coverage:
        return ""
    return f"; {coverage['at_quota']:,} of {coverage['facts']:,} facts have {coverage['wordings']} wordings"
