"""Many answers at once: rows that are read in groups, go on together, and leave when they have ended."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_ENDED = 1 / 8  # of the rows that go on together have ended when the others go on without them
_ROOM = 32  # tokens that keys and values have room for, before they move


@dataclass
class Row:
    """A prompt (token ids), what was answered to it so far, and its share of the seconds that took."""

    name: str
    prompt: list[int]
    said: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def ended(self, stop: Sequence[int], most: int) -> bool:
        """Whether it ended by itself, or is `most` tokens long."""
        return len(self.said) == most or self.said[-1] in stop


@dataclass
class Going:
    """Rows that go on together: their mask (rows x width), and the keys and values of all but the last token.

    Padding stands in front of a row and, where prompts share a beginning, behind that.
    """

    rows: list[Row]
    mask: torch.Tensor
    past: Any

    def can_be_joined(self) -> bool:
        """Whether keys and values of other rows can be put beside these.

        Not those of a sliding window, which holds a row's end alone, nor a recurrent state.
        """
        return _plain(self.past)

    def joined(self, others: list["Going"]) -> "Going":
        """These rows and others, the narrower ones padded in front."""
        all_of_them = [self, *others]
        if not others:
            return self
        width = max(one.mask.shape[1] for one in all_of_them)
        mask = torch.cat([pad(one.mask, (width - one.mask.shape[1], 0)) for one in all_of_them])
        layers = zip(*(one.past.layers for one in all_of_them), strict=True)
        self.past.layers = [_Roomy(parts) for parts in layers]
        return Going([row for one in all_of_them for row in one.rows], mask, self.past)

    def kept(self, keep: list[int]) -> "Going":
        """The rows of these numbers alone, without the columns that then are padding in all of them."""
        if len(keep) == len(self.rows):
            return self
        mask, past = self.mask[keep], self.past
        if self.can_be_joined():
            first = int(mask.any(dim=0).to(torch.int8).argmax())
            mask = mask[:, first:]
            past.layers = [_Roomy([layer], keep, first) for layer in past.layers]
        elif hasattr(past, "batch_select_indices"):
            past.batch_select_indices(torch.tensor(keep, device=mask.device))
        else:  # to be made again
            past = None
        return Going([self.rows[i] for i in keep], mask, past)


class _Roomy(DynamicLayer):
    """A layer's keys and values with room behind them: a token more is written there, and nothing is copied.

    Of `parts`, the rows `keep` without their first columns; narrower ones are padded in front.
    """

    def __init__(self, parts: Sequence[DynamicLayer], keep: Any = slice(None), first: int = 0):
        super().__init__()
        self.dtype, self.device, self.is_initialized = parts[0].keys.dtype, parts[0].keys.device, True
        self._move(*([getattr(part, kind)[keep, :, first:] for part in parts] for kind in ("keys", "values")))

    def _move(self, keys: list[torch.Tensor], values: list[torch.Tensor]) -> None:
        width = max(part.shape[2] for part in keys)
        self.places = [_with_room(parts, width) for parts in (keys, values)]
        self.keys, self.values = (place[:, :, :width] for place in self.places)

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        """Write what tokens add (rows x heads x tokens x size); all keys and values."""
        before, now = self.keys.shape[2], self.keys.shape[2] + key_states.shape[2]
        if now > self.places[0].shape[2]:
            self._move([self.keys], [self.values])
        for place, new in zip(self.places, (key_states, value_states), strict=True):
            place[:, :, before:now] = new
        self.keys, self.values = (place[:, :, :now] for place in self.places)
        return self.keys, self.values


def _with_room(parts: list[torch.Tensor], width: int) -> torch.Tensor:
    """Rows of several tensors (rows x heads x tokens x size), `width` tokens and more wide, ending together.

    Padding is zero: what is masked counts zero times, which is a number only if it is one itself.
    """
    _, heads, _, size = parts[0].shape
    place = parts[0].new_empty(sum(map(len, parts)), heads, width + _ROOM, size)
    start = 0
    for part in parts:
        rows = place[start : start + len(part)]
        rows[:, :, : width - part.shape[2]] = 0
        rows[:, :, width - part.shape[2] : width] = part
        start += len(part)
    return place


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


def share_keys(model: Any) -> None:
    """Have a token's query heads that share keys read them together, where the model allows.

    Transformers copies keys and values for every query head as soon as rows are padded: at each token, all of
    those of the batch, in every layer.
    """
    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register("sdpa_shared_keys", _shared_keys)
        AttentionMaskInterface.register("sdpa_shared_keys", sdpa_mask)
        model.set_attn_implementation("sdpa_shared_keys")


def _shared_keys(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, scaling: Any = None, **given: Any
) -> tuple[Any, None]:
    """Attention as transformers' own: rows x heads x tokens x size in, rows x tokens x heads x size out."""
    if query.shape[2] > 1 or given.get("position_bias") is not None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **given)
    rows, heads, _, size = query.shape
    together = query.reshape(rows, key.shape[1], -1, size)
    found = scaled_dot_product_attention(together, key, value, attn_mask=attention_mask, scale=scaling)
    return found.reshape(rows, 1, heads, -1), None


