"""Rows of any model, padded in front: they go on in stretches of `generate`, and leave between those."""

from dataclasses import dataclass
from typing import Any

import torch

from qaloom.inference.decoding import GeneratedSequence, greedy

_ENDED = 1 / 8  # of the rows that go on together have ended when the others go on without them


@dataclass
class PaddedBatch:
    """Rows that go on together, each to `most` tokens: their mask, and what the model remembers of them.

    The mask is rows x width; all tokens but the last are remembered.
    """

    model: Any
    tokenizer: Any
    rows: list[GeneratedSequence]
    most: int
    mask: Any = None
    past: Any = None

    def kept(self, keep: list[int]) -> "PaddedBatch":
        """The rows of these numbers alone."""
        rows, mask = [self.rows[i] for i in keep], self.mask[keep]
        if hasattr(self.past, "reorder_cache"):  # which a recurrent layer's state has, too
            self.past.reorder_cache(torch.tensor(keep, device=mask.device))
            return PaddedBatch(self.model, self.tokenizer, rows, self.most, mask, self.past)
        return PaddedBatch(self.model, self.tokenizer, rows, self.most)  # to be made again

    def go_on(self, stop: list[int]) -> "PaddedBatch":
        """Continue all rows, or read them, until some have ended."""
        rows, filler = self.rows, self.tokenizer.pad_token_id
        if self.past is None:
            ids, self.mask = _padded([row.prompt + row.said for row in rows], filler, self.model.device)
        else:  # what was read is not looked at again
            ids = torch.full_like(self.mask, filler)
            ids[:, -1] = torch.tensor([row.said[-1] for row in rows])
        made = greedy(
            self.model, self.tokenizer, stop, self.most - max(len(row.said) for row in rows),
            input_ids=ids, attention_mask=self.mask, past_key_values=self.past,
            stopping_criteria=[_enough(stop, ids.shape[1])], return_dict_in_generate=True,
        )  # fmt: skip
        new = made.sequences[:, ids.shape[1] :]
        for row, said in zip(rows, new.tolist(), strict=True):
            end = next((i + 1 for i, token in enumerate(said) if token in stop), None)
            row.said += said[:end]
        self.mask, self.past = torch.cat([self.mask, torch.ones_like(new)], dim=1), made.past_key_values
        return self


def _enough(stop: list[int], start: int) -> Any:
    """When generating stops: so many rows have ended (one of `stop` after `start`) that they should leave."""

    def enough(ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        ended = torch.isin(ids[:, start:], torch.tensor(stop, device=ids.device)).any(dim=1)
        return (ended.float().mean() >= _ENDED).expand(len(ids))

    return enough


def _padded(prompts: list[list[int]], filler: int, device: Any) -> tuple[Any, Any]:
    """Token ids and mask of prompts, padded in front."""
    width = max(map(len, prompts))
    ids = [[*[filler] * (width - len(p)), *p] for p in prompts]
    mask = [[*[0] * (width - len(p)), *[1] * len(p)] for p in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)
