"""Which questions go through the model at once: as many as fit into memory, the longest first."""

import time
from collections.abc import Iterator
from functools import cache as once
from typing import Any

import torch

from qaloom.console import say
from qaloom.errors import DeviceError
from qaloom.inference.decoding import Answer, GeneratedSequence
from qaloom.inference.model import Loaded
from qaloom.inference.padded_batch import PaddedBatch
from qaloom.inference.prefix_batch import PrefixBatch, common_prefix_length, prefix_cache

_TOKEN_BUDGET = {"cpu": 16_384, "cuda": 32_768}  # prompt and answer tokens of all rows that go together
_SHORTEST = 0.8  # of the longest prompt read with it: the others are padded to its length


class Scheduler:
    """Prompts (token ids by name) that wait, and the rows that a model is answering; see `answers`.

    The longest are read first: what fits then, fits to the end. All that were read go on together. Once half
    of the places are free, waiting prompts are read into them, if the model's rows can be joined; a model
    whose rows cannot reads prompts of similar length, and the next when all of those have ended.
    """

    def __init__(self, loaded: Loaded, prompts: dict[str, list[int]], stop: list[int], max_new_tokens: int):
        self.model, self.tokenizer = loaded
        self.stop, self.most = stop, max_new_tokens
        self.open = dict(prompts)  # without those that are answered
        self.waiting = self._all_open()
        self.going: PrefixBatch | PaddedBatch | None = None
        self.done: list[Answer] = []
        self.budget, self.at_once = _TOKEN_BUDGET[self.model.device.type], 1
        self.shared = once(lambda: prefix_cache(self.model, _shared(list(prompts.values()))))

    def answers(self) -> Iterator[list[Answer]]:
        """The answers, as they come. Raises DeviceError when not even one prompt fits into memory."""
        while self.waiting or self.going:
            try:
                self._fill()
                self._go_on()
            except torch.OutOfMemoryError:
                self._retreat()
                torch.cuda.empty_cache()
            if self.done:
                yield self.done
            self.done = []

    def _fill(self) -> None:
        """Read waiting prompts into free places, if at least half are free and the model allows."""
        taken, places = len(self.going.rows) if self.going else 0, self._places()
        if not self.waiting or taken > places / 2:
            return
        shared = self.shared()
        if taken and shared is None:
            return
        rows = self._alike(places) if shared is None else self.waiting[: places - taken]
        self.at_once = taken + len(rows)
        start = time.monotonic()
        new = self._read(rows, shared)
        self.waiting = self.waiting[len(rows) :]
        _share(rows, start)
        self.going = self.going.joined(new) if self.going else new
        self._part()

    def _read(self, rows: list[GeneratedSequence], shared: Any) -> PrefixBatch | PaddedBatch:
        if shared is None:
            return PaddedBatch(self.model, self.tokenizer, rows, self.most).go_on(self.stop)
        return PrefixBatch.read(self.model, rows, shared, self.most)

    def _go_on(self) -> None:
        if self.going:
            self.at_once = len(self.going.rows)
            start = time.monotonic()
            self.going.go_on(self.stop)
            _share(self.going.rows, start)
            self._part()

    def _places(self) -> int:
        """How many rows fit at once, with the longest of those that wait and go."""
        first = [*self.waiting[:1], *(self.going.rows if self.going else [])]
        return max(1, self.budget // (max(len(row.prompt) for row in first) + self.most))

    def _alike(self, most: int) -> list[GeneratedSequence]:
        """The longest prompts that wait, as long as those after them are not much shorter."""
        limit = _SHORTEST * len(self.waiting[0].prompt)
        return [row for row in self.waiting[:most] if len(row.prompt) >= limit]

    def _part(self) -> None:
        """Part with the rows that have ended."""
        rows = self.going.rows
        keep = [i for i, row in enumerate(rows) if not row.ended(self.stop, self.most)]
        ended = [row for row in rows if row.ended(self.stop, self.most)]
        self.done += map(self._answer, ended)
        for row in ended:
            del self.open[row.name]
        if ended:
            self.going = self.going.kept(keep) if keep else None

    def _answer(self, row: GeneratedSequence) -> Answer:
        cut = row.said[-1] not in self.stop
        ids = row.said if cut else row.said[:-1]
        text = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
        seconds = round(row.seconds, 4)
        return Answer(row.name, text, cut, len(row.prompt), ids, len(row.said), seconds)

    def _all_open(self) -> list[GeneratedSequence]:
        longest_first = sorted(self.open.items(), key=lambda one: len(one[1]), reverse=True)
        return [GeneratedSequence(*one) for one in longest_first]

    def _retreat(self) -> None:
        """After memory did not suffice: all rows wait again, and half as many may go at once."""
        self.going, self.waiting = None, self._all_open()
        longest = len(self.waiting[0].prompt) + self.most
        if self.at_once == 1:
            raise DeviceError(
                f"one question with its answer ({longest} tokens) does not fit into the GPU's free "
                "memory; close what holds it, or lower evaluate.max_new_tokens"
            )
        half = self.at_once // 2
        self.budget = half * longest
        say(f"{self.at_once} questions at once do not fit into the GPU's free memory; {half} from here on")


def _share(rows: list[GeneratedSequence], start: float) -> None:
    """Count the time since `start` as theirs, in equal shares."""
    seconds = (time.monotonic() - start) / len(rows)
    for row in rows:
        row.seconds += seconds


def _shared(prompts: list[list[int]]) -> list[int]:
    """The tokens that all prompts begin with (a chat template's, mostly); each has more than those."""
    first, last = min(prompts), max(prompts)  # what these share, all do
    return first[: min(common_prefix_length(first, last), min(map(len, prompts)) - 1)]
