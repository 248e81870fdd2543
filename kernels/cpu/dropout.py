"""Dropout whose mask is a function of a seed and a place: nothing is stored for backward, which draws it again.

Arrays: contiguous float32, flat. The mask is Philox's, the same on every backend: see `philox`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import INLINE, LOOP
from nanonet_kernels.cpu.philox import MULTIPLIERS, WEYL, halves, threshold
from nanonet_kernels.cpu.threads import split

Array = Any
_EIGHT = np.uint32(8)
_ZERO = np.float32(0)
BLOCK = 256  # groups of four at a time
LEAST = 1 << 13  # groups that are worth a part of their own: some 90 µs
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_M0, _M1 = map(np.uint64, MULTIPLIERS)
_W0, _W1 = map(np.uint32, WEYL)


@njit(**INLINE)
def philox_words(group, offset0, offset1, k0, k1):
    """The four words of one group of four elements, for the compiled kernels."""
    c0, c1 = np.uint32(group & _LOW), np.uint32(group >> _HALF)
    c2, c3 = offset0, offset1
    for _ in range(10):
        p0 = _M0 * np.uint64(c0)
        p1 = _M1 * np.uint64(c2)
        c0, c1, c2, c3 = (
            np.uint32(np.uint32(p1 >> _HALF) ^ c1 ^ k0),
            np.uint32(p1),
            np.uint32(np.uint32(p0 >> _HALF) ^ c3 ^ k1),
            np.uint32(p0),
        )
        k0 = np.uint32(k0 + _W0)
        k1 = np.uint32(k1 + _W1)
    return c0, c1, c2, c3


@njit(**LOOP)
def _draw(lane0, lane1, lane2, lane3, start, offset0, offset1, key0, key1):
    """The random words of the groups from `start` on, lane by lane: LLVM draws 8 groups at a time."""
    for g in range(lane0.size):
        w0, w1, w2, w3 = philox_words(np.uint64(start) + np.uint64(g), offset0, offset1, key0, key1)
        lane0[g] = w0
        lane1[g] = w1
        lane2[g] = w2
        lane3[g] = w3


@njit(**LOOP)
def _weave(lane0, lane1, lane2, lane3, words):
    """The lanes in the order of the elements."""
    for g in range(lane0.size):
        words[4 * g] = lane0[g]
        words[4 * g + 1] = lane1[g]
        words[4 * g + 2] = lane2[g]
        words[4 * g + 3] = lane3[g]


@njit(**LOOP)
def _keep(x, out, words, least, scale):
    for i in range(x.size):
        factor = scale if (words[i] >> _EIGHT) >= least else _ZERO
        out[i] = x[i] * factor  # as the rule: NaN · 0 is NaN


@njit(**LOOP)
def drop(x, out, start, offset0, offset1, key0, key1, least, scale):
    """out = x scale where the element's random number is at least `least`, else x · 0.

    start is the number of x's first four elements in the whole array, of which x may be a part. The random
    numbers of 1024 elements at a time stay in the cache between the three steps.
    """
    lanes = np.empty((4, BLOCK), np.uint32)
    words = np.empty(4 * BLOCK, np.uint32)
    for first in range(0, x.size, words.size):
        _draw(lanes[0], lanes[1], lanes[2], lanes[3], start + first // 4, offset0, offset1, key0, key1)
        _weave(lanes[0], lanes[1], lanes[2], lanes[3], words)
        _keep(x[first : first + words.size], out[first : first + words.size], words, least, scale)


def dropout(x: Array, out: Array, p: float, seed: int, offset: int) -> None:
    """out = x / (1 - p) where the mask of (seed, offset) keeps an element, else 0; backward is the same call on dy."""
    if not 0 <= p < 1:
        raise ValueError(f"dropout: expected a probability p from 0 to below 1, got {p}")
    lines, n = (x.reshape(-1), out.reshape(-1)), x.size
    numbers = (*halves(offset), *halves(seed), threshold(p), np.float32(1 / (1 - p)))

    def work(first: int, last: int) -> None:
        part = slice(4 * first, min(4 * last, n))
        drop(lines[0][part], lines[1][part], first, *numbers)

    split((n + 3) // 4, LEAST, work)
