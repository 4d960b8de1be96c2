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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

Progress = Callable[[int, int], None]

WORD = 64
CHUNKS = 256  # parts a join is cut into: progress steps, and work shared among threads
GLANCE = 8  # columns between two looks at whether a pair is too far apart
BLOCK = 128  # sketches that are compared at once
POSTING_COST = 6  # a posting costs as much as this many keys of a plain scan
SAMPLES = (
    1_000,
    4_000,
    16_000,
    64_000,
)  # keys that estimate_seconds joins, until it has spent ENOUGH_SECONDS
ENOUGH_SECONDS = 0.25
PLACE = 0xFFFFFFFF  # a q-gram is sorted as rank << 32 | place
MAX_GRAM_BITS = 22  # q-grams are counted by hash; two that collide cost time, never a pair
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
ONE = np.uint64(1)
ZERO = np.uint64(0)


class Pairs(NamedTuple):
    """Similar keys, sorted by (left, right): positions as int64[n], rapidfuzz's own score as float64[n]."""

    left: np.ndarray
    right: np.ndarray
    score: np.ndarray


class _Keys(NamedTuple):
    """Keys in ascending order of length; `chars` are alphabet numbers, so that tables stay small."""

    order: np.ndarray  # int64[n]: the caller's position of each key
    chars: np.ndarray  # int32[total]
    starts: np.ndarray  # int64[n + 1]: key k is chars[starts[k]:starts[k + 1]]
    sketch: np.ndarray  # uint64[n]: see _sketches
    wide: np.ndarray  # uint64[n, 4]: the same in 256 bits, for the few that the short one lets through


class _Prefixes(NamedTuple):
    """The q-grams that each key keeps; a key whose q-grams can all be destroyed keeps none and is `loose`."""

    starts: np.ndarray  # int64[n + 1]
    rank: np.ndarray  # int32[total]: rarity of the q-gram, 0 the rarest
    place: np.ndarray  # int32[total]: where in the key it starts
    loose: np.ndarray  # int64[m]: keys that no posting list covers, ascending


class _Lists(NamedTuple):
    """Posting lists: for each q-gram rank the keys that kept it, ascending, hence by length."""

    starts: np.ndarray  # int64[ranks + 1]
    key: np.ndarray  # int32[total]
    place: np.ndarray  # int32[total]
    sketch: (
        np.ndarray
    )  # uint64[total]: a copy beside the posting, as a look-up elsewhere would miss the cache


class _Bounds(NamedTuple):
    """What the threshold allows."""

    distance: np.ndarray  # int64[longest sum + 1]: most edits for a sum of lengths, -1 where none suffices
    shortest: np.ndarray  # int64[longest + 1]: shortest partner of a key of this length
    longest: np.ndarray  # int64[longest + 1]
    edits: np.ndarray  # int64[longest + 1]: most edits over all partners
    grams: np.ndarray  # int64[longest + 1]: most q-grams those edits can destroy


class _Side(NamedTuple):
    keys: _Keys
    prefixes: _Prefixes


class _Join(NamedTuple):
    """A prepared join: every key of `probe` is looked up in the lists of `base`."""

    probe: _Side
    base: _Side
    lists: _Lists
    by_length: np.ndarray  # int64[longest + 2]: number of base keys shorter than each length
    bounds: _Bounds
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


# --- what the threshold allows -----------------------------------------------------------------------


def _distance_bounds(threshold: float, longest_sum: int) -> np.ndarray:
    """Most edits for each sum of lengths, found by rapidfuzz's own arithmetic so that no rounding differs."""
    sums = np.arange(longest_sum + 1)
    edits = np.floor((1.0 - threshold) * sums).astype(np.int64) + 2
    for _ in range(4):
        edits -= (edits >= 0) & (_scores(edits, sums) < threshold)
    edits -= (sums - edits) & 1  # d = sum - 2 LCS has the parity of the sum
    edits[0] = -1
    return edits


def _scores(edits: np.ndarray, sums: np.ndarray) -> np.ndarray:
    return 1.0 - edits / np.maximum(sums, 1)


def _bounds(threshold: float, lengths: np.ndarray, q: int) -> _Bounds:
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
    return _Bounds(distance, low, high, edits, grams)


# --- keys and their q-grams --------------------------------------------------------------------------


