"""Batched greedy decoding for any model: left-padded rows, by `generate`, until some have finished."""

from dataclasses import dataclass
from typing import Any

import torch

from qaloom.inference.decoding import GeneratedSequence, greedy

_FINISHED_SHARE = 1 / 8  # of the rows have finished when the others go on without them


@dataclass
class PaddedBatch:
    """Rows that are decoded together, each to `max_new_tokens`: their mask, and the model's cache of them.

    The mask is rows x width; all tokens but the last are in the cache.
    """

    model: Any
    tokenizer: Any
    rows: list[GeneratedSequence]
    max_new_tokens: int
    mask: Any = None
    cache: Any = None

    def select(self, keep: list[int]) -> "PaddedBatch":
        """The rows of these numbers alone."""
        rows, mask = [self.rows[i] for i in keep], self.mask[keep]
        if hasattr(self.cache, "reorder_cache"):  # a recurrent layer's state has it, too
            self.cache.reorder_cache(torch.tensor(keep, device=mask.device))
            return PaddedBatch(self.model, self.tokenizer, rows, self.max_new_tokens, mask, self.cache)
        return PaddedBatch(self.model, self.tokenizer, rows, self.max_new_tokens)  # read again

    def decode(self, stop: list[int]) -> "PaddedBatch":
        """Continue all rows, or begin with them, until some have finished."""
        rows, padding = self.rows, self.tokenizer.pad_token_id
        if self.cache is None:
            ids, self.mask = _padded([row.prompt + row.generated for row in rows], padding, self.model.device)
        else:  # what the cache holds is not looked at again
            ids = torch.full_like(self.mask, padding)
            ids[:, -1] = torch.tensor([row.generated[-1] for row in rows])
        made = greedy(
            self.model, self.tokenizer, stop, self.max_new_tokens - max(len(row.generated) for row in rows),
            input_ids=ids, attention_mask=self.mask, past_key_values=self.cache,
            stopping_criteria=[_some_finished(stop, ids.shape[1])], return_dict_in_generate=True,
        )  # fmt: skip
        new = made.sequences[:, ids.shape[1] :]
        for row, tokens in zip(rows, new.tolist(), strict=True):
            end = next((i + 1 for i, token in enumerate(tokens) if token in stop), None)
            row.generated += tokens[:end]
        self.mask, self.cache = torch.cat([self.mask, torch.ones_like(new)], dim=1), made.past_key_values
        return self


def _some_finished(stop: list[int], start: int) -> Any:
    """A stopping criterion: enough rows hold one of `stop` behind column `start`."""

    def enough(ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        finished = torch.isin(ids[:, start:], torch.tensor(stop, device=ids.device)).any(dim=1)
        return (finished.float().mean() >= _FINISHED_SHARE).expand(len(ids))

    return enough


def _padded(prompts: list[list[int]], padding: int, device: Any) -> tuple[Any, Any]:
    """Token ids and mask of prompts, padded on the left."""
    width = max(map(len, prompts))
    ids = [[*[padding] * (width - len(p)), *p] for p in prompts]
    mask = [[*[0] * (width - len(p)), *[1] * len(p)] for p in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)
