"""Continuous batching: as many questions at a time as fit into memory, the longest first."""

import time
from collections.abc import Iterator
from functools import cache as once
from typing import Any

import torch

from qaloom.console import say
from qaloom.errors import DeviceError
from qaloom.inference.decoding import Answer, GeneratedSequence
from qaloom.inference.model import LoadedModel
from qaloom.inference.padded_batch import PaddedBatch
from qaloom.inference.prefix_batch import PrefixBatch, common_prefix_length, prefix_cache

_TOKEN_BUDGET = {"cpu": 16_384, "cuda": 32_768}  # prompt and answer tokens of all rows of a batch
_MIN_LENGTH_RATIO = 0.8  # to the longest prompt of a padded batch: the others are padded to its length


class Scheduler:
    """Prompts (token ids by name) that wait, and the batch that a model is answering; see `answers`.

    The longest are read first: what fits then, fits to the end. Once half of the places are free, waiting
    prompts are read into them if the batch is a PrefixBatch. A model that cannot be decoded so reads prompts
    of similar length, and the next when all of those have finished.

    `budget` is the most tokens of prompts and answers at once, None a moderate number; `limit` the setting that an
    error names if one prompt is too large.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        prompts: dict[str, list[int]],
        stop: list[int],
        max_new_tokens: int,
        budget: int | None = None,
        limit: str = "evaluate.max_new_tokens",
    ):
        self.model, self.tokenizer = loaded
        self.stop, self.max_new_tokens, self.limit = stop, max_new_tokens, limit
        self.unanswered = dict(prompts)
        self.waiting = self._all_unanswered()
        self.batch: PrefixBatch | PaddedBatch | None = None
        self.finished: list[Answer] = []
        self.budget, self.batch_size = budget or _TOKEN_BUDGET[self.model.device.type], 1
        self.prefix = once(lambda: prefix_cache(self.model, _common_prefix(list(prompts.values()))))

    def answers(self) -> Iterator[list[Answer]]:
        """The answers, as they come. Raises DeviceError when not even one prompt fits into memory."""
        while self.waiting or self.batch:
            try:
                self._admit()
                self._decode()
            except torch.OutOfMemoryError:
                self._halve_budget()
                torch.cuda.empty_cache()
            if self.finished:
                yield self.finished
            self.finished = []

    def _admit(self) -> None:
        """Read waiting prompts into free places, if at least half are free and the model allows."""
        taken, places = len(self.batch.rows) if self.batch else 0, self._places()
        if not self.waiting or taken > places / 2:
            return
        prefix = self.prefix()
        if taken and prefix is None:
            return
        rows = self._similar_in_length(places) if prefix is None else self.waiting[: places - taken]
        self.batch_size = taken + len(rows)
        start = time.monotonic()
        new = self._prefill(rows, prefix)
        self.waiting = self.waiting[len(rows) :]
        _add_time(rows, start)
        if isinstance(self.batch, PrefixBatch) and isinstance(new, PrefixBatch):
            new = self.batch.merged(new)
        self.batch = new
        self._release(new)

    def _prefill(self, rows: list[GeneratedSequence], prefix: Any) -> PrefixBatch | PaddedBatch:
        if prefix is None:
            return PaddedBatch(self.model, self.tokenizer, rows, self.max_new_tokens).decode(self.stop)
        return PrefixBatch.prefill(self.model, rows, prefix, self.max_new_tokens)

    def _decode(self) -> None:
        if self.batch:
            self.batch_size = len(self.batch.rows)
            start = time.monotonic()
            self.batch.decode(self.stop)
            _add_time(self.batch.rows, start)
            self._release(self.batch)

    def _places(self) -> int:
        """How many rows fit at once, with the longest of those that wait and of the batch."""
        first = [*self.waiting[:1], *(self.batch.rows if self.batch else [])]
        return max(1, self.budget // (max(len(row.prompt) for row in first) + self.max_new_tokens))

    def _similar_in_length(self, most: int) -> list[GeneratedSequence]:
        """The longest prompts that wait, as long as those after them are not much shorter."""
        limit = _MIN_LENGTH_RATIO * len(self.waiting[0].prompt)
        return [row for row in self.waiting[:most] if len(row.prompt) >= limit]

    def _release(self, batch: PrefixBatch | PaddedBatch) -> None:
        """Take the rows that have finished out of the batch."""
        done = [row.finished(self.stop, self.max_new_tokens) for row in batch.rows]
        keep = [i for i, is_done in enumerate(done) if not is_done]
        released = [row for row, is_done in zip(batch.rows, done, strict=True) if is_done]
        self.finished += map(self._answer, released)
        for row in released:
            del self.unanswered[row.name]
        if released:
            self.batch = batch.select(keep) if keep else None

    def _answer(self, row: GeneratedSequence) -> Answer:
        cut = row.generated[-1] not in self.stop
        ids = row.generated if cut else row.generated[:-1]
        text = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
        seconds = round(row.seconds, 4)
        return Answer(row.name, text, cut, len(row.prompt), ids, len(row.generated), seconds)

    def _all_unanswered(self) -> list[GeneratedSequence]:
        longest_first = sorted(self.unanswered.items(), key=lambda one: len(one[1]), reverse=True)
        return [GeneratedSequence(*one) for one in longest_first]

    def _halve_budget(self) -> None:
        """Out of memory: all rows wait again, and half as many may be in a batch."""
        self.batch, self.waiting = None, self._all_unanswered()
        longest = len(self.waiting[0].prompt) + self.max_new_tokens
        if self.batch_size == 1:
            raise DeviceError(
                f"one question with its answer ({longest} tokens) does not fit into the GPU's free "
                f"memory; close what holds it, or lower {self.limit}"
            )
        half = self.batch_size // 2
        self.budget = half * longest
        say(f"{self.batch_size} questions at once do not fit into the GPU's free memory; {half} from here on")


def _add_time(rows: list[GeneratedSequence], start: float) -> None:
    """Count the time since `start` as theirs, in equal shares."""
    seconds = (time.monotonic() - start) / len(rows)
    for row in rows:
        row.seconds += seconds


def _common_prefix(prompts: list[list[int]]) -> list[int]:
    """The tokens that all prompts begin with (a chat template's, mostly); each has more than those."""
    first, last = min(prompts), max(prompts)  # what these share, all do
    return first[: min(common_prefix_length(first, last), min(map(len, prompts)) - 1)]
