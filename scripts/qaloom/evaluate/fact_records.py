"""Records of facts.jsonl and lookalike.jsonl, which evaluate writes beside its metrics."""

from typing import Any, Literal

import msgspec

Outcome = Literal["right", "abstains", "made_up", "empty"]


class TrainedWording(msgspec.Struct):
    """A trained question of a fact; `origin` is data or augmented."""

    id: str
    question: str
    origin: str


class AskedWording(msgspec.Struct):
    """A held-out question of a fact that was asked, and which models were right; `light` as in placement.jsonl."""

    id: str
    question: str
    origin: str
    light: bool
    right: dict[str, bool]


class FactSource(msgspec.Struct):
    """A place that states a fact: document, file and line."""

    document: str
    source: str
    line: int


class LedgerFact(msgspec.Struct):
    """One line of facts.jsonl: a fact of the split, what it was taught with, and whether it was learned.

    `fact` is the id in placement.jsonl; `placed` train or unseen; `learned` all, some or none of the wordings
    asked, not_asked, or not_taught (unseen). `unasked` counts held-out wordings that were not asked. `margin`: by
    how much tuning made the reference likelier; `over_competitor`: by how much the tuned model finds it likelier
    than the nearest training row's other answer; both in nats a token, means over the wordings asked.
    """

    fact: str
    answer: str
    placed: str
    learned: str
    trained: list[TrainedWording]
    asked: list[AskedWording]
    unasked: int
    sources: list[FactSource]
    margin: float | None
    over_competitor: float | None
    contradicted_by: list[dict[str, Any]]


class LookAlikeAnswers(msgspec.Struct):
    """One line of lookalike.jsonl: a question that asks for nothing known, both answers, and what they are.

    `parent`, `replaced`, `put_in` and `kind` as in the split's `records.LookAlikeRow`.
    """

    id: str
    question: str
    parent: str
    replaced: str
    put_in: str
    kind: str
    answers: dict[str, str]
    outcomes: dict[str, Outcome]

    def __post_init__(self) -> None:
        if not {"base", "tuned"} <= self.answers.keys() & self.outcomes.keys():
            raise ValueError("answers and outcomes are those of base and tuned")
