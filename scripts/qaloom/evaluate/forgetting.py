"""Forgetting: general prompts answered by both models, without reference answers.

The base model answers each prompt. How likely the tuned model finds those answers, and how often it would
have gone on with the same token, shows how far it has moved; how likely the base model finds the tuned
model's own answers shows whether they are still language that fits the prompt.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import yaml

from qaloom.evaluate.intervals import paired
from qaloom.evaluate.model_pair import ModelPair
from qaloom.evaluate.results import MODELS, Forgetting, ForgettingPart, GeneralAnswers
from qaloom.evaluate.summary import perplexity
from qaloom.inference.likelihood import Likelihood
from qaloom.inference.prompt import Question

PROMPTS = Path(__file__).with_suffix(".yaml")
_TOKENS = 32  # of each answer
# Rules of thumb, not statistics.
_KEPT, _LOST = 0.75, 0.4


def measure_forgetting(models: ModelPair) -> tuple[Forgetting, list[GeneralAnswers]]:
    """Metrics in all and by language of the prompts, and each prompt with both answers.

    `perplexity`: of the base model's answers under both models; `own_answers`: under the base model, of each
    model's own answers; `agreement`: share of tokens on which both models agree; `kind`: kept, changed or
    lost, by that share.
    """
    prompts = _prompts()
    records = _answered(models, [(language, text) for language, texts in prompts.items() for text in texts])
    by = {name: _metrics([r for r in records if r.language == name]) for name in prompts}
    return Forgetting(**msgspec.structs.asdict(_metrics(records)), by=by), records


def _answered(models: ModelPair, prompts: Sequence[tuple[str, str]]) -> list[GeneralAnswers]:
    questions, kind = [Question(text, system=models.trained.system) for _, text in prompts], models.prompt
    base, tuned = (
        models.answers(model, kind, questions, f"{model}, general prompts", _TOKENS) for model in MODELS
    )
    likelihoods = {
        (by, of): models.likelihoods(by, kind, questions, [a.ids for a in given], f"{of} as seen by {by}")
        for by, of, given in (("base", "base", base), ("tuned", "base", base), ("base", "tuned", tuned))
    }
    base_own, tuned_base, base_tuned = likelihoods.values()
    return [
        GeneralAnswers(
            language,
            text,
            base[i].text,
            tuned[i].text,
            {"base": base_own[i].nll, "tuned": tuned_base[i].nll},
            {"base": base_own[i].nll, "tuned": base_tuned[i].nll},
            {"base": _agreed_share(base_own[i]), "tuned": _agreed_share(tuned_base[i])},
        )
        for i, (language, text) in enumerate(prompts)
    ]


def _prompts() -> dict[str, list[str]]:
    return yaml.safe_load(PROMPTS.read_text("utf-8"))


def _agreed_share(likelihood: Likelihood) -> float | None:
    return likelihood.agreed / likelihood.tokens if likelihood.tokens else None


def _metrics(records: Sequence[GeneralAnswers]) -> ForgettingPart:
    shares = [r.agreement for r in records if r.agreement["base"] is not None]
    base, tuned = (np.array([one[model] for one in shares]) for model in MODELS)
    agreement = paired(base, tuned)
    return ForgettingPart(
        len(records),
        perplexity([r.nll for r in records]),
        perplexity([r.own_nll for r in records]),
        agreement,
        _kind(agreement.tuned),
    )


def _kind(agreement: float | None) -> str:
    if agreement is None:
        return "unknown"
    return "kept" if agreement >= _KEPT else "lost" if agreement < _LOST else "changed"