def beginning(model: Any, ids: list[int]) -> Any:
    """The keys and values of what all prompts begin with; None if that is nothing, or cannot be shared."""
    if not ids:
        return None
    with torch.inference_mode():
        given = torch.tensor([ids], device=model.device)
        past = model(input_ids=given, use_cache=True, logits_to_keep=1).past_key_values
    return past if _plain(past) else None


def read(model: Any, tokenizer: Any, rows: list[Row], shared: Any, stop: list[int]) -> Going:
    """Read the prompts of some rows, behind the keys and values that they share, and say a token to each."""
    known = shared.get_seq_length() if shared else 0
    ids, mask = _padded([row.prompt for row in rows], known, tokenizer.pad_token_id, model.device)
    past = copy.deepcopy(shared)
    if past:
        past.batch_repeat_interleave(len(rows))
    return _said(model, tokenizer, Going(rows, mask, past), ids, stop, 1)


def go_on(model: Any, tokenizer: Any, going: Going, stop: list[int], most: int) -> Going:
    """Continue all rows until some of them have ended, or one is `most` tokens long."""
    rows, filler = going.rows, tokenizer.pad_token_id
    if going.past is None:
        ids, going.mask = _padded([row.prompt + row.said for row in rows], 0, filler, model.device)
    else:  # what was read is not looked at again
        ids = torch.full_like(going.mask, filler)
        ids[:, -1] = torch.tensor([row.said[-1] for row in rows])
    left = most - max(len(row.said) for row in rows)
    return _said(model, tokenizer, going, ids, stop, left)


def _said(model: Any, tokenizer: Any, going: Going, ids: Any, stop: list[int], most: int) -> Going:
    made = greedy(
        model, tokenizer, stop, most, input_ids=ids, attention_mask=going.mask, past_key_values=going.past,
        stopping_criteria=[_enough(stop, ids.shape[1])], return_dict_in_generate=True,
    )  # fmt: skip
    new = made.sequences[:, ids.shape[1] :]
    for row, said in zip(going.rows, new.tolist(), strict=True):
        end = next((i + 1 for i, token in enumerate(said) if token in stop), None)
        row.said += said[:end]
    return Going(going.rows, torch.cat([going.mask, torch.ones_like(new)], dim=1), made.past_key_values)


def _enough(stop: list[int], start: int) -> Any:
    """When generating stops: so many rows have ended (one of `stop` after `start`) that they should leave."""

    def enough(ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        ended = torch.isin(ids[:, start:], torch.tensor(stop, device=ids.device)).any(dim=1)
        return (ended.float().mean() >= _ENDED).expand(len(ids))

    return enough


def _padded(prompts: list[list[int]], known: int, filler: int, device: Any) -> tuple[Any, Any]:
    """Token ids and mask of prompts, padded behind their first `known` tokens."""
    width = max(map(len, prompts))
    ids = [[*p[:known], *[filler] * (width - len(p)), *p[known:]] for p in prompts]
    mask = [[*[1] * known, *[0] * (width - len(p)), *[1] * (len(p) - known)] for p in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _plain(past: Any) -> bool:
    """Whether a cache holds the keys and values of every token of every row, and nothing else."""
    return all(type(layer) in (DynamicLayer, _Roomy) for layer in getattr(past, "layers", [None]))
