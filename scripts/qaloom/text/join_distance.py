"""Bit-parallel distance of two keys: their longest common subsequence, within the band that a threshold leaves."""

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

WORD = 64
GLANCE = 8  # columns between two looks at whether a pair is too far apart
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
ONE = np.uint64(1)
ZERO = np.uint64(0)


@intrinsic
def popcount(typingctx, word):
    """Number of set bits of a uint64; numba has no name for the instruction."""

    def codegen(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), codegen


@njit(cache=True, nogil=True)
def flipped(a, b):
    """Number of bits in which two wide sketches differ."""
    return np.int64(
        popcount(a[0] ^ b[0]) + popcount(a[1] ^ b[1]) + popcount(a[2] ^ b[2]) + popcount(a[3] ^ b[3])
    )


@njit(cache=True, nogil=True)
def lcs(a, b, most, row, masks):
    """Length of the longest common subsequence (Hyyrö 2004); `row` and `masks` of a come from set_masks.

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
        return np.int64(popcount(~state & inner)) + tail
    return _lcs_words(b, head, n - tail, m - tail, most, row, masks) + tail


@njit(cache=True, nogil=True)
def _lcs_words(b, head, end, inner, most, row, masks):
    """`lcs` over several words: columns head..end of b, of the rows below `inner`.

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
        common += np.int64(popcount(~state[w] & (ALL >> np.uint64(WORD - min(rows - w * WORD, WORD)))))
    return common


@njit(cache=True, nogil=True)
def set_masks(a, row):
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
