"""Exact similarity joins of strings: every pair at or above a threshold, none missed and none extra.

Similarity is `rapidfuzz.distance.Indel.normalized_similarity`: 1 - d / (|a| + |b|), where d counts the
insertions and deletions that turn a into b, so d = |a| + |b| - 2 LCS(a, b).

How it is fast. A threshold bounds d for each pair of lengths, and d edits can destroy only so many
q-grams. Each key keeps its rarest q-grams, just enough that the edits cannot destroy them all; two
similar keys then share one of the kept q-grams, at nearly the same place, so only keys that meet in
such a posting list are looked at. Where the lists are long (keys of few patterns, low thresholds), a
scan of all keys of a fitting length is cheaper and takes their place. Either way a bit sketch of the
characters, compared by the block in vector instructions, turns most keys away, a wider one most of the
rest, and the LCS decides, within the band that the threshold leaves and no further than a pair is alike.

Sources: the rarest-first prefix index is AllPairs (Bayardo, Ma and Srikant, WWW 2007) and, with places,
PPJoin (Xiao et al., WWW 2008); counting destroyed q-grams by place is Ed-Join (Xiao, Wang and Lin,
VLDB 2008); the bit-parallel LCS is Hyyrö (2004).

The first call compiles the kernels (about ten seconds) and caches them in __pycache__ beside this file,
or in NUMBA_CACHE_DIR.
"""

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import NamedTuple, cast

import numpy as np
from numba import njit

from qaloom.text.join_distance import WORD, flipped, lcs, popcount, set_masks
from qaloom.text.join_index import (
    Bounds,
    Keys,
    Lists,
    Prefixes,
    bounds_of,
    encode,
    fill_lists,
    numbered,
    pair_scores,
    prefixes_of,
    ranks_of,
    sketches_of,
)

Progress = Callable[[int, int], None]

CHUNKS = 256  # parts a join is cut into: progress steps, and work shared among threads
BLOCK = 128  # sketches that are compared at once
POSTING_COST = 6  # a posting costs as much as this many keys of a plain scan
SAMPLES = (
    1_000,
    4_000,
    16_000,
    64_000,
)  # keys that estimate_seconds joins, until it has spent ENOUGH_SECONDS
ENOUGH_SECONDS = 0.25


class Pairs(NamedTuple):
    """Similar keys, sorted by (left, right): positions as int64[n], rapidfuzz's own score as float64[n]."""

    left: np.ndarray
    right: np.ndarray
    score: np.ndarray


class _Side(NamedTuple):
    keys: Keys
    prefixes: Prefixes


class _Join(NamedTuple):
    """A prepared join: every key of `probe` is looked up in the lists of `base`."""

    probe: _Side
    base: _Side
    lists: Lists
    by_length: np.ndarray  # int64[longest + 2]: number of base keys shorter than each length
    bounds: Bounds
    alphabet: int
    within: bool  # base is probe: each pair is met once, from its later key
    posting_cost: int


def similar_pairs(
    keys: Sequence[str], threshold: float, *, threads: int = 2, progress: Progress | None = None
) -> Pairs:
    """Every pair of positions left < right with similarity >= `threshold`, in (0, 1].

    Equal keys pair at 1.0, and g of them make g(g-1)/2 pairs, so group equal keys first. An empty key
    pairs with nothing. rapidfuzz with a score_cutoff may drop a pair exactly at it; this keeps what its
    plain score puts there. `progress(done, total)` counts keys, the shortest first, which go quickest.
    The result does not depend on `threads`. Raises ValueError for a threshold outside (0, 1].
    """
    return _run(_prepare(keys, None, threshold), threads, progress)


def similar_pairs_between(
    left: Sequence[str],
    right: Sequence[str],
    threshold: float,
    *,
    threads: int = 2,
    progress: Progress | None = None,
) -> Pairs:
    """Every pair of a position in `left` and one in `right`; otherwise as `similar_pairs`."""
    if len(left) >= len(right):
        return _run(_prepare(left, right, threshold), threads, progress)
    # The shorter list is the one that is indexed: less to build, and less to hold.
    found = _run(_prepare(right, left, threshold), threads, progress)
    by = np.lexsort((found.left, found.right))
    return Pairs(found.right[by], found.left[by], found.score[by])


