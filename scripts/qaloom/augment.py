"""Augment: further wordings of each question, its answer kept word for word.

Providers propose; the gates, which see all questions at once, accept or reject. What the stage got
goes on unchanged and first, accepted paraphrases follow it, sorted by id.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rapidfuzz.distance import Indel

from qaloom.audit import near_pairs, question_key
from qaloom.config import DEMO, load
from qaloom.files import read_lines
from qaloom.job import bar, job, say
from qaloom.language import language
from qaloom.rewrite import rewrite
from qaloom.rows import Rejection, Row, rejected, row_id, write_stage
from qaloom.text import squash

NEAR_COPY = 0.97  # at or above, a paraphrase differs by a particle or an ending: nothing to learn from it
CLASH = 0.85  # below, two questions share only their form ('...를 알려 주세요'), which tells no fact

_PROVIDERS: dict[str, Callable[[str], list[str]]] = {"rules": rewrite}


class Proposal(NamedTuple):
    """A paraphrase, the row it rewords and its comparison key."""

    row: Row
    parent: Row
    key: str


def augment(rows: Path, out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Write the rows of `rows` and accepted paraphrases of them to the folder `out`; return the stats.

    `settings`: `providers` (in order) and `per_row` (most paraphrases a row and provider). The stats
    count rows in as rows and proposals together. Reason codes: near_copy, numbers_changed,
    language_changed, duplicate, clash.
    """
    known = read_lines(rows, Row)
    proposals = sorted(_proposals(known, settings), key=lambda p: (p.row.id, p.parent.id, p.row.provider))
    accepted, rejections = _gates(proposals, known)
    stats = write_stage(
        out,
        [*known, *accepted],
        rejections,
        len(known) + len(proposals),
        proposed=len(proposals),
        augmented=len(accepted),
    )
    counts = f"{len(known):,} rows, {len(proposals):,} paraphrases proposed, {len(accepted):,} kept"
    say(f"augment: {counts}{_why(stats)}")
    return stats


def _proposals(rows: Sequence[Row], settings: dict[str, Any]) -> Iterable[Proposal]:
    with bar("augment", len(rows)) as advance:
        for number, row in enumerate(rows):
            if number % 1000 == 0:
                advance(number)
            for provider in settings["providers"]:
                for question in _PROVIDERS[provider](row.instruction)[: settings["per_row"]]:
                    yield _proposal(row, question, provider)
        advance(len(rows))


def _proposal(parent: Row, question: str, provider: str) -> Proposal:
    row = Row(
        row_id(question, parent.input, parent.output), question, parent.input, parent.output, parent.source,
        parent.line, parent.group, {}, "augmented", parent.id, provider,
    )  # fmt: skip
    return Proposal(row, parent, question_key(question, parent.input))


def _gates(proposals: Sequence[Proposal], known: Sequence[Row]) -> tuple[list[Row], list[Rejection]]:
    clashes = _clashes(proposals, known)
    taken = {question_key(row.instruction, row.input) for row in known}
    accepted: list[Row] = []
    rejections: list[Rejection] = []
    for proposal in proposals:
        verdict = _text_gate(proposal) or clashes.get(proposal.key) or _duplicate_gate(proposal.key, taken)
        if verdict:
            rejections.append(rejected(proposal.row, *verdict))
        else:
            taken.add(proposal.key)
            accepted.append(proposal.row)
    return accepted, rejections


def _text_gate(proposal: Proposal) -> tuple[str, str] | None:
    """What the paraphrase and its own question tell: a reason code and a sentence, or None."""
    new, old = proposal.row.instruction, proposal.parent.instruction
    score = Indel.normalized_similarity(squash(new), squash(old))
    if score >= NEAR_COPY:
        return "near_copy", f"{score:.3f} similar to the question it rewords"
    if _digits(new) != _digits(old):
        return "numbers_changed", f"the numbers of the question it rewords are {_digits(old) or 'none'}"
    if language(new) != language(old):
        return "language_changed", f"the question it rewords is {language(old)}, this is {language(new)}"
    return None


def _duplicate_gate(key: str, taken: set[str]) -> tuple[str, str] | None:
    return ("duplicate", "this question is there already") if key in taken else None


def _clashes(proposals: Sequence[Proposal], known: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """Keys of proposals that are nearer to a question with another answer than to the one they reword."""
    owners = _owners(proposals, known)
    mine, others = sorted({p.key for p in proposals}), sorted(owners)
    own = {
        p.key: Indel.normalized_similarity(p.key, question_key(p.parent.instruction, p.parent.input))
        for p in proposals
    }
    facts = defaultdict(set)
    for p in proposals:
        facts[p.key].add(squash(p.row.output))
    clashes = {key: ("clash", "two facts would share this question") for key in mine if len(facts[key]) > 1}
    for left, right, score in zip(*near_pairs(mine, others, CLASH), strict=True):
        key, other = mine[left], others[right]
        if score > own[key] and owners[other] - facts[key]:
            clashes.setdefault(
                key,
                (
                    "clash",
                    f"{score:.3f} similar to a question with another answer, {own[key]:.3f} to its own",
                ),
            )
    return clashes


def _owners(proposals: Sequence[Proposal], known: Sequence[Row]) -> dict[str, set[str]]:
    """The answers that each known question has."""
    owners: dict[str, set[str]] = defaultdict(set)
    if proposals:
        for row in known:
            owners[question_key(row.instruction, row.input)].add(squash(row.output))
    return owners


def _digits(text: str) -> str:
    return "".join(c for c in squash(text) if c.isdigit())


def _why(stats: dict[str, Any]) -> str:
    return "".join(f", {count:,} {reason}" for reason, count in stats["reasons"].items())


def _main(
    rows: Annotated[Path, typer.Argument(help="rows.jsonl of dedup")],
    out: Annotated[Path, typer.Option(help="folder to write to")],
    config: Annotated[Path, typer.Option(help="configuration file")] = DEMO,
) -> None:
    """Add paraphrases of the questions."""
    with job():
        augment(rows, out, load(config)["augment"])


if __name__ == "__main__":
    typer.run(_main)
