"""Greedy decoding: sequences under way, their answers, and grouped-query attention without repeated keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import torch
from torch.nn.functional import scaled_dot_product_attention

from qaloom.compat_transformers import (
    attention_name,
    register_attention,
    sdpa_attention,
    small_model,
    works,
)

GROUPED_ATTENTION = "sdpa_grouped"  # the attention's name among transformers' own


class Answer(msgspec.Struct):
    """A model's answer; `cut` when it ran into the length limit instead of ending by itself."""

    prompt: str  # digest of the prompt's token ids
    text: str
    cut: bool
    prompt_tokens: int
    ids: list[int]  # of the answer, without the end token
    new_tokens: int
    seconds: float  # its share of the time that its batch took

    def cost(self) -> dict[str, float]:
        """Tokens read, tokens written, and seconds."""
        return {name: getattr(self, name) for name in ("prompt_tokens", "new_tokens", "seconds")}


@dataclass
class GeneratedSequence:
    """A prompt (token ids), the tokens generated after it so far, and its share of the seconds that took."""

    name: str
    prompt: list[int]
    generated: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def finished(self, stop: Sequence[int], max_new_tokens: int) -> bool:
        """Whether it ended by itself (with an id of `stop`), or is as long as it may be."""
        return len(self.generated) == max_new_tokens or self.generated[-1] in stop


def greedy(model: Any, tokenizer: Any, stop: list[int], max_new_tokens: int, **inputs: Any) -> Any:
    """The token ids of prompts and answers, each token the likeliest, whatever the model's own settings.

    A repetition penalty, which some models' settings name, would count against an answer that repeats
    the question's words, and count padding as words.
    """
    with torch.inference_mode():
        return model.generate(
            **inputs,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            repetition_penalty=1.0,
            eos_token_id=stop,
            pad_token_id=tokenizer.pad_token_id,
        )


def use_grouped_attention(model: Any) -> None:
    """Have a token's query heads that share keys read them together, where the model allows.

    Transformers copies keys and values for every query head as soon as rows are padded: at each token, all of
    those of the batch, in every layer.
    """
    instead = "answers take longer, one padded batch after the other"
    if works(_grouped_attention_works, "transformers.AttentionInterface", instead):
        _use_grouped_attention(model)


def _use_grouped_attention(model: Any) -> None:
    if attention_name(model) == "sdpa":
        register_attention(GROUPED_ATTENTION, _grouped_attention)
        model.set_attn_implementation(GROUPED_ATTENTION)


def _grouped_attention_works() -> bool:
    """Whether a small model's scores of two padded rows are those that it has by transformers' attention."""
    ids, mask = torch.tensor([[0, 0, 5, 6], [7, 8, 9, 10]]), torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    model, scores = small_model(), []
    for change in (lambda _: None, _use_grouped_attention):
        change(model)
        made = model.generate(
            ids, attention_mask=mask, max_new_tokens=3, do_sample=False, output_logits=True,
            return_dict_in_generate=True,
        )  # fmt: skip
        scores.append(torch.stack(made.logits))
    return attention_name(model) == GROUPED_ATTENTION and torch.allclose(scores[0], scores[1], atol=1e-4)


def _grouped_attention(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    scaling: Any = None,
    spans: Any = None,
    **more: Any,
) -> tuple[Any, None]:
    """Attention as transformers' own: rows x heads x tokens x size in, rows x tokens x heads x size out.

    `spans` (first row, row behind the last, width) are rows that look at their last `width` keys alone.
    """
    if mask is None or query.shape[2] > 1 or more.get("position_bias") is not None:
        return sdpa_attention()(module, query, key, value, mask, scaling=scaling, **more)
    rows, heads, _, size = query.shape
    grouped = query.reshape(rows, key.shape[1], -1, size)
    parts = [
        scaled_dot_product_attention(
            grouped[a:b], key[a:b, :, -width:], value[a:b, :, -width:], scale=scaling,
            attn_mask=mask[a:b, ..., -width:],
        )
        for a, b, width in spans or [(0, rows, key.shape[2])]
    ]  # fmt: skip
    return torch.cat(parts).reshape(rows, 1, heads, -1), None
