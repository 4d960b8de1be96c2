"""Parity of an export with the tuned model: the figures, and the verdict on them in sentences."""

import msgspec

from qaloom.evaluate.memory_figures import MemoryCheck
from qaloom.trained_run import BaseOrigin


class TokenDifference(msgspec.Struct):
    """The first prompt that is tokenised otherwise: the token where it differs, and five ids from there."""

    message: str
    at: int
    trained: list[int]
    export: list[int]


class PromptParity(msgspec.Struct):
    """How many of `n` prompts have the token ids of the training."""

    n: int
    same: int
    first: TokenDifference | None


class ExactMatchParity(msgspec.Struct):
    """Exact match of tuned model and export, and the paired difference (see `evaluate.intervals.paired`)."""

    tuned: float | None
    export: float | None
    n: int
    difference: float | None
    low: float | None
    high: float | None
    p: float | None


class EndedParity(msgspec.Struct):
    """How many answers ended by themselves."""

    tuned: int
    export: int


class DifferingAnswer(msgspec.Struct):
    """A question that the export answers otherwise than the tuned model."""

    id: str
    question: str
    reference: str
    tuned: str
    export: str


class ParityResult(msgspec.Struct):
    """`results/parity/RUN/FORMAT.json`: an export's answers to `n` questions beside the tuned model's."""

    format: str
    adapter: str  # sha256 of the weights that were trained
    runtime: str
    n: int
    same: int  # answers that are identical
    exact_match: ExactMatchParity
    ended: EndedParity
    differing: list[DifferingAnswer]  # the first of them
    prompts: PromptParity


class ExportedFile(msgspec.Struct):
    """A file of an export."""

    bytes: int
    sha256: str


class ExportManifest(msgspec.Struct):
    """`results/export/RUN/manifest.json`: files (by their path) that answer as the tuned model does.

    `evaluated_adapter` is the model whose scores the card shows, the exported one's held-out twin where it is
    another; `final` then says how the exported one was trained and what it remembers.
    """

    run: str
    base_model: BaseOrigin
    formats: list[str]
    parity: dict[str, ParityResult]
    files: dict[str, ExportedFile]
    sha256: str  # over the digests of all files
    adapter: str = ""  # sha256 of the weights that are exported, as they were trained
    evaluated_adapter: str = ""
    final: MemoryCheck | None = None


def parity_summary(result: ParityResult) -> str:
    """How one export compares, in one line."""
    score, prompts = result.exact_match, result.prompts
    interval = "" if score.low is None else f" (95% {score.low:+.2f} to {score.high:+.2f})"
    answered = (
        f"{result.same} of {result.n} answers identical, exact match {score.tuned:.2f} -> "
        f"{score.export:.2f}{interval}"
        if result.n
        else "no question to ask"
    )
    return f"{result.format}: {answered}, {prompts.same} of {prompts.n} prompts tokenised alike"


def parity_failures(result: ParityResult, max_drop: float) -> list[str]:
    """The reasons not to give an export out, in sentences; none when it answers as trained.

    `max_drop` is the largest fall of exact match, and the largest share of answers without an end, that
    passes.
    """
    return [
        sentence
        for sentence in (
            _prompt_failure(result.prompts),
            _end_failure(result, max_drop),
            _score_failure(result, max_drop),
        )
        if sentence
    ]


def _prompt_failure(prompts: PromptParity) -> str | None:
    first = prompts.first
    if first is None:
        return None
    return (
        f"{prompts.n - prompts.same} of {prompts.n} prompts are tokenised otherwise than in training (wrong "
        f"chat template or tokenizer); the first, {first.message!r}, differs at token {first.at}: "
        f"{first.trained} in training, {first.export} here"
    )


def _end_failure(result: ParityResult, max_drop: float) -> str | None:
    endless = result.ended.tuned - result.ended.export
    if endless <= max_drop * result.n:
        return None
    return (
        f"{endless} of {result.n} answers do not end where the tuned model's do (the end token is missing or "
        "another)"
    )


def _score_failure(result: ParityResult, max_drop: float) -> str | None:
    score = result.exact_match
    if score.difference is None or -score.difference <= max_drop:
        return None
    first = result.differing[0]
    return (
        f"exact match falls from {score.tuned:.2f} to {score.export:.2f}, more than export.max_drop "
        f"({max_drop}) allows, with {result.same} of {result.n} answers identical (another base model, or "
        f"weights that lost too much); the first that differs, {first.question!r}: {first.tuned!r} became "
        f"{first.export!r}"
    )
