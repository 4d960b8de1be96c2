"""Rows that are read as a tree, go on together, and leave one by one: nothing is read or copied twice."""

import copy
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from qaloom.inference.decoding import GROUPED_ATTENTION, GeneratedSequence

_ABREAST = 16  # rows whose attention is computed at once on a CPU, as wide as the longest of them
# Tokens read at once: each looks at all of them, so more would be more work a token.
_TREE = {"cpu": 256, "cuda": 2048}
_NEVER = 2**31


@torch.inference_mode()
def prefix_cache(model: Any, ids: list[int]) -> DynamicCache | None:
    """The keys and values of what all prompts begin with, which may be nothing.

    None if the model's rows cannot go on together: its memory of a prompt is not the keys and values of every
    token (a sliding window, a recurrent state), or it is not known to take positions and masks as given.
    """
    if not _takes_positions(model):
        return None
    given = torch.tensor([ids or [0]], device=model.device)
    past = model(input_ids=given, use_cache=True, logits_to_keep=1).past_key_values
    layers = getattr(past, "layers", [])
    if not layers or any(type(layer) is not DynamicLayer for layer in layers):
        return None
    return past if ids else DynamicCache()


def _takes_positions(model: Any) -> bool:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    takes = inspect.signature(inner.forward).parameters
    return (
        type(inner).__module__.startswith("transformers.")
        and inner.config._attn_implementation == GROUPED_ATTENTION
        and {"position_ids", "logits_to_keep"} <= takes.keys()
        and any(one.kind is inspect.Parameter.VAR_KEYWORD for one in takes.values())
    )


@dataclass
class PrefixBatch:
    """Rows that end at the same column, and the keys and values of all of a row but its last token.

    There is room for answers of `most` tokens.
    """

    model: Any
    rows: list[GeneratedSequence]
    past: Any
    most: int

    @classmethod
    @torch.inference_mode()
    def read(
        cls, model: Any, rows: list[GeneratedSequence], shared: DynamicCache, most: int
    ) -> "PrefixBatch":
        """Read the prompts of some rows, behind what they share, and say a token to each."""
        known, width = shared.get_seq_length(), max(len(row.prompt) for row in rows)
        past, layers = None, []
        for tree in _trees([row.prompt for row in rows], known, _TREE[model.device.type]):
            past, said = _read(model, tree, shared)
            layers = layers or [_Places(layer, len(rows), width, most) for layer in past.layers]
            for i, token in zip(tree.paths, said, strict=True):
                rows[i].said.append(token)
                path = [*range(known), *(known + node for node in tree.paths[i])]
                _place(torch.tensor(path, device=model.device), past.layers, layers, i)
        past.layers = layers
        return cls(model, rows, past, most)

    @torch.inference_mode()
    def joined(self, other: "PrefixBatch") -> "PrefixBatch":
        """These rows and others."""
        pairs = list(zip(self.past.layers, other.past.layers, strict=True))
        count, width = len(self.rows), max(one.keys.shape[2] for one in pairs[0])
        self.past.layers = []
        for one, two in pairs:
            both = _Places(one, count + len(other.rows), width, self.most)
            both.put(0, one.keys, one.values)
            both.put(count, two.keys, two.values)
            self.past.layers.append(both)
        return PrefixBatch(self.model, self.rows + other.rows, self.past, self.most)

    @torch.inference_mode()
    def kept(self, keep: list[int]) -> "PrefixBatch":
        """The rows of these numbers alone: the last of them take the places of those that leave."""
        free = [i for i in range(len(keep)) if i not in keep]
        movers = [i for i in keep if i >= len(keep)]
        for i, mover in zip(free, movers, strict=True):
            self.rows[i] = self.rows[mover]
        self.rows = self.rows[: len(keep)]
        for layer in self.past.layers:
            layer.keep(len(keep), free, movers, max(self._lengths()))
        return self

    def go_on(self, stop: list[int]) -> "PrefixBatch":
        """Say a token more to every row, until one has ended."""
        ended = False
        while not ended:
            for row, token in zip(self.rows, self._next(), strict=True):
                row.said.append(token)
            ended = any(row.ended(stop, self.most) for row in self.rows)
        return self

    def _lengths(self) -> list[int]:
        """How many tokens' keys and values each row has."""
        return [len(row.prompt) + len(row.said) - 1 for row in self.rows]

    @torch.inference_mode()
    def _next(self) -> list[int]:
        """The likeliest token of each row."""
        lengths, device = self._lengths(), self.model.device
        positions = torch.tensor(lengths, device=device)[:, None]
        width = self.past.layers[0].keys.shape[2] + 1
        seen = torch.arange(width, device=device) >= width - 1 - positions
        spans = {"spans": _spans(lengths)} if device.type == "cpu" else {}
        logits = self.model(
            input_ids=torch.tensor([[row.said[-1]] for row in self.rows], device=device),
            attention_mask=_added(seen[:, None, None], self.model.dtype), position_ids=positions,
            past_key_values=self.past, use_cache=True, logits_to_keep=1, **spans,
        ).logits  # fmt: skip
        return logits[:, -1].argmax(-1).tolist()


