"""Retention: how much of what the base model knew of the world the tuned model still answers.

General questions with short answers, each in two wordings. What the base answers rightly in both it knew; those
questions are asked of the tuned model. Decoding is greedy, so an unchanged model keeps all of it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import yaml

from qaloom.evaluate.fact_records import LedgerFact
from qaloom.evaluate.intervals import rate
from qaloom.evaluate.metrics import contains_reference
from qaloom.evaluate.model_pair import ModelPair
from qaloom.evaluate.results import EvaluationMetrics, Rate, Retention, RetentionPart
from qaloom.inference.prompt import Question

QUESTIONS = Path(__file__).with_suffix(".yaml")
_TOKENS = 24  # of each answer


class GeneralQuestion(NamedTuple):
    """A question in two wordings, and its answers, any of which is right."""

    language: str
    wordings: tuple[str, str]
    answers: list[str]


class _Group(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of retention.yaml: two wordings with a gap, and the answers by what fills it."""

    language: str
    wordings: tuple[str, str]
    answers: dict[str, list[str]]


def general_questions() -> list[GeneralQuestion]:
    """The built-in questions."""
    groups = msgspec.convert(yaml.safe_load(QUESTIONS.read_text("utf-8")), list[_Group])
    return [
        GeneralQuestion(
            group.language,
            (group.wordings[0].replace("{}", asked), group.wordings[1].replace("{}", asked)),
            answers,
        )
        for group in groups
        for asked, answers in group.answers.items()
    ]


def measure_retention(models: ModelPair) -> Retention:
    """Share of the answers that the tuned model kept, of the questions that the base model knew; by language."""
    questions = general_questions()
    known = questions
    for wording in (
        0,
        1,
    ):  # the second only where the first was answered rightly, which a small model seldom does
        hits = _hits(models, "base", [(q, wording) for q in known])
        known = [q for q, hit in zip(known, hits, strict=True) if hit]
    hits = _hits(models, "tuned", [(q, wording) for q in known for wording in (0, 1)])
    kept = list(zip(hits[::2], hits[1::2], strict=True))
    by = {
        name: _part(
            sum(q.language == name for q in questions),
            [hits for q, hits in zip(known, kept, strict=True) if q.language == name],
        )
        for name in dict.fromkeys(q.language for q in questions)
    }
    return Retention(**msgspec.structs.asdict(_part(len(questions), kept)), by=by)


def _part(asked: int, kept: Sequence[Sequence[bool]]) -> RetentionPart:
    """The two answers to a question are a cluster."""
    numbers = [number for number, hits in enumerate(kept) for _ in hits]
    return RetentionPart(asked, len(kept), rate([hit for hits in kept for hit in hits], numbers))


def _hits(models: ModelPair, model: str, asked: Sequence[tuple[GeneralQuestion, int]]) -> list[bool]:
    """Whether the answer to each question, in the wording named, is right; asked in the prompt of the training."""
    texts = [Question(q.wordings[wording], system=models.trained.system) for q, wording in asked]
    given = models.answers(model, models.prompt, texts, f"{model}, general questions", _TOKENS)
    return [is_right_answer(answer.text, q.answers) for answer, (q, _) in zip(given, asked, strict=True)]


def is_right_answer(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in a text, as a word."""
    return any(contains_reference(text, answer) for answer in answers)


def retention_line(found: RetentionPart) -> str:
    """One line: how much of what the base model knew the tuned model kept."""
    kept = found.kept
    if kept.share is None:
        return f"of {found.asked} general questions the base knows none, so what is kept cannot be measured"
    return f"keeps {_with_interval(kept)} of what the base knew: {found.known} of {found.asked} general questions"


def verdict_line(facts: Sequence[LedgerFact], metrics: EvaluationMetrics) -> str:
    """One line: the facts that the model knows, what it kept of its knowledge, and how often it makes answers up."""
    asked = [one for one in facts if one.learned in ("all", "some", "none")]
    parts = [f"knows {sum(one.learned == 'all' for one in asked):,} of {len(asked):,} facts"] if asked else []
    if isinstance(metrics.retention, Retention) and metrics.retention.known:
        parts.append(f"keeps {_with_interval(metrics.retention.kept)} of what the base knew")
    found = [metrics.made_up[part] for part in ("unseen", "lookalike") if part in metrics.made_up]
    if asked_of := [one.models["tuned"].made_up for one in found if one.n]:
        parts.append(f"makes up {_with_interval(asked_of[0])} of the answers that it cannot know")
    return ", ".join(parts) or "nothing could be asked"


def _with_interval(share: Rate) -> str:
    return f"{share.share:.0%} (95% {share.low:.0%} to {share.high:.0%})"
