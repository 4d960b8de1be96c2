"""Records of a final model's memory check, and its figures in a sentence."""

import msgspec

from qaloom.evaluate.results import AnswerLimit


class MemoryAnswer(msgspec.Struct):
    """A line of predictions.jsonl: a question, the answer, and whether the final model was trained on that row."""

    id: str
    split: str
    origin: str
    question: str
    reference: str
    tuned: str
    cut: dict[str, bool]
    right: float
    trained: bool


class Remembered(msgspec.Struct):
    """Share of right answers to `n` questions that a model was trained on: no test score."""

    n: int
    right: float | None


class ProbeComparison(msgspec.Struct):
    """Shares of right answers of a final model and its held-out twin on `n` probes, which neither was trained on."""

    n: int
    twin: float | None
    final: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None


class MemoryCheck(msgspec.Struct):
    """`results/memory_check/RUN/metrics.json`: what a final model remembers of its training rows.

    `by` names the parts that its rows were in for its held-out twin, whose scores are the run's.
    """

    run: str
    adapter: str  # sha256 of the final model's weights
    evaluated_adapter: str  # and of its twin's
    rows: int  # that it was trained on
    evaluated_rows: int
    answer_limit: AnswerLimit
    trained: Remembered
    by: dict[str, Remembered]
    probes: ProbeComparison

    @property
    def is_its_twin(self) -> bool:
        """Whether the evaluated model was trained on the same rows, so that the run's scores are its own."""
        return self.adapter == self.evaluated_adapter


def memory_summary(found: MemoryCheck) -> str:
    """A memory check's figures as part of a sentence."""
    right = round((found.trained.right or 0) * found.trained.n)
    line = f"it answers {right:,} of {found.trained.n:,} questions right that it was trained on (no test)"
    if probes := found.probes.n:
        final, twin = (round((share or 0) * probes) for share in (found.probes.final, found.probes.twin))
        line += f", and {final:,} of {probes:,} probes, its held-out twin {twin:,}"
    return line
