"""A model's judgement on paraphrases that the gates drop for their words alone: do both questions ask the same?

An encoder judges by the cosine of the two, a causal model by the probability of its yes against its no, asked in the
questions' language with examples as earlier exchanges. docs/augmentation.md says how well they do.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from qaloom.augment.paraphrase_filters import Reason
from qaloom.console import bar
from qaloom.errors import ModelError
from qaloom.files import digest, read_json
from qaloom.inference.embeddings import embed
from qaloom.inference.likelihood import likelihoods
from qaloom.inference.model import fitting_precision, load_model
from qaloom.inference.prompt import Question, load_tokenizer, prompt_ids, prompt_kind
from qaloom.text.language import language
from qaloom.trained_run import base_manifest

_FOR_WORDS_ALONE = ("words_lost", "words_added")
_CAUSAL = ("ForCausalLM", "LMHeadModel")

Pair = tuple[str, str]  # a question and its paraphrase


class ParaphraseJudge(NamedTuple):
    """A judge's folder, as base_model made it, where its scores are kept, and the least score that keeps."""

    model: Path
    cache: Path
    least: float

    def second_opinion(self, pairs: Sequence[Pair], reasons: Sequence[Reason | None]) -> list[Reason | None]:
        """The reasons against the paraphrases, without those against words where the score is high enough."""
        at = [n for n, reason in enumerate(reasons) if reason and reason[0] in _FOR_WORDS_ALONE]
        scores = dict(zip(at, self.scores([pairs[n] for n in at]), strict=True))
        return [
            self._weighed(reason, scores[n]) if reason and n in scores else reason
            for n, reason in enumerate(reasons)
        ]

    def _weighed(self, reason: Reason, score: float) -> Reason | None:
        code, detail = reason
        return None if score >= self.least else (code, f"{detail}; the judge gives {score:.2f}")

    def scores(self, pairs: Sequence[Pair]) -> list[float]:
        """How surely both questions of a pair ask the same, from 0 to 1. Raises ModelError or DeviceError."""
        if not pairs:
            return []
        return (
            _probabilities(pairs, self.model, self.cache) if _is_causal(self.model) else self._cosines(pairs)
        )

    def _cosines(self, pairs: Sequence[Pair]) -> list[float]:
        one, other = (embed(side, self.model, self.cache) for side in zip(*pairs, strict=True))
        return [max(0.0, float(cosine)) for cosine in (one * other).sum(1)]


def judge_of(
    gates: Mapping[str, Any], model: Path | None, cache: Path = Path("cache/judge")
) -> ParaphraseJudge | None:
    """The judge of the settings `augment.gates`, given the model's folder; None where there is none."""
    return ParaphraseJudge(model, cache, gates["judge_least"]) if model else None


def _is_causal(folder: Path) -> bool:
    file = folder / "config.json"
    if not file.is_file():
        raise ModelError(
            f"{folder} holds no config.json; name an encoder or a causal model as augment.gates.judge"
        )
    return any(name.endswith(_CAUSAL) for name in read_json(file).get("architectures") or ())


# --- by a causal model --------------------------------------------------------------------------------


@cache
def _prompts() -> dict[str, Any]:
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))


def _probabilities(pairs: Sequence[Pair], folder: Path, kept: Path) -> list[float]:
    """The probability of yes among yes and no."""
    tokenizer = load_tokenizer(folder)
    kind = prompt_kind("auto", tokenizer)
    asked = []
    for pair in pairs:
        prompts = _prompts()["ko" if language(pair[0]) == "ko" else "en"]
        prompt = prompt_ids(tokenizer, kind, *_prompt(pair, prompts))
        words = (prompts["yes"], prompts["no"])
        asked += [(prompt, tokenizer(word, add_special_tokens=False)["input_ids"]) for word in words]
    precision = fitting_precision(folder)
    load = cache(lambda: load_model(folder, precision=precision))
    file = kept / f"{digest([base_manifest(folder).sha256, precision])[:16]}.jsonl"
    with bar("augment: judge", len(asked), "answers") as advance:
        found = likelihoods(load, asked, file, advance)
    nll = [(one.nll or 0.0) * one.tokens for one in found]
    return [1 / (1 + math.exp(min(50.0, yes - no))) for yes, no in zip(nll[::2], nll[1::2], strict=True)]


def _prompt(pair: Pair, prompts: Mapping[str, Any]) -> Question:
    ask = lambda one, other: prompts["ask"].format(one=one, other=other)  # noqa: E731
    shown = tuple(
        (ask(e["one"], e["other"]), prompts["yes" if e["same"] else "no"]) for e in prompts["examples"]
    )
    return Question(ask(*pair), history=shown)
