"""Has a model that learned its facts kept its language? General prompts, without reference answers.

The base model answers each prompt. How likely the tuned model finds those answers, and how often it would
have gone on with the same token, shows how far it has moved; how likely the base model finds the tuned
model's own answers shows whether they are still language that fits the prompt.
"""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from qaloom.evaluate.bootstrap import paired
from qaloom.evaluate.model_pair import ModelPair, Question
from qaloom.evaluate.summary import perplexity

PROMPTS = Path(__file__).with_suffix(".yaml")
_TOKENS = 32  # of each answer
# Rules of thumb, not statistics.
_KEPT, _LOST = 0.75, 0.4


def forgetting(arms: ModelPair, resamples: int, seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The figures for metrics.json, and each prompt with both answers.

    Figures, in all and by language of the prompts: `perplexity` of the base model's answers under both
    models, `own_answers`, perplexity under the base model of each model's own answers, `agreement`, the share
    of tokens on which both models agree, and `kind`: kept, changed or lost, by that share.
    """
    prompts = [(language, text) for language, texts in _prompts().items() for text in texts]
    asked, kind = [Question(text) for _, text in prompts], arms.prompt
    said = {
        arm: arms.answers(arm, kind, asked, f"{arm}, general prompts", _TOKENS) for arm in ("base", "tuned")
    }
    seen = {
        (by, of): arms.likelihoods(by, kind, asked, [a.ids for a in said[of]], f"{of} as seen by {by}")
        for by, of in (("base", "base"), ("tuned", "base"), ("base", "tuned"))
    }
    records = [
        {
            "language": language,
            "prompt": text,
            **{arm: given[i].text for arm, given in said.items()},
            "nll": {"base": seen["base", "base"][i].nll, "tuned": seen["tuned", "base"][i].nll},
            "own_nll": {"base": seen["base", "base"][i].nll, "tuned": seen["base", "tuned"][i].nll},
            "agreement": {side: _share(seen[side, "base"][i]) for side in ("base", "tuned")},
        }
        for i, (language, text) in enumerate(prompts)
    ]
    by = {name: [r for r in records if r["language"] == name] for name in _prompts()}
    figures = _figures(records, resamples, seed)
    return figures | {"by": {name: _figures(some, resamples, seed) for name, some in by.items()}}, records


def _prompts() -> dict[str, list[str]]:
    return yaml.safe_load(PROMPTS.read_text("utf-8"))


def _share(likelihood: Any) -> float | None:
    return likelihood.agreed / likelihood.tokens if likelihood.tokens else None


def _figures(records: list[dict[str, Any]], resamples: int, seed: int) -> dict[str, Any]:
    known = [r["agreement"] for r in records if r["agreement"]["base"] is not None]
    shares = [np.array([one[side] for one in known]) for side in ("base", "tuned")]
    agreement = paired(*shares, resamples, seed)
    return {
        "n": len(records),
        "perplexity": perplexity([r["nll"] for r in records], resamples, seed),
        "own_answers": perplexity([r["own_nll"] for r in records], resamples, seed),
        "agreement": agreement,
        "kind": _kind(agreement["tuned"]),
    }


def _kind(agreement: float | None) -> str:
    if agreement is None:
        return "unknown"
    return "kept" if agreement >= _KEPT else "lost" if agreement < _LOST else "changed"