class _Places(DynamicLayer):
    """A layer's keys and values (rows x heads x tokens x size) with room behind them for tokens to come.

    All rows end at the column `end`, and the longest begins at `start`. What is in front of a shorter one is
    masked, and a number: what is masked counts zero times, which only a number does.
    """

    def __init__(self, like: DynamicLayer, rows: int, width: int, most: int):
        super().__init__()
        self.dtype, self.device, self.is_initialized = like.keys.dtype, like.keys.device, True
        self.places = [
            part.new_zeros(rows, part.shape[1], width + most, part.shape[3])
            for part in (like.keys, like.values)
        ]
        self._show(rows, 0, width)

    def _show(self, rows: int, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.keys, self.values = (place[:rows, :, start:end] for place in self.places)

    def put(self, first: int, *parts: torch.Tensor) -> None:
        """Write keys and values of whole rows, the first of them in place `first`."""
        for place, part in zip(self.places, parts, strict=True):
            place[first : first + len(part), :, self.end - part.shape[2] : self.end] = part

    def keep(self, rows: int, free: list[int], movers: list[int], width: int) -> None:
        """Move the rows `movers` to the places `free`, and keep that many rows, the longest `width` wide."""
        for part in (self.keys, self.values) if free else ():
            part[free] = part[movers]
        self._show(rows, self.end - width, self.end)

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        """Write what a token more adds (rows x heads x 1 x size); all keys and values."""
        self._show(len(key_states), self.start, self.end + 1)
        self.keys[:, :, -1:], self.values[:, :, -1:] = key_states, value_states
        return self.keys, self.values


@dataclass
class _Tree:
    """Prompts without what all share, each common prefix_cache of them once.

    Of each node: its token, its position in a prompt, and the number of the first node that is not below it;
    those below it follow it. Of each prompt (by number): its nodes.
    """

    tokens: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    paths: dict[int, list[int]] = field(default_factory=dict)

    def add(self, number: int, common_prefix_length: int, rest: list[int], position: int) -> None:
        """Add a prompt that begins as the last one does, for `common_prefix_length` tokens, and goes on with `rest`."""
        before, size = next(reversed(self.paths.values()), []), len(self.tokens)
        for node in before[common_prefix_length:]:
            self.ends[node] = size
        self.paths[number] = before[:common_prefix_length] + list(range(size, size + len(rest)))
        self.tokens += rest
        self.positions += range(position, position + len(rest))
        self.ends += [_NEVER] * len(rest)


def _trees(prompts: list[list[int]], known: int, most: int) -> Iterator[_Tree]:
    """Trees of all prompts behind their first `known` tokens, of at most `most` nodes if prompts allow."""
    tree, last = _Tree(), []
    for i in sorted(range(len(prompts)), key=prompts.__getitem__):
        prompt = prompts[i]
        common = common_prefix_length(last, prompt) if tree.paths else known
        if tree.paths and len(tree.tokens) + len(prompt) - common > most:
            yield tree
            tree, common = _Tree(), known
        tree.add(i, common - known, prompt[common:], common)
        last = prompt
    yield tree


def common_prefix_length(one: list[int], two: list[int]) -> int:
    """How many tokens both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))


def _read(model: Any, tree: _Tree, shared: DynamicCache) -> tuple[Any, list[int]]:
    """The keys and values of what is shared and of a tree's nodes, and the token that follows each prompt."""
    device = model.device
    ends, leaves = (
        torch.tensor(numbers, device=device)
        for numbers in (tree.ends, [path[-1] for path in tree.paths.values()])
    )
    node = torch.arange(len(ends), device=device)[:, None]
    above = (node >= node.T) & (node < ends)
    seen = torch.cat([above.new_ones(len(ends), shared.get_seq_length()), above], dim=1)
    made = model(
        input_ids=torch.tensor([tree.tokens], device=device),
        position_ids=torch.tensor([tree.positions], device=device),
        attention_mask=_added(seen[None, None], model.dtype),
        past_key_values=copy.deepcopy(shared), use_cache=True, logits_to_keep=leaves,
    )  # fmt: skip
    return made.past_key_values, made.logits[0].argmax(-1).tolist()


def _place(path: torch.Tensor, flat: list[Any], layers: list[_Places], row: int) -> None:
    """Write a row's keys and values, found along its path through a tree's, into its place."""
    for layer, found in zip(layers, flat, strict=True):
        layer.put(row, *(part.index_select(2, path) for part in (found.keys, found.values)))


def _added(seen: torch.Tensor, dtype: Any) -> torch.Tensor:
    """A mask that is added to scores, as every kind of attention takes it."""
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, float("-inf"))


def _spans(lengths: list[int]) -> list[tuple[int, int, int]]:
    """Rows that attend at once, and how wide: the longest of them and the token that comes."""
    groups = [lengths[i : i + _ABREAST] for i in range(0, len(lengths), _ABREAST)]
    return [(i * _ABREAST, i * _ABREAST + len(group), max(group) + 1) for i, group in enumerate(groups)]
