"""Batched greedy decoding: shared prefixes are prefilled once, and finished rows leave without copying the cache.

Only for models whose cache is the keys and values of every token, and which take positions and masks as
given, see `prefix_cache`; others are decoded in a `qaloom.inference.padded_batch.PaddedBatch`.
"""

import copy
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import torch
from transformers import DynamicCache

from qaloom.compat_transformers import (
    DynamicLayer,
    PreallocatedLayer,
    attention_name,
    small_model,
    works,
)
from qaloom.inference.decoding import GROUPED_ATTENTION, GeneratedSequence, use_grouped_attention

_ATTENTION_ROWS = 16  # whose attention is computed at once on a CPU, as wide as the longest of them
# Tokens prefilled at once: each attends to all of them, so more would be more work a token.
_PREFILL_TOKENS = {"cpu": 256, "cuda": 2048}
_OPEN = 2**31  # the end of a node's subtree while the tree grows


@torch.inference_mode()
def prefix_cache(model: Any, ids: list[int]) -> DynamicCache | None:
    """The keys and values of what all prompts begin with, which may be nothing.

    None if the model cannot be decoded in a PrefixBatch: its cache is not the keys and values of every token
    (a sliding window, a recurrent state), or it is not known to take positions and masks as given.
    """
    if not _takes_positions(model):
        return None
    first = torch.tensor([ids or [0]], device=model.device)
    cache = model(input_ids=first, use_cache=True, logits_to_keep=1).past_key_values
    layers = getattr(cache, "layers", [])
    if not layers or any(type(layer) is not DynamicLayer for layer in layers):
        return None
    instead = "questions are answered in padded batches, which takes longer"
    if not works(_prefix_batch_works, "transformers.cache_utils.DynamicLayer", instead):
        return None
    return cache if ids else DynamicCache()


def _takes_positions(model: Any) -> bool:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    parameters = inspect.signature(inner.forward).parameters
    return (
        type(inner).__module__.startswith("transformers.")
        and attention_name(inner) == GROUPED_ATTENTION
        and {"position_ids", "logits_to_keep"} <= parameters.keys()
        and any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    )


@torch.inference_mode()
def _prefix_batch_works() -> bool:
    """Whether a small model answers two prompts with a common prefix as it does by `generate`."""
    model, new = small_model(), 3
    prompts = [[5, 6, 7, 8], [5, 6, 9]]
    alone = [
        model.generate(torch.tensor([p]), max_new_tokens=new, do_sample=False)[0, len(p) :].tolist()
        for p in prompts
    ]
    use_grouped_attention(model)
    cache = model(input_ids=torch.tensor([[5]]), use_cache=True).past_key_values
    rows = [GeneratedSequence(str(i), prompt) for i, prompt in enumerate(prompts)]
    PrefixBatch.prefill(model, rows, cache, new).decode([])
    return [row.generated for row in rows] == alone


@dataclass
class PrefixBatch:
    """Rows that end at the same column, and the keys and values of all tokens of a row but its last.

    There is room for `max_new_tokens` tokens.
    """

    model: Any
    rows: list[GeneratedSequence]
    cache: Any
    max_new_tokens: int

    @classmethod
    @torch.inference_mode()
    def prefill(
        cls, model: Any, rows: list[GeneratedSequence], prefix: DynamicCache, max_new_tokens: int
    ) -> "PrefixBatch":
        """Read the rows' prompts behind their common prefix, and generate a token for each."""
        known, width = prefix.get_seq_length(), max(len(row.prompt) for row in rows)
        cache, layers = None, list[PreallocatedLayer]()
        for tree in _prefix_trees([row.prompt for row in rows], known, _PREFILL_TOKENS[model.device.type]):
            cache, tokens = _prefill(model, tree, prefix)
            layers = layers or [
                PreallocatedLayer(layer, len(rows), width, max_new_tokens) for layer in cache.layers
            ]
            for i, token in zip(tree.paths, tokens, strict=True):
                rows[i].generated.append(token)
                path = [*range(known), *(known + node for node in tree.paths[i])]
                _copy_path(torch.tensor(path, device=model.device), cache.layers, layers, i)
        assert cache is not None  # there is a row, so there is a tree
        cache.layers = layers
        return cls(model, rows, cache, max_new_tokens)

    @torch.inference_mode()
    def merged(self, other: "PrefixBatch") -> "PrefixBatch":
        """These rows and others."""
        pairs = list(zip(self.cache.layers, other.cache.layers, strict=True))
        count, width = len(self.rows), max(one.keys.shape[2] for one in pairs[0])
        self.cache.layers = []
        for one, two in pairs:
            both = PreallocatedLayer(one, count + len(other.rows), width, self.max_new_tokens)
            both.write(0, one.keys, one.values)
            both.write(count, two.keys, two.values)
            self.cache.layers.append(both)
        return PrefixBatch(self.model, self.rows + other.rows, self.cache, self.max_new_tokens)

    @torch.inference_mode()
    def select(self, keep: list[int]) -> "PrefixBatch":
        """The rows of these numbers alone: the last of them take the places of those that leave."""
        free = [i for i in range(len(keep)) if i not in keep]
        movers = [i for i in keep if i >= len(keep)]
        for i, mover in zip(free, movers, strict=True):
            self.rows[i] = self.rows[mover]
        self.rows = self.rows[: len(keep)]
        for layer in self.cache.layers:
            layer.select(len(keep), free, movers, max(self._lengths()))
        return self

    def decode(self, stop: list[int]) -> "PrefixBatch":
        """Generate token by token for all rows, until one has finished."""
        finished = False
        while not finished:
            for row, token in zip(self.rows, self._next_tokens(), strict=True):
                row.generated.append(token)
            finished = any(row.finished(stop, self.max_new_tokens) for row in self.rows)
        return self

    def _lengths(self) -> list[int]:
        """How many tokens' keys and values each row has."""
        return [len(row.prompt) + len(row.generated) - 1 for row in self.rows]

    @torch.inference_mode()
    def _next_tokens(self) -> list[int]:
        """The likeliest token of each row."""
        lengths, device = self._lengths(), self.model.device
        positions = torch.tensor(lengths, device=device)[:, None]
        width = self.cache.layers[0].keys.shape[2] + 1
        seen = torch.arange(width, device=device) >= width - 1 - positions
        spans = {"spans": _spans(lengths)} if device.type == "cpu" else {}
        logits = self.model(
            input_ids=torch.tensor([[row.generated[-1]] for row in self.rows], device=device),
            attention_mask=_additive(seen[:, None, None], self.model.dtype), position_ids=positions,
            past_key_values=self.cache, use_cache=True, logits_to_keep=1, **spans,
        ).logits  # fmt: skip
        return logits[:, -1].argmax(-1).tolist()


