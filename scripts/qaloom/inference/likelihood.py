"""Likelihood of given texts under a model: perplexity, and agreement with its own choice token by token."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from qaloom.files import digest
from qaloom.inference.model import LoadedModel
from qaloom.inference.response_cache import cached_responses

# Prompt and text tokens in one batch: far below what generating takes, so that memory never is the question.
_TOKEN_BUDGET = {"cpu": 2_048, "cuda": 4_096}


class Likelihood(msgspec.Struct):
    """The likelihood of a text after a prompt; perplexity is exp(nll)."""

    prompt: str  # digest of the prompt's and the text's token ids
    nll: float | None  # negative log-likelihood a token, in nats; None for an empty text
    tokens: int
    agreed: int  # tokens that the model itself would have written in their place


def likelihoods(
    load: Callable[[], LoadedModel],
    texts: Sequence[tuple[list[int], list[int]]],
    cache: Path,
    advance: Callable[[int], None],
) -> list[Likelihood]:
    """The likelihood of each text after its prompt (both token ids), in that order; cached as answers are."""
    names = [digest([prompt, text]) for prompt, text in texts]
    by_digest = dict(zip(names, texts, strict=True))

    def compute(missing: list[str]) -> Iterator[list[Likelihood]]:
        yield [Likelihood(name, None, 0, 0) for name in missing if not by_digest[name][1]]
        full = [name for name in missing if by_digest[name][1]]
        for batch in _batches(full, by_digest, load().model if full else None):
            yield _batch(load().model, batch, [by_digest[name] for name in batch])

    return cached_responses(cache, Likelihood, names, compute, advance)


def _batches(names: list[str], by_digest: dict[str, tuple], model: Any) -> Iterator[list[str]]:
    length = {name: sum(map(len, by_digest[name])) for name in names}
    queue = sorted(names, key=length.__getitem__, reverse=True)
    while queue:
        size = max(1, _TOKEN_BUDGET[model.device.type] // length[queue[0]])
        yield queue[:size]
        queue = queue[size:]


def scores_of_texts(model: Any, texts: Sequence[tuple[list[int], list[int]]]) -> tuple[Any, Any]:
    """Scores at each token of some texts after their prompts, and those tokens.

    Tensors (texts, tokens of the longest, vocabulary) in float32 and (texts, tokens); shorter texts stand at the end.
    """
    import torch

    # Padded on the left, so that the texts end together, and logits are made for the texts' columns alone.
    width, ending = max(len(p) + len(t) for p, t in texts), max(len(t) for _, t in texts)
    ids = [[0] * (width - len(p) - len(t)) + p + t for p, t in texts]
    mask = [[0] * (width - len(p) - len(t)) + [1] * (len(p) + len(t)) for p, t in texts]
    inputs = {"input_ids": ids, "attention_mask": mask}
    tensors = {name: torch.tensor(rows, device=model.device) for name, rows in inputs.items()}
    positions = (tensors["attention_mask"].cumsum(-1) - 1).clamp(min=0)
    with torch.inference_mode():
        logits = model(**tensors, position_ids=positions, logits_to_keep=ending + 1, use_cache=False).logits
        return logits[:, -ending - 1 : -1].float(), tensors["input_ids"][:, -ending:]


def _batch(model: Any, names: list[str], texts: list[tuple[list[int], list[int]]]) -> list[Likelihood]:
    logits, wanted = scores_of_texts(model, texts)
    nll = -logits.log_softmax(-1).gather(-1, wanted[..., None])[..., 0]
    agreed = logits.argmax(-1) == wanted
    return [
        Likelihood(
            name, round(nll[i, -len(t) :].double().mean().item(), 6), len(t), int(agreed[i, -len(t) :].sum())
        )
        for i, (name, (_, t)) in enumerate(zip(names, texts, strict=True))
    ]
