"""Rungs that use what they have loaded more than once: a tile that stays in a cache, a block that stays in registers.

Intensity is flops per byte: a multiply-add is 2 flops, a float32 has 4 bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from nanonet_kernels.cpu.vector import SHAPE, at, micro_kernel
from nanonet_kernels.ladders.cpu_matmul.operands import FLAGS, checked, on_contiguous

Array = Any
TILE_DEPTH, TILE_COLUMNS = 64, 1024  # of b: 256 KB, half of a second-level cache of 512 KB; long rows, for the vectors
MR, NR = SHAPE.rows, SHAPE.columns
_ZERO = np.float32(0)


def tiled(a: Array, b: Array, out: Array | None = None) -> Array:
    """out += tile of a @ tile of b, for tiles of b (64, 1024) that stay in the second-level cache.

    The loops of `numba_ikj`, with one tile of b after another used for all rows of a. Faster where b is larger than a
    cache, since each of its numbers is fetched from far away once, and not M times. Where b fits, nothing is won.

    Intensity, from beyond the second-level cache: for each tile (P, J) of b, 2MPJ flops; P J numbers of b, M P of a and
    2 M J of out: 2 / (4/M + 4/J + 8/P), about 15 at M = 1024. From the first-level cache still 1/6.
    """
    return on_contiguous(_tiled, a, b, checked(a, b, out))


@njit(**FLAGS)
def _tiled(a, b, c):
    M, K = a.shape
    N = b.shape[1]
    c[:] = _ZERO
    for p0 in range(0, K, TILE_DEPTH):
        p1 = min(p0 + TILE_DEPTH, K)
        for j0 in range(0, N, TILE_COLUMNS):
            j1 = min(j0 + TILE_COLUMNS, N)
            for i in range(M):
                c_i = c[i, j0:j1]
                for p in range(p0, p1):
                    x = a[i, p]
                    b_p = b[p, j0:j1]
                    for j in range(j1 - j0):
                        c_i[j] += x * b_p[j]


def register_block(a: Array, b: Array, out: Array | None = None) -> Array:
    """A block of out (MR, NR) is summed up in vector registers, over all of K, and written once.

    Faster, since a multiply-add no longer reads and writes out: per p the block needs MR numbers of a and NR of b, from
    which it makes MR · NR multiply-adds, and they wait for nobody but themselves one step earlier. LLVM does not find
    this from plain loops, so the block is `micro_kernel`, vector operations by hand. a and b are read where they lie:
    down K the rows of b are N numbers apart, each on another page of memory, which is what large matrices wait for.

    Intensity, from the first-level cache: 2 MR NR flops for 4 (MR + NR) bytes, 2.2 for 6 × 16.
    """
    return on_contiguous(_register_block, a, b, checked(a, b, out))


@njit(**FLAGS)
def _register_block(a, b, c):
    M, K = a.shape
    N = b.shape[1]
    m, n = M - M % MR, N - N % NR  # what whole blocks cover
    for j in range(0, n, NR):
        for i in range(0, m, MR):
            a_i, b_j, c_ij = at(a.ctypes.data, i * K), at(b.ctypes.data, j), at(c.ctypes.data, i * N + j)
            micro_kernel(a_i, K, 1, b_j, N, K, c_ij, N, False)
    _dot_products(a, b, c, 0, m, n)  # what is left: columns beside the blocks, and rows below
    _dot_products(a, b, c, m, M, 0)


@njit(**FLAGS)
def _dot_products(a, b, c, first_row, last_row, first_column):
    for i in range(first_row, last_row):
        for j in range(first_column, b.shape[1]):
            total = _ZERO
            for p in range(a.shape[1]):
                total += a[i, p] * b[p, j]
            c[i, j] = total
