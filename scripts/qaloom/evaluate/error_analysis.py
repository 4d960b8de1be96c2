"""Error analysis: wrong answers, the worst first, each with its likely causes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from qaloom.evaluate.results import Failure, NearestTrainingRow, Prediction
from qaloom.evaluate.retrieval import Index
from qaloom.evaluate.summary import HEADLINE
from qaloom.inference.prompt import Question
from qaloom.records import Contradiction
from qaloom.text.normalize import comparison_key

_NEAR = 0.8  # character F1 from which an answer is right but for its form
_FEW_WORDINGS = 2  # of a fact in training, up to which more are what helps first


def failures(
    predictions: Sequence[Prediction],
    questions: Sequence[Question],
    index: Index,
    contradictions: Sequence[Contradiction],
) -> list[Failure]:
    """Wrong answers of the tuned model about facts it was trained on, the worst first.

    `predictions` and `questions` belong together; `contradictions` as dedup leaves them. Answers to `unseen`
    questions do not count.
    """
    wordings = Counter(comparison_key(row["output"]) for row in index.rows)
    against = contradicting(contradictions)
    wrong = [
        (prediction, question)
        for prediction, question in zip(predictions, questions, strict=True)
        if prediction.split == "recall" and not prediction.scores[HEADLINE]["tuned"]
    ]
    nearest = index.nearest([question for _, question in wrong], 1)
    found = [
        _failure(prediction, rows[0] if rows else None, wordings, against)
        for (prediction, _), rows in zip(wrong, nearest, strict=True)
    ]
    return sorted(found, key=lambda one: (one.char_f1, one.chrf or 0, one.id))


def _failure(
    prediction: Prediction,
    nearest: dict[str, Any] | None,
    wordings: Mapping[str, int],
    against: Mapping[str, list[dict[str, Any]]],
) -> Failure:
    row = nearest and NearestTrainingRow(nearest["id"], nearest["instruction"], nearest["output"])
    failure = Failure(
        prediction.id,
        prediction.origin,
        prediction.language,
        prediction.document,
        prediction.question,
        prediction.reference,
        prediction.tuned,
        prediction.scores["char_f1"]["tuned"] or 0.0,
        prediction.scores["chrf"]["tuned"],
        prediction.cut["tuned"],
        wordings.get(comparison_key(prediction.reference), 0),
        row or None,
        against.get(prediction.id) or (against.get(row.id) if row else None) or [],
    )
    failure.causes = _causes(failure, prediction.scores["contains_reference"]["tuned"] == 1, wordings)
    return failure


def _causes(failure: Failure, contains_reference: bool, wordings: Mapping[str, int]) -> list[str]:
    """Codes of likely causes, the surest first; not_learned when nothing else explains the failure."""
    answer = comparison_key(failure.tuned)
    causes = {
        "contradicted": bool(failure.contradicted_by),
        "cut": failure.cut,
        "form": failure.char_f1 >= _NEAR or contains_reference,
        "few_wordings": failure.wordings <= _FEW_WORDINGS,
        "mixed_up": answer in wordings and answer != comparison_key(failure.reference),
    }
    return [cause for cause, holds in causes.items() if holds] or ["not_learned"]


def contradicting(contradictions: Sequence[Contradiction]) -> dict[str, list[dict[str, Any]]]:
    """For each row's id, the rows whose answers contradict its own."""
    against: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in contradictions:
        for row in one.rows:
            others = [r for r in one.rows if comparison_key(r["output"]) != comparison_key(row["output"])]
            against[row["id"]] += [
                {"source": r["source"], "line": r["line"], "output": r["output"]} for r in others
            ]
    return against
