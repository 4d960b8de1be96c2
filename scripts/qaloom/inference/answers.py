"""Greedy answers of a model to many prompts, each cached as soon as it is complete."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from qaloom.files import digest
from qaloom.inference.decoding import Answer
from qaloom.inference.model import Loaded
from qaloom.inference.response_cache import cached_responses


def answers(
    loaded: Callable[[], Loaded],
    prompts: Sequence[list[int]],
    stop: list[int],
    max_new_tokens: int,
    kept: Path,
    advance: Callable[[int], None],
) -> list[Answer]:
    """Answer each prompt (token ids), in the order given; the model is loaded only if one is unanswered.

    Answers are appended to `kept` batch by batch and found there again, so that a killed run, and a run
    with the same model and settings, asks nothing twice. `advance` gets the number answered.
    Raises DeviceError when not even one prompt fits into the GPU's memory.
    """
    named = {digest(prompt): prompt for prompt in prompts}

    def make(missing: list[str]) -> Iterator[list[Answer]]:
        from qaloom.inference.scheduler import Scheduler

        return Scheduler(loaded(), {n: named[n] for n in missing}, stop, max_new_tokens).answers()

    return cached_responses(kept, Answer, list(map(digest, prompts)), make, advance)