def _encode(keys: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def _numbered(codes: list[np.ndarray]) -> tuple[int, list[np.ndarray]]:
    """Size of the alphabet, and the code points as numbers in it."""
    used = np.zeros(max((int(c.max()) + 1 for c in codes if len(c)), default=0), bool)
    for c in codes:
        used[c] = True
    number = (np.cumsum(used) - 1).astype(np.int32)
    return int(used.sum()), [number[c] for c in codes]


@njit(cache=True, nogil=True)
def _sketches(chars, starts, alphabet):
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


def _ranks(sides: list[_Keys], q: int) -> tuple[np.ndarray, int]:
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
    """Prefixes of all keys, as arrays of _Prefixes."""
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
def _fill_lists(starts, rank, place, sketch, ranks):
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


# --- distance ----------------------------------------------------------------------------------------


@intrinsic
def _popcount(typingctx, word):
    """Number of set bits of a uint64; numba has no name for the instruction."""

    def codegen(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), codegen


@njit(cache=True, nogil=True)
def _flipped(a, b):
    """Number of bits in which two wide sketches differ."""
    return np.int64(
        _popcount(a[0] ^ b[0]) + _popcount(a[1] ^ b[1]) + _popcount(a[2] ^ b[2]) + _popcount(a[3] ^ b[3])
    )


@njit(cache=True, nogil=True)
def _lcs(a, b, most, row, masks):
    """Length of the longest common subsequence (Hyyrö 2004); `row` and `masks` of a come from _set_masks.

    Less than that, or nothing, where the distance is above `most`. Equal ends come first: the state after
    an equal beginning is known, an equal end adds its length.
    """
    m, n = len(a), len(b)
    head = 0
    while head < m and head < n and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < min(m, n) - head and a[m - 1 - tail] == b[n - 1 - tail]:
        tail += 1
    if m <= WORD:
        state = ALL << np.uint64(head) if head < WORD else ZERO
        for j in range(head, n - tail):
            met = state & masks[row[b[j]], 0]
            state = (state + met) | (state - met)
        inner = ALL >> np.uint64(WORD - (m - tail)) if m > tail else ZERO
        return np.int64(_popcount(~state & inner)) + tail
    return _lcs_words(b, head, n - tail, m - tail, most, row, masks) + tail


@njit(cache=True, nogil=True)
def _lcs_words(b, head, end, inner, most, row, masks):
    """`_lcs` over several words: columns head..end of b, of the rows below `inner`.

    With at most `most` edits, column j meets rows j - below to j + above alone, and no more than `below`
    columns go unmatched; so the other words are left alone, and a pair too far apart is given up soon.
    """
    words = (inner + WORD - 1) // WORD
    above, below = (most + inner - end) // 2, (most - inner + end) // 2
    state = np.empty(words, np.uint64)
    for w in range(words):
        known = min(max(head - w * WORD, 0), WORD)
        state[w] = ALL << np.uint64(known) if known < WORD else ZERO
    for j in range(head, end):
        carry = ZERO
        for w in range(max(j - below, 0) // WORD, min((j + above) // WORD + 1, words)):
            met = state[w] & masks[row[b[j]], w]
            half = state[w] + met
            total = half + carry
            carry = ONE if half < met or total < carry else ZERO
            state[w] = total | (state[w] - met)
        if j % GLANCE == 0 and j + 1 - _common(state, min(inner, j + above + 1)) > below:
            return np.int64(0)
    return _common(state, inner)


@njit(cache=True, nogil=True)
def _common(state, rows):
    """Zeros of the state in its first `rows`: the length of the subsequence that they have in common."""
    common = np.int64(0)
    for w in range((rows + WORD - 1) // WORD):
        common += np.int64(_popcount(~state[w] & (ALL >> np.uint64(WORD - min(rows - w * WORD, WORD)))))
    return common


@njit(cache=True, nogil=True)
def _set_masks(a, row):
    """A row of words for each character of a, a bit set at each of its places; row 0 is for all others."""
    rows = 1
    for c in a:
        if row[c] == 0:
            row[c] = rows
            rows += 1
    masks = np.zeros((rows, (len(a) + WORD - 1) // WORD), np.uint64)
    for i in range(len(a)):
        masks[row[a[i]], i // WORD] |= ONE << np.uint64(i % WORD)
    return masks


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
        fewest = min(fewest, _popcount(sketch ^ sketches[i]))
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
                near = (abs(place - lists.place[p]) <= edits) & (_popcount(sketch ^ lists.sketch[p]) <= edits)
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
                near = np.int64(_popcount(sketch ^ base.sketch[other])) <= most
                if near and _flipped(wide, base.wide[other]) <= most:
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
        if most < abs(len(a) - len(b)) or _flipped(keys.wide[k], base.wide[other]) > most:
            continue
        if not len(masks):
            masks = _set_masks(a, row)
        distance = len(a) + len(b) - 2 * _lcs(a, b, most, row, masks)
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
    encoded = [_encode(keys) for keys in ([left] if right is None else [left, right])]
    alphabet, chars = _numbered([codes for _, codes, _ in encoded])
    keys = [
        _Keys(order, c, starts, *_sketches(c, starts, alphabet))
        for (order, _, starts), c in zip(encoded, chars, strict=True)
    ]
    del encoded
    bounds = _bounds(threshold, np.unique(np.concatenate([np.diff(k.starts) for k in keys])), q)
    rank, bits = _ranks(keys, q)
    sides = [_Side(k, _prefixes(k, rank, bits, bounds, q)) for k in keys]
    base = sides[-1]
    lists = _Lists(
        *_fill_lists(
            base.prefixes.starts, base.prefixes.rank, base.prefixes.place, base.keys.sketch, len(rank)
        )
    )
    by_length = np.searchsorted(np.diff(base.keys.starts), np.arange(len(bounds.edits) + 1))
    return _Join(sides[0], base, lists, by_length, bounds, alphabet, right is None, POSTING_COST)


def _prefixes(keys: _Keys, rank: np.ndarray, bits: int, bounds: _Bounds, q: int) -> _Prefixes:
    starts, ranks, places = _fill_prefixes(keys.chars, keys.starts, q, bits, rank, bounds.edits, bounds.grams)
    return _Prefixes(starts, ranks, places, np.flatnonzero(np.diff(starts) == 0))


def _run(join: _Join, threads: int, progress: Progress | None) -> Pairs:
    """Probes in chunks; later keys are longer and meet more partners, so chunks are handed out one by one."""
    n = len(join.probe.keys.order)
    cuts = np.unique(np.linspace(0, n, CHUNKS + 1).astype(np.int64)).tolist()
    parts = []
    with (
        ThreadPoolExecutor(threads) as pool,
        closing(pool.map(partial(_probe, join), cuts, cuts[1:])) as results,
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
    return Pairs(left[by], right[by], _scores(distance, sums)[by])
