"""QA Loom's scores for short answers, Korean first, as a metric of the library evaluate, for other programs.

It needs no network:

    import evaluate
    score = evaluate.load("scripts/qaloom/evaluate/hf_modules/qa_scores", "char_f1")
    score.compute(predictions=["서울시"], references=["서울"])  # {"char_f1": 0.8}

The second argument names one score of qaloom.evaluate.metrics; without it all are computed.
"""

from collections.abc import Callable

import datasets

import evaluate
from qaloom.evaluate.metrics import SCORES

_ALL = "default"  # what evaluate calls a module that was loaded without naming a configuration


class QAScores(evaluate.Metric):
    """Means over the answers for which a score exists; None, not 0, when it exists for none."""

    def _info(self) -> evaluate.MetricInfo:
        if self.config_name not in (_ALL, *SCORES):
            raise KeyError(f"no score {self.config_name!r}; there are {', '.join(SCORES)}")
        return evaluate.MetricInfo(
            description="Scores of short answers against one reference each, from 0 to 1.",
            citation="",
            inputs_description="predictions and references: lists of texts, one reference a prediction.",
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float | None]:
        wanted = list(SCORES) if self.config_name == _ALL else [self.config_name]
        return {name: _mean(SCORES[name], predictions, references) for name in wanted}


def _mean(score: Callable, predictions: list[str], references: list[str]) -> float | None:
    found = [score(*pair) for pair in zip(predictions, references, strict=True)]
    found = [value for value in found if value is not None]
    return sum(found) / len(found) if found else None
