"""Greedy answers of a model to many prompts, each cached as soon as it is complete."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from qaloom.files import digest
from qaloom.inference.decoding import Answer
from qaloom.inference.model import LoadedModel
from qaloom.inference.response_cache import cached_responses


def answers(
    load: Callable[[], LoadedModel],
    prompts: Sequence[list[int]],
    stop: list[int],
    max_new_tokens: int,
    cache: Path,
    advance: Callable[[int], None],
) -> list[Answer]:
    """Answer each prompt (token ids), in the order given; the model is loaded only if one is unanswered.

    Answers are appended to the file `cache` batch by batch and found there again, so that a killed run, and a
    run with the same model and settings, asks nothing twice. `advance` gets the number answered.
    Raises DeviceError when not even one prompt fits into the GPU's memory.
    """
    by_digest = {digest(prompt): prompt for prompt in prompts}

    def generate(missing: list[str]) -> Iterator[list[Answer]]:
        from qaloom.inference.scheduler import Scheduler

        unanswered = {name: by_digest[name] for name in missing}
        return Scheduler(load(), unanswered, stop, max_new_tokens).answers()

    return cached_responses(cache, Answer, list(map(digest, prompts)), generate, advance)
