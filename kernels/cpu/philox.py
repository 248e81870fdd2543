"""Philox4x32-10: random words that depend on a key and a counter only, so every place can be drawn by itself.

Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011), and its code Random123.
A counter of four 32-bit words goes through ten rounds with a key of two and becomes four random words.

A draw of `n` numbers under (seed, offset), on every backend: element i is lane i mod 4 of the counter
(⌊i/4⌋ low, ⌊i/4⌋ high, offset low, offset high) with the key (seed low, seed high); its uniform number is
(word >> 8) · 2⁻²⁴, in [0, 1). An element is kept where it is >= p, with p rounded to float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)  # what the key grows by from round to round
ROUNDS = 10

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_M0, _M1 = map(np.uint64, MULTIPLIERS)


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> tuple[Array, Array, Array, Array]:
    """The four random words (uint32) of each counter; its four words are arrays or numbers. NumPy, for reference."""
    c0, c1, c2, c3 = (np.asarray(c, np.uint64) for c in counter)
    k0, k1 = key
    for _ in range(ROUNDS):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (
            (p1 >> _HALF) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _HALF) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + WEYL[0]) % 2**32, (k1 + WEYL[1]) % 2**32
    return c0.astype(np.uint32), c1.astype(np.uint32), c2.astype(np.uint32), c3.astype(np.uint32)


BLOCK = 1 << 14  # groups of four at a time, so that all steps find them in the cache


def words(n: int, seed: int, offset: int) -> Array:
    """The n random words (uint32) of a draw. NumPy, for reference."""
    groups = (n + 3) // 4
    y = np.empty((groups, 4), np.uint32)
    key, place = (seed % 2**32, seed >> 32), (np.uint64(offset % 2**32), np.uint64(offset >> 32))
    for start in range(0, groups, BLOCK):
        group = np.arange(start, min(start + BLOCK, groups), dtype=np.uint64)
        y[start : start + BLOCK].T[:] = philox((group & _LOW, group >> _HALF, *place), key)
    return y.reshape(-1)[:n]


def uniforms(n: int, seed: int, offset: int) -> Array:
    """n float32 numbers in [0, 1), multiples of 2⁻²⁴. NumPy, for reference."""
    return (words(n, seed, offset) >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)


def threshold(p: float) -> np.uint32:
    """t such that an element is kept where (word >> 8) >= t: uniform >= p without a float."""
    return np.uint32(math.ceil(float(np.float32(p)) * 2**24))


def halves(number: int) -> tuple[np.uint32, np.uint32]:
    """The low and the high 32 bits of a number from 0 to 2⁶⁴ - 1. Raises ValueError for any other."""
    if not 0 <= number < 2**64:
        raise ValueError(f"philox: expected a seed and an offset from 0 to 2⁶⁴ - 1, got {number}")
    return np.uint32(number % 2**32), np.uint32(number >> 32)
