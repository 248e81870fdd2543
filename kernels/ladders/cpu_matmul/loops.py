"""The first rungs: three loops around one multiply-add, and who runs them in which order. Arrays: float32.

Intensity is flops per byte: a multiply-add is 2 flops, a float32 has 4 bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from nanonet_kernels.ladders.cpu_matmul.operands import FLAGS, checked, on_contiguous

Array = Any
_ZERO = np.float32(0)


def python_loops(a: Array, b: Array, out: Array | None = None) -> Array:
    """out[i, j] = Σₚ a[i, p] b[p, j], as it is written down. a (M, K), b (K, N), out (M, N).

    Every step goes through the interpreter, which finds out what `*` and `+` mean for two objects: tens of nanoseconds
    around a multiply-add that takes the processor a fraction of one. The sums are Python floats, so float64.

    Intensity: two list entries (8 bytes each) and the two float objects behind them (24 each) for 2 flops: 1/32.
    """
    c = checked(a, b, out)
    rows, columns = a.tolist(), b.T.tolist()
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            total = 0.0
            for x, y in zip(row, column, strict=True):
                total += x * y
            c[i, j] = total
    return c


def numpy_rows(a: Array, b: Array, out: Array | None = None) -> Array:
    """out[i] = Σₚ a[i, p] b[p]: the innermost loop is NumPy's, over a whole row.

    Faster, since the interpreter's work is paid once for N multiply-adds, and the loop over them uses vector
    instructions. It still costs two calls for each p, and the product is written to memory and read again.

    Intensity, from the first-level cache: b[p] is read, the product written and read, out[i] read and written; 20 bytes
    for 2 flops: 1/10.
    """
    c = checked(a, b, out)
    c.fill(0)
    for i in range(a.shape[0]):
        row = c[i]
        for p in range(a.shape[1]):
            row += a[i, p] * b[p]
    return c


def numba_ijk(a: Array, b: Array, out: Array | None = None) -> Array:
    """out[i, j] = Σₚ a[i, p] b[p, j], compiled: the three loops of `python_loops` as machine code.

    Faster, since no call is left. But p runs down a column of b: each number lies in another cache line, 64 bytes are
    fetched for 4 that are used, and no vector instruction can load a column. Once the lines of a column do not stay in
    the cache until the next column (from about 512 × 512), it falls back behind `numpy_rows`.

    Intensity, from the second-level cache and beyond: 4 bytes of a, a line of 64 for b, for 2 flops: 1/34.
    """
    return on_contiguous(_ijk, a, b, checked(a, b, out))


@njit(**FLAGS)
def _ijk(a, b, c):
    M, K = a.shape
    N = b.shape[1]
    for i in range(M):
        for j in range(N):
            total = _ZERO
            for p in range(K):
                total += a[i, p] * b[p, j]
            c[i, j] = total


def numba_ikj(a: Array, b: Array, out: Array | None = None) -> Array:
    """out[i] = Σₚ a[i, p] b[p]: the same loops, those over j and p exchanged.

    Faster, since the innermost loop now runs along a row of b and a row of out: whole cache lines are used, the
    hardware fetches them ahead, and LLVM makes vector instructions of it.

    Intensity, from the first-level cache: b[p, j] and out[i, j] are read, out[i, j] is written; 12 bytes for 2 flops:
    1/6. All of b passes by for each row of out: 4 bytes for 2 flops from wherever b fits.
    """
    return on_contiguous(_ikj, a, b, checked(a, b, out))


@njit(**FLAGS)
def _ikj(a, b, c):
    M, K = a.shape
    N = b.shape[1]
    c[:] = _ZERO
    for i in range(M):
        c_i = c[i]
        for p in range(K):
            x = a[i, p]
            b_p = b[p]
            for j in range(N):
                c_i[j] += x * b_p[j]