def estimate_seconds(keys: Sequence[str], threshold: float, others: Sequence[str] | None = None) -> float:
    """CPU-seconds that `similar_pairs`, or with `others` `similar_pairs_between`, would take.

    Within a factor of about two; threads share them. Takes a second or two: joins growing random samples
    and fits a n + b n^2, as encoding grows with the keys and looking up with their square.
    """
    rng = np.random.default_rng(0)
    sides = [(side, rng.permutation(len(side)).tolist()) for side in (keys, others) if side is not None]
    total = sum(len(side) for side, _ in sides)
    similar_pairs(keys[:2], threshold)  # compiled before the clock starts
    each_before, size_before, square = 0.0, 0, 0.0
    for size in SAMPLES:
        part = min(1.0, size / max(1, total))
        sample = [[side[i] for i in order[: round(part * len(side))]] for side, order in sides]
        seconds = _cpu_seconds(sample, threshold)
        if size >= total:
            return seconds
        if size_before:
            square = max(0.0, (seconds / size - each_before) / (size - size_before))
        each_before, size_before = seconds / size, size
        if seconds > ENOUGH_SECONDS:
            break
    return (each_before + square * (total - size_before)) * total


def _cpu_seconds(sides: list[list[str]], threshold: float) -> float:
    started = time.thread_time()
    longest, *shorter = sorted(sides, key=len, reverse=True)  # as similar_pairs_between takes them
    join = _prepare(longest, shorter[0] if shorter else None, threshold)
    _probe(join, 0, len(longest))
    return time.thread_time() - started


# --- the join ----------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _first_at_least(values, low, high, wanted):
    """First index in the ascending values[low:high] whose value is at least `wanted`, else `high`."""
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _spans(k, join, low, high):
    """Part of each of key k's posting lists in low..high; empty if a scan of all low..high costs less."""
    prefixes, lists = join.probe.prefixes, join.lists
    first, n = prefixes.starts[k], prefixes.starts[k + 1] - prefixes.starts[k]
    spans = np.empty((n, 2), np.int64)
    budget = high - low
    for g in range(n - 1, -1, -1):  # the longest list first, to give up soon
        r = prefixes.rank[first + g]
        spans[g, 0] = _first_at_least(lists.key, lists.starts[r], lists.starts[r + 1], low)
        spans[g, 1] = _first_at_least(lists.key, spans[g, 0], lists.starts[r + 1], high)
        budget -= join.posting_cost * (spans[g, 1] - spans[g, 0])
        if budget < 0:
            return spans[:0]
    return spans


@njit(cache=True, nogil=True)
def _nearest(sketch, sketches):
    """Fewest bits in which one of the sketches differs; by index and without a branch, so it vectorises."""
    fewest = np.uint64(WORD)
    for i in range(len(sketches)):
        fewest = min(fewest, popcount(sketch ^ sketches[i]))
    return np.int64(fewest)


@njit(cache=True, nogil=True)
def _from_lists(k, join, low, high, spans, stamp, found):
    """Writes to `found` the base keys in low..high that are loose, or share a q-gram near key k's place."""
    keys, prefixes, lists, loose = join.probe.keys, join.probe.prefixes, join.lists, join.base.prefixes.loose
    edits, sketch = join.bounds.edits[keys.starts[k + 1] - keys.starts[k]], keys.sketch[k]
    n = 0
    for i in range(_first_at_least(loose, 0, len(loose), low), _first_at_least(loose, 0, len(loose), high)):
        found[n] = loose[i]
        n += 1
    for g in range(len(spans)):
        place = prefixes.place[prefixes.starts[k] + g]
        for first in range(spans[g, 0], spans[g, 1], BLOCK):
            last = min(first + BLOCK, spans[g, 1])
            if _nearest(sketch, lists.sketch[first:last]) > edits:
                continue
            for p in range(first, last):
                other = lists.key[p]
                near = (abs(place - lists.place[p]) <= edits) & (popcount(sketch ^ lists.sketch[p]) <= edits)
                if near and stamp[other] != k:
                    stamp[other] = k
                    found[n] = other
                    n += 1
    return n


@njit(cache=True, nogil=True)
def _from_all(k, join, length, limit, found):
    """Writes to `found` the base keys below `limit` with near sketches."""
    keys, base, bounds = join.probe.keys, join.base.keys, join.bounds
    sketch, wide = keys.sketch[k], keys.wide[k]
    n = 0
    for other_length in range(bounds.shortest[length], bounds.longest[length] + 1):
        most = bounds.distance[length + other_length]
        end = min(limit, join.by_length[other_length + 1])
        for first in range(join.by_length[other_length], end, BLOCK):
            last = min(first + BLOCK, end)
            if _nearest(sketch, base.sketch[first:last]) > most:
                continue
            for other in range(first, last):
                near = np.int64(popcount(sketch ^ base.sketch[other])) <= most
                if near and flipped(wide, base.wide[other]) <= most:
                    found[n] = other
                    n += 1
    return n


