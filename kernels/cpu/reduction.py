"""Sum and maximum of contiguous arrays, over everything or along the last axis: NumPy's own loops, on several threads.

NumPy adds in pairs of pairs, vectorised and accurate, and lets go of Python's lock meanwhile; there is nothing to gain
but the other cores. Everything is added up in blocks whose size does not depend on the threads, so neither does the
result.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_kernels.cpu.threads import split

Array = Any
BLOCK = 1 << 17  # elements: half a megabyte of float32, some 40 µs


def reduce_all(ufunc: np.ufunc, x: Array) -> Array:
    """ufunc over all elements of a contiguous x, for np.add and np.maximum: a number of x's dtype."""
    line = x.reshape(-1)
    starts = np.arange(0, line.size, BLOCK)
    parts = np.empty(starts.size, x.dtype)

    def work(first: int, last: int) -> None:
        for k in range(first, last):
            parts[k] = ufunc.reduce(line[k * BLOCK : (k + 1) * BLOCK])

    split(starts.size, 1, work)
    return ufunc.reduce(parts)


def reduce_last(ufunc: np.ufunc, x: Array, out: Array) -> None:
    """out (rows) = ufunc along each row of x (rows, columns)."""

    def work(first: int, last: int) -> None:
        ufunc.reduce(x[first:last], axis=1, out=out[first:last])

    split(len(x), max(1, BLOCK // x.shape[1]), work)
