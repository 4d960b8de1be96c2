"""Near pairs of two lists: exact by comparing all and by the join."""

import numpy as np
import pytest
from random_sets import seeded
from rapidfuzz import fuzz

from qaloom.text.near_pairs import near_pairs


@pytest.mark.parametrize("cells", [0, 10**9])
def test_near_pairs_is_exact_by_either_way(monkeypatch, cells):
    monkeypatch.setattr("qaloom.text.near_pairs._BRUTE_CELLS", cells)
    rng = seeded(4)
    keys = sorted(
        {"".join(rng.choice("가나다라ab1") for _ in range(rng.randrange(0, 12))) for _ in range(300)}
    )
    left, right = keys[::2], keys[1::2]
    for threshold in (0.7, 0.9):
        found = {(int(i), int(j)) for i, j, _ in zip(*near_pairs(left, right, threshold), strict=True)}
        wanted = {
            (i, j)
            for i, a in enumerate(left)
            for j, b in enumerate(right)
            if a and b and fuzz.ratio(a, b) >= 100 * threshold - 1e-9
        }
        assert found == wanted and (found or threshold == 0.9)


def test_near_pairs_of_nothing():
    assert [len(a) for a in near_pairs([], ["a"], 0.9)] == [0, 0, 0]
    assert [len(a) for a in near_pairs(["a"], [], 0.9)] == [0, 0, 0]
    assert isinstance(near_pairs(["ab"], ["ab"], 0.9)[2], np.ndarray)
