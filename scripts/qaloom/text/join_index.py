"""Keys, their sketches and their rarest q-grams, as `similarity_join` looks them up, and what a threshold allows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

ONE = np.uint64(1)
ZERO = np.uint64(0)
PLACE = 0xFFFFFFFF  # a q-gram is sorted as rank << 32 | place
MAX_GRAM_BITS = 22  # q-grams are counted by hash; two that collide cost time, never a pair


class Keys(NamedTuple):
    """Keys in ascending order of length; `chars` are alphabet numbers, so that tables stay small."""

    order: np.ndarray  # int64[n]: the caller's position of each key
    chars: np.ndarray  # int32[total]
    starts: np.ndarray  # int64[n + 1]: key k is chars[starts[k]:starts[k + 1]]
    sketch: np.ndarray  # uint64[n]: see sketches_of
    wide: np.ndarray  # uint64[n, 4]: the same in 256 bits, for the few that the short one lets through


class Prefixes(NamedTuple):
    """The q-grams that each key keeps; a key whose q-grams can all be destroyed keeps none and is `loose`."""

    starts: np.ndarray  # int64[n + 1]
    rank: np.ndarray  # int32[total]: rarity of the q-gram, 0 the rarest
    place: np.ndarray  # int32[total]: where in the key it starts
    loose: np.ndarray  # int64[m]: keys that no posting list covers, ascending


class Lists(NamedTuple):
    """Posting lists: for each q-gram rank the keys that kept it, ascending, hence by length."""

    starts: np.ndarray  # int64[ranks + 1]
    key: np.ndarray  # int32[total]
    place: np.ndarray  # int32[total]
    sketch: (
        np.ndarray
    )  # uint64[total]: a copy beside the posting, as a look-up elsewhere would miss the cache


class Bounds(NamedTuple):
    """Edits and lengths that the threshold allows."""

    distance: np.ndarray  # int64[longest sum + 1]: most edits for a sum of lengths, -1 where none suffices
    shortest: np.ndarray  # int64[longest + 1]: shortest partner of a key of this length
    longest: np.ndarray  # int64[longest + 1]
    edits: np.ndarray  # int64[longest + 1]: most edits over all partners
    grams: np.ndarray  # int64[longest + 1]: most q-grams those edits can destroy


# --- what the threshold allows -----------------------------------------------------------------------


def _distance_bounds(threshold: float, longest_sum: int) -> np.ndarray:
    """Most edits for each sum of lengths, found by rapidfuzz's own arithmetic so that no rounding differs."""
    sums = np.arange(longest_sum + 1)
    edits = np.floor((1.0 - threshold) * sums).astype(np.int64) + 2
    for _ in range(4):
        edits -= (edits >= 0) & (pair_scores(edits, sums) < threshold)
    edits -= (sums - edits) & 1  # d = sum - 2 LCS has the parity of the sum
    edits[0] = -1
    return edits


def pair_scores(edits: np.ndarray, sums: np.ndarray) -> np.ndarray:
    return 1.0 - edits / np.maximum(sums, 1)


def bounds_of(threshold: float, lengths: np.ndarray, q: int) -> Bounds:
    """Bounds for each of the distinct `lengths`, over the partners that exist."""
    longest = int(lengths[-1]) if len(lengths) else 0
    distance = _distance_bounds(threshold, 2 * longest)
    low, high, edits, grams = (np.zeros(longest + 1, np.int64) for _ in range(4))
    for n in lengths:
        d = distance[n + lengths]
        near = d >= np.abs(lengths - n)
        m, d = lengths[near], d[near]
        if not len(m):
            low[n], high[n] = 1, 0
            continue
        common = (n + m - d) // 2
        low[n], high[n], edits[n] = m[0], m[-1], d.max()
        # A character to be deleted lies in q of the q-grams, a place to insert one inside q - 1 of them.
        grams[n] = (q * (n - common) + (q - 1) * (m - common)).max()
    return Bounds(distance, low, high, edits, grams)


# --- keys and their q-grams --------------------------------------------------------------------------


