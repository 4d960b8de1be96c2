"""Near-equal texts of two lists: comparison keys of questions, and every pair at or above a similarity."""

from collections.abc import Sequence

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Indel

from qaloom.records import question_text
from qaloom.text.normalize import comparison_key

_BRUTE_CELLS = 9_000_000  # comparisons up to which all pairs are compared, about a second
_THREADS = 2


def question_key(instruction: str, input: str) -> str:
    """The comparison key of a question with its context."""
    return comparison_key(question_text(instruction, input))


def near_pairs(
    left: Sequence[str], right: Sequence[str], threshold: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every (position in left, position in right, similarity) at or above `threshold`, none missed.

    All pairs where they are few, else the exact join. Empty keys pair with nothing. Keys should be unique.
    """
    if len(left) * len(right) > _BRUTE_CELLS:
        # Here, as they compile on first use.
        from qaloom.text.join_cost import say_cost
        from qaloom.text.similarity_join import similar_pairs_between

        say_cost("comparing", left, threshold, _THREADS, right)
        return similar_pairs_between(left, right, threshold, threads=_THREADS)
    scores = process.cdist(
        left, right, scorer=Indel.normalized_similarity, score_cutoff=threshold, dtype=np.float64
    )
    rows, columns = np.nonzero(scores >= threshold)
    not_empty = [np.array([bool(key) for key in keys], dtype=np.bool_) for keys in (left, right)]
    filled = not_empty[0][rows] & not_empty[1][columns]
    return rows[filled], columns[filled], scores[rows, columns][filled]
