"""The wrong answers, the worst first, and what could mend each."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from qaloom.evaluate.model_pair import Question
from qaloom.evaluate.retrieval import Index
from qaloom.text.normalize import comparison_key

_NEAR = 0.8  # character F1 from which an answer is right but for its form
_FEW_WORDINGS = 2  # of a fact in training, up to which more are what helps first


def failures(
    predictions: Sequence[dict[str, Any]],
    asked: Sequence[Question],
    index: Index,
    contradictions: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """What the tuned model got wrong of the facts it was trained on, the worst first.

    `predictions` and `asked` belong together; `contradictions` as dedup leaves them. Each failure holds the
    nearest training row, how many training wordings its fact has, the rows that contradict it, and `causes`:
    codes of what could mend it, the surest first (see `_causes`). Answers to `unseen` questions do not count.
    """
    wordings = Counter(comparison_key(row["output"]) for row in index.rows)
    against = _contradicting(contradictions)
    wrong = [
        (prediction, question)
        for prediction, question in zip(predictions, asked, strict=True)
        if prediction["split"] == "recall" and not prediction["scores"]["exact_match"]["tuned"]
    ]
    nearest = index.nearest([question for _, question in wrong], 1)
    found = [
        _failure(prediction, rows[0] if rows else None, wordings, against)
        for (prediction, _), rows in zip(wrong, nearest, strict=True)
    ]
    return sorted(found, key=lambda one: (one["char_f1"], one["chrf"] or 0, one["id"]))


def _failure(
    prediction: dict[str, Any],
    nearest: dict[str, Any] | None,
    wordings: Counter[str],
    against: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    scores = {name: score["tuned"] for name, score in prediction["scores"].items()}
    about = ("id", "origin", "language", "document", "question", "reference", "tuned")
    rows = against.get(prediction["id"]) or (against.get(nearest["id"]) if nearest else None) or []
    about_nearest = {"id": "id", "question": "instruction", "answer": "output"}
    failure = {
        **{key: prediction[key] for key in about},
        "char_f1": scores["char_f1"],
        "chrf": scores["chrf"],
        "cut": prediction["cut"]["tuned"],
        "wordings": wordings[comparison_key(prediction["reference"])],
        "nearest": nearest and {name: nearest[key] for name, key in about_nearest.items()},
        "contradicted_by": rows,
    }
    return failure | {"causes": _causes(failure, scores, wordings)}


def _causes(failure: dict[str, Any], scores: dict[str, float | None], wordings: Counter[str]) -> list[str]:
    """Why an answer may have failed; not_learned when nothing else explains it."""
    said = comparison_key(failure["tuned"])
    causes = {
        "contradicted": bool(failure["contradicted_by"]),
        "cut": failure["cut"],
        "form": scores["char_f1"] >= _NEAR or scores["contains_reference"] == 1,
        "few_wordings": failure["wordings"] <= _FEW_WORDINGS,
        "mixed_up": said in wordings and said != comparison_key(failure["reference"]),
    }
    return [cause for cause, holds in causes.items() if holds] or ["not_learned"]


def _contradicting(contradictions: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """For each row's id, the rows whose answers contradict its own."""
    against: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in contradictions:
        for row in one["rows"]:
            others = [r for r in one["rows"] if comparison_key(r["output"]) != comparison_key(row["output"])]
            against[row["id"]] += [{key: r[key] for key in ("source", "line", "output")} for r in others]
    return against