@njit(cache=True, nogil=True)
def _verify(k, join, found, row, out):
    """Writes to `out` (key k, base key, distance) for those in `found` that are similar; returns how many."""
    keys, base, bounds = join.probe.keys, join.base.keys, join.bounds
    a = keys.chars[keys.starts[k] : keys.starts[k + 1]]
    masks = np.zeros((0, 0), np.uint64)
    n = 0
    for other in found:
        b = base.chars[base.starts[other] : base.starts[other + 1]]
        most = bounds.distance[len(a) + len(b)]
        if most < abs(len(a) - len(b)) or flipped(keys.wide[k], base.wide[other]) > most:
            continue
        if not len(masks):
            masks = set_masks(a, row)
        distance = len(a) + len(b) - 2 * lcs(a, b, most, row, masks)
        if distance <= most:
            out[n, 0], out[n, 1], out[n, 2] = k, other, distance
            n += 1
    if len(masks):
        for c in a:
            row[c] = 0
    return n


@njit(cache=True, nogil=True)
def _grown(rows, n, room):
    """An array of `room` rows, the first n the same; a loop, as numba compiles slice assignment slowly."""
    grown = np.empty((room, 3), np.int64)
    for i in range(n):
        for j in range(3):
            grown[i, j] = rows[i, j]
    return grown


@njit(cache=True, nogil=True)
def _probe(join, first, last):
    """Joins probe keys first..last: rows of (probe key, base key, distance)."""
    starts, bounds = join.probe.keys.starts, join.bounds
    stamp = np.full(len(join.base.keys.order), -1, np.int32)
    found = np.empty(len(stamp), np.int32)
    row = np.zeros(join.alphabet, np.int32)
    out = np.empty((1024, 3), np.int64)
    n_out = 0
    for k in range(first, last):
        length = starts[k + 1] - starts[k]
        low = join.by_length[bounds.shortest[length]]
        high = k if join.within else join.by_length[bounds.longest[length] + 1]
        spans = _spans(k, join, low, high)
        if len(spans):
            n = _from_lists(k, join, low, high, spans, stamp, found)
        else:
            n = _from_all(k, join, length, high, found)
        if n_out + n > len(out):
            out = _grown(out, n_out, 2 * (n_out + n))
        n_out += _verify(k, join, found[:n], row, out[n_out:])
    return _grown(out, n_out, n_out)


def _prepare(left: Sequence[str], right: Sequence[str] | None, threshold: float) -> _Join:
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, not {threshold}")
    q = 3 if threshold >= 0.84 else 2
    encoded = [encode(keys) for keys in ([left] if right is None else [left, right])]
    alphabet, chars = numbered([codes for _, codes, _ in encoded])
    keys = [
        Keys(order, c, starts, *sketches_of(c, starts, alphabet))
        for (order, _, starts), c in zip(encoded, chars, strict=True)
    ]
    del encoded
    bounds = bounds_of(threshold, np.unique(np.concatenate([np.diff(k.starts) for k in keys])), q)
    rank, bits = ranks_of(keys, q)
    sides = [_Side(k, prefixes_of(k, rank, bits, bounds, q)) for k in keys]
    base = sides[-1]
    lists = Lists(
        *fill_lists(
            base.prefixes.starts, base.prefixes.rank, base.prefixes.place, base.keys.sketch, len(rank)
        )
    )
    by_length = np.searchsorted(np.diff(base.keys.starts), np.arange(len(bounds.edits) + 1))
    return _Join(sides[0], base, lists, by_length, bounds, alphabet, right is None, POSTING_COST)


def _run(join: _Join, threads: int, progress: Progress | None) -> Pairs:
    """Probes in chunks; later keys are longer and meet more partners, so chunks are handed out one by one."""
    n = len(join.probe.keys.order)
    cuts = np.unique(np.linspace(0, n, CHUNKS + 1).astype(np.int64)).tolist()
    parts = []
    with (
        ThreadPoolExecutor(threads) as pool,
        closing(cast(Generator, pool.map(partial(_probe, join), cuts, cuts[1:]))) as results,
    ):
        for last, part in zip(cuts[1:], results, strict=True):
            parts.append(part)
            if progress:
                progress(last, n)
    probe, base, distance = np.concatenate([np.empty((0, 3), np.int64), *parts]).T
    sums = np.diff(join.probe.keys.starts)[probe] + np.diff(join.base.keys.starts)[base]
    left, right = join.probe.keys.order[probe], join.base.keys.order[base]
    if join.within:
        left, right = np.minimum(left, right), np.maximum(left, right)
    by = np.lexsort((right, left))
    return Pairs(left[by], right[by], pair_scores(distance, sums)[by])
