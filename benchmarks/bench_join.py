"""What finds near-duplicates: the exact join, and what else is used for it, under one signature.

The approximate methods have their candidates checked by rapidfuzz, so none of them reports a wrong pair.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from qaloom.text.similarity_join import similar_pairs

SEED = 1
Finder = Callable[[list[str], float], set[tuple[int, int]]]


def _join(keys: list[str], threshold: float) -> set[tuple[int, int]]:
    pairs = similar_pairs(keys, threshold)
    return set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))


def _cdist(keys: list[str], threshold: float) -> set[tuple[int, int]]:
    """Brute force at its quickest: float32 and a loose cutoff, as a tight one drops pairs exactly at it."""
    scores = cdist(
        keys,
        keys,
        scorer=Indel.normalized_similarity,
        score_cutoff=threshold - 1e-3,
        dtype=np.float32,
        workers=1,
    )
    pairs = ((int(i), int(j)) for i, j in zip(*np.nonzero(scores), strict=True) if i < j)
    return {(i, j) for i, j in pairs if Indel.normalized_similarity(keys[i], keys[j]) >= threshold}


def _rensa(keys: list[str], threshold: float) -> set[tuple[int, int]]:
    """MinHash of character trigrams in 25 bands of 5, each candidate checked by rapidfuzz."""
    from rensa import RMinHash, RMinHashLSH

    lsh = RMinHashLSH(threshold=0.5, num_perm=125, num_bands=25)
    return _hashed(
        keys,
        threshold,
        lsh.query,
        lsh.insert,
        lambda grams: _updated(RMinHash(num_perm=125, seed=SEED), grams),
    )


def _datasketch(keys: list[str], threshold: float, jaccard: float) -> set[tuple[int, int]]:
    """MinHash of 128 permutations in the bands that datasketch chooses for a Jaccard threshold; checked."""
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(threshold=jaccard, num_perm=128)

    def hashed(grams: list[str]) -> MinHash:
        return _updated(MinHash(num_perm=128, seed=SEED), [g.encode() for g in grams], "update_batch")

    return _hashed(keys, threshold, lsh.query, lsh.insert, hashed)


def _updated(minhash, grams: list, method: str = "update"):
    getattr(minhash, method)(grams)
    return minhash


def _hashed(
    keys: list[str], threshold: float, query: Callable, insert: Callable, hashed: Callable
) -> set[tuple[int, int]]:
    found = set()
    for j, key in enumerate(keys):
        minhash = hashed([key[i : i + 3] for i in range(len(key) - 2)])
        found.update((i, j) for i in query(minhash) if Indel.normalized_similarity(keys[i], key) >= threshold)
        insert(j, minhash)
    return found


FINDERS: dict[str, Finder] = {
    "exact join": _join,
    "cdist": _cdist,
    "rensa 25x5": _rensa,
    "datasketch .8": partial(_datasketch, jaccard=0.8),
    "datasketch .5": partial(_datasketch, jaccard=0.5),
}
