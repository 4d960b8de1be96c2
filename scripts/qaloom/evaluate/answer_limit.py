"""Length limit of answers in tokens: long enough for the references and the training answers."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from qaloom.evaluate.results import AnswerLimit

_QUANTILE, _MARGIN = 0.99, 1.25
_LEAST, _MOST = 16, 1024  # tokens; below, a model that answers in a sentence would be cut
_STEP = 8  # rounded up to, so that a few more rows leave the limit, and so the cached answers, as they are
_SAMPLE = 5000  # training answers that are measured; ids are hashes, so the first are a sample


def answer_limit(
    wanted: int | Literal["auto"],
    references: Sequence[str],
    trained: Sequence[str],
    ids: Callable[[str], Sequence[int]],
) -> AnswerLimit:
    """The limit, and how many references are cut by it.

    auto: the larger 0.99 quantile of the two lists' lengths in tokens times 1.25, and the end token, rounded
    up to a multiple of 8, from 16 to 1024.
    """
    lengths = [len(ids(text)) for text in references]
    tokens = (
        wanted if wanted != "auto" else _tokens([lengths, [len(ids(text)) for text in trained[:_SAMPLE]]])
    )
    cut = sum(length >= tokens for length in lengths)  # the end token needs a place, too
    return AnswerLimit(tokens, "auto" if wanted == "auto" else "set", len(lengths), cut)


def _tokens(lists: Sequence[Sequence[int]]) -> int:
    longest = max((float(np.quantile(lengths, _QUANTILE)) for lengths in lists if lengths), default=0.0)
    needed = int(np.ceil(longest * _MARGIN)) + 1
    return min(_MOST, max(_LEAST, -(-needed // _STEP) * _STEP))