@dataclass
class _PrefixTree:
    """Prompts behind their common prefix, each further common prefix of some of them once.

    Of each node: its token, its position in a prompt, and the number of the first node that is not below it;
    those below it follow it. Of each prompt (by number): its nodes.
    """

    tokens: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    paths: dict[int, list[int]] = field(default_factory=dict)

    def add(self, number: int, common: int, rest: list[int], position: int) -> None:
        """Add a prompt that begins as the last one does, for `common` tokens, and goes on with `rest`."""
        before, size = next(reversed(self.paths.values()), []), len(self.tokens)
        for node in before[common:]:
            self.ends[node] = size
        self.paths[number] = before[:common] + list(range(size, size + len(rest)))
        self.tokens += rest
        self.positions += range(position, position + len(rest))
        self.ends += [_OPEN] * len(rest)


def _prefix_trees(prompts: list[list[int]], known: int, limit: int) -> Iterator[_PrefixTree]:
    """Trees of all prompts behind their first `known` tokens, of at most `limit` nodes if prompts allow."""
    tree, last = _PrefixTree(), list[int]()
    for i in sorted(range(len(prompts)), key=prompts.__getitem__):
        prompt = prompts[i]
        common = common_prefix_length(last, prompt) if tree.paths else known
        if tree.paths and len(tree.tokens) + len(prompt) - common > limit:
            yield tree
            tree, common = _PrefixTree(), known
        tree.add(i, common - known, prompt[common:], common)
        last = prompt
    yield tree


def common_prefix_length(one: list[int], two: list[int]) -> int:
    """How many tokens both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))


def _prefill(model: Any, tree: _PrefixTree, prefix: DynamicCache) -> tuple[Any, list[int]]:
    """The keys and values of the prefix and of a tree's nodes, and the token that follows each prompt."""
    device = model.device
    ends, leaves = (
        torch.tensor(numbers, device=device)
        for numbers in (tree.ends, [path[-1] for path in tree.paths.values()])
    )
    node = torch.arange(len(ends), device=device)[:, None]
    above = (node >= node.T) & (node < ends)
    seen = torch.cat([above.new_ones(len(ends), prefix.get_seq_length()), above], dim=1)
    made = model(
        input_ids=torch.tensor([tree.tokens], device=device),
        position_ids=torch.tensor([tree.positions], device=device),
        attention_mask=_additive(seen[None, None], model.dtype),
        past_key_values=copy.deepcopy(prefix), use_cache=True, logits_to_keep=leaves,
    )  # fmt: skip
    return made.past_key_values, made.logits[0].argmax(-1).tolist()


def _copy_path(path: torch.Tensor, tree: list[Any], layers: list[PreallocatedLayer], row: int) -> None:
    """Copy a row's keys and values, found along its path through a tree's, to its place."""
    for layer, found in zip(layers, tree, strict=True):
        layer.write(row, *(part.index_select(2, path) for part in (found.keys, found.values)))


def _additive(seen: torch.Tensor, dtype: Any) -> torch.Tensor:
    """A mask that is added to scores, as every kind of attention takes it."""
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, float("-inf"))


def _spans(lengths: list[int]) -> list[tuple[int, int, int]]:
    """Rows that attend at once, and how wide: the longest of them and the token that comes."""
    groups = [lengths[i : i + _ATTENTION_ROWS] for i in range(0, len(lengths), _ATTENTION_ROWS)]
    return [
        (i * _ATTENTION_ROWS, i * _ATTENTION_ROWS + len(group), max(group) + 1)
        for i, group in enumerate(groups)
    ]