def encode(keys: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order by length, code points in that order, and where each key starts."""
    lengths = np.fromiter(map(len, keys), np.int64, len(keys))
    order = np.argsort(lengths, kind="stable")
    starts = np.concatenate(([0], np.cumsum(lengths[order])))
    codes = np.empty(starts[-1], np.uint32)
    for first in range(0, len(keys), 1 << 16):  # in blocks, as the intermediate copies are large
        block = order[first : first + (1 << 16)]
        text = "".join([keys[i] for i in block]).encode("utf-32-le", "surrogatepass")
        codes[starts[first] : starts[first + len(block)]] = np.frombuffer(text, np.uint32)
    return order, codes, starts


def numbered(codes: list[np.ndarray]) -> tuple[int, list[np.ndarray]]:
    """Size of the alphabet, and the code points as numbers in it, which take their places."""
    used = np.zeros(max((int(c.max()) + 1 for c in codes if len(c)), default=0), bool)
    for c in codes:
        used[c] = True
    number = (np.cumsum(used) - 1).astype(np.uint32)
    for c in codes:
        for at in range(0, len(c), _BLOCK):
            c[at : at + _BLOCK] = number[c[at : at + _BLOCK]]
    return int(used.sum()), [c.view(np.int32) for c in codes]


_BLOCK = 1 << 20  # code points that are numbered at once


@njit(cache=True, nogil=True)
def sketches_of(chars, starts, alphabet):
    """Sketches of 64 and 256 bits of each key: (character, how many before it) hashed to a bit, bits xored.

    An edit adds or removes one such element, so it flips one bit: keys at distance d differ in at most d.
    """
    seen = np.zeros(alphabet, np.int64)
    sketch = np.zeros(len(starts) - 1, np.uint64)
    wide = np.zeros((len(starts) - 1, 4), np.uint64)
    for k in range(len(sketch)):
        for i in range(starts[k], starts[k + 1]):
            c = chars[i]
            mixed = np.uint64(c * 1000003 + seen[c] * 7919 + 1) * np.uint64(0x9E3779B97F4A7C15)
            sketch[k] ^= ONE << (mixed >> np.uint64(58))
            wide[k, (mixed >> np.uint64(56)) & np.uint64(3)] ^= ONE << (
                (mixed >> np.uint64(50)) & np.uint64(63)
            )
            seen[c] += 1
        for i in range(starts[k], starts[k + 1]):
            seen[chars[i]] = 0
    return sketch, wide


@njit(cache=True, nogil=True, inline="always")
def _gram(chars, i, q, bits):
    """Hash of the q-gram that starts at i."""
    h = ZERO
    for j in range(i, i + q):
        h = (h ^ np.uint64(chars[j] + 1)) * np.uint64(0x9E3779B97F4A7C15)
        h ^= h >> np.uint64(29)
    return np.int64(h >> np.uint64(64 - bits))


@njit(cache=True, nogil=True)
def _count_grams(chars, starts, q, bits, count):
    for k in range(len(starts) - 1):
        for i in range(starts[k], starts[k + 1] - q + 1):
            count[_gram(chars, i, q, bits)] += 1


def ranks_of(sides: list[Keys], q: int) -> tuple[np.ndarray, int]:
    """Rarity of each q-gram hash over all keys, 0 the rarest, and the number of bits of the hash."""
    total = sum(len(side.chars) for side in sides)
    bits = min(MAX_GRAM_BITS, max(8, total.bit_length() + 1))
    count = np.zeros(1 << bits, np.int32)
    for side in sides:
        _count_grams(side.chars, side.starts, q, bits, count)
    used = np.flatnonzero(count)
    rank = np.zeros(1 << bits, np.int32)
    rank[used[np.argsort(count[used], kind="stable")]] = np.arange(len(used), dtype=np.int32)
    return rank, bits


@njit(cache=True, nogil=True)
def _fewest_edits(grams, n, q):
    """Fewest edits that destroy the first n q-grams: cover their places by intervals of q (Ed-Join)."""
    kept = np.zeros(len(grams) + q, np.bool_)
    for i in range(n):
        kept[grams[i] & PLACE] = True
    edits = 0
    place = 0
    while place < len(grams):
        edits += kept[place]
        place += q if kept[place] else 1
    return edits


@njit(cache=True, nogil=True)
def _prefix_length(grams, edits, grams_lost, q):
    """How many of the q-grams, the rarest first, cannot all be destroyed; 0 if even all of them can.

    Why two similar keys then keep a common one. Some kept q-gram of either survives the edits and stands
    in both keys. Of the one whose commonest kept q-gram is rarer, the other keeps it too. If they are the
    same q-gram and nothing rarer survives, each keeps its first few places; edits leave places in order,
    so the survivors among them cannot both fall on places that the other key does not keep.
    """
    n = len(grams)
    low, high = 1, min(n, grams_lost + 1)
    if high <= grams_lost and _fewest_edits(grams, n, q) <= edits:
        return 0
    while low < high:
        middle = (low + high) // 2
        if _fewest_edits(grams, middle, q) > edits:
            high = middle
        else:
            low = middle + 1
    return high


@njit(cache=True, nogil=True)
def _fill_prefixes(chars, starts, q, bits, rank, most_edits, most_grams):
    """Prefixes of all keys, as arrays of Prefixes."""
    n = len(starts) - 1
    ends = np.zeros(n + 1, np.int64)
    room = 0
    for k in range(n):
        length = starts[k + 1] - starts[k]
        room += max(0, length - q + 1)
    ranks = np.empty(room, np.int32)
    places = np.empty(room, np.int32)
    at = 0
    for k in range(n):
        length = starts[k + 1] - starts[k]
        if length >= q:
            grams = np.empty(length - q + 1, np.int64)
            for i in range(len(grams)):
                grams[i] = np.int64(rank[_gram(chars, starts[k] + i, q, bits)]) << 32 | i
            grams.sort()
            for i in range(_prefix_length(grams, most_edits[length], most_grams[length], q)):
                ranks[at] = grams[i] >> 32
                places[at] = grams[i] & PLACE
                at += 1
        ends[k + 1] = at
    return ends, ranks[:at].copy(), places[:at].copy()


@njit(cache=True, nogil=True)
def fill_lists(starts, rank, place, sketch, ranks):
    """Counting sort of the prefixes by rank."""
    ends = np.zeros(ranks + 1, np.int64)
    for r in rank:
        ends[r + 1] += 1
    for r in range(ranks):
        ends[r + 1] += ends[r]
    at = ends.copy()
    keys = np.empty(len(rank), np.int32)
    places = np.empty(len(rank), np.int32)
    sketches = np.empty(len(rank), np.uint64)
    for k in range(len(starts) - 1):
        for i in range(starts[k], starts[k + 1]):
            to = at[rank[i]]
            at[rank[i]] += 1
            keys[to] = k
            places[to] = place[i]
            sketches[to] = sketch[k]
    return ends, keys, places, sketches


def prefixes_of(keys: Keys, rank: np.ndarray, bits: int, bounds: Bounds, q: int) -> Prefixes:
    starts, ranks, places = _fill_prefixes(keys.chars, keys.starts, q, bits, rank, bounds.edits, bounds.grams)
    return Prefixes(starts, ranks, places, np.flatnonzero(np.diff(starts) == 0))
