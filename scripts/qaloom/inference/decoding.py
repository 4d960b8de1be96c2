"""What answers are made with: rows, plain greedy generating, and attention that copies no keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

GROUPED_ATTENTION = "sdpa_shared_keys"  # the attention's name among transformers' own


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
        """What the answer took: tokens read and written, and seconds."""
        return {name: getattr(self, name) for name in ("prompt_tokens", "new_tokens", "seconds")}


@dataclass
class GeneratedSequence:
    """A prompt (token ids), what was answered to it so far, and its share of the seconds that took."""

    name: str
    prompt: list[int]
    said: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def ended(self, stop: Sequence[int], most: int) -> bool:
        """Whether it ended by itself, or is `most` tokens long."""
        return len(self.said) == most or self.said[-1] in stop


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
    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(GROUPED_ATTENTION, _shared_keys)
        AttentionMaskInterface.register(GROUPED_ATTENTION, sdpa_mask)
        model.set_attn_implementation(GROUPED_ATTENTION)


def _shared_keys(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    scaling: Any = None,
    spans: Any = None,
    **given: Any,
) -> tuple[Any, None]:
    """Attention as transformers' own: rows x heads x tokens x size in, rows x tokens x heads x size out.

    `spans` (first row, row behind the last, width) are rows that look at their last `width` keys alone.
    """
    if mask is None or query.shape[2] > 1 or given.get("position_bias") is not None:
        return sdpa_attention_forward(module, query, key, value, mask, scaling=scaling, **given)
    rows, heads, _, size = query.shape
    together = query.reshape(rows, key.shape[1], -1, size)
    found = [
        scaled_dot_product_attention(
            together[a:b], key[a:b, :, -width:], value[a:b, :, -width:], scale=scaling,
            attn_mask=mask[a:b, ..., -width:],
        )
        for a, b, width in spans or [(0, rows, key.shape[2])]
    ]  # fmt: skip
    return torch.cat(found).reshape(rows, 1, heads, -1), None
