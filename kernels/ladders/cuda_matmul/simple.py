"""The first three rungs: one thread for each element of the product.

All take out = activation(a @ b + bias): a (m, k) and b (k, n) with any strides (in elements), out (m, n) contiguous,
bias (n,) where has_bias is not 0. Each block has one tile of the product: as many blocks as there are tiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda as library

from nanonet_kernels.cuda.kernel import Kernel
from nanonet_kernels.cuda.vector import floats
from nanonet_kernels.ladders.cuda_matmul.epilogue import ZERO, finish
from nanonet_kernels.ladders.cuda_matmul.tiles import ARGUMENTS, Tile

cuda: Any = library  # numba-cuda's, whose types differ from those of the numba.cuda it replaces
F4, INT, ONE = np.float32, np.int32, np.int32(1)


def naive(tile: Tile, name: str) -> Kernel:
    """Neighbouring threads take neighbouring rows.

    A warp's 32 reads of a lie a row apart, in 32 sectors of 32 bytes of which 4 are used, and its stores are as
    scattered. Per k a thread does 2 flops for 8 bytes: 0.25 flop per byte, if no cache helps.
    """
    bm, bn = tile.bm, tile.bn

    def kernel(a, b, out, bias, m, n, k, a_row, a_column, b_row, b_column, has_bias, activation):
        tiles_n = (n + bn - 1) // bn
        row = cuda.blockIdx.x // tiles_n * bm + cuda.threadIdx.x % bm
        column = cuda.blockIdx.x % tiles_n * bn + cuda.threadIdx.x // bm
        if row < m and column < n:
            i, j = row * a_row, column * b_column
            total = ZERO
            p = INT(0)
            while p < k:
                total += a[i] * b[j]
                i += a_column
                j += b_row
                p = INT(p + ONE)
            out[row * n + column] = finish(total, bias, has_bias, column, activation)

    return Kernel(kernel, ARGUMENTS, block=tile.threads, name=name)


def coalesced(tile: Tile, name: str) -> Kernel:
    """As naive, but neighbouring threads take neighbouring columns.

    A warp now reads one element of a (one sector for all) and 32 neighbours of b (four full sectors): the same flops,
    the same bytes asked for, an eighth of the sectors moved. Still 0.25 flop per byte.
    """
    bm, bn = tile.bm, tile.bn

    def kernel(a, b, out, bias, m, n, k, a_row, a_column, b_row, b_column, has_bias, activation):
        tiles_n = (n + bn - 1) // bn
        row = cuda.blockIdx.x // tiles_n * bm + cuda.threadIdx.x // bn
        column = cuda.blockIdx.x % tiles_n * bn + cuda.threadIdx.x % bn
        if row < m and column < n:
            i, j = row * a_row, column * b_column
            total = ZERO
            p = INT(0)
            while p < k:
                total += a[i] * b[j]
                i += a_column
                j += b_row
                p = INT(p + ONE)
            out[row * n + column] = finish(total, bias, has_bias, column, activation)

    return Kernel(kernel, ARGUMENTS, block=tile.threads, name=name)


def shared_memory(tile: Tile, name: str) -> Kernel:
    """The block walks along k with panels of a and b in shared memory, where all of its threads find them.

    Each element of a is read from global memory once for bn columns, each of b once for bm rows: with 32 x 32,
    2 · 32 · 32 flops for 4 (32 + 32) bytes per k, 8 flops per byte. Shared memory now gives 8 bytes for 2 flops.
    """
    bm, bn, bk, threads = tile.bm, tile.bn, tile.bk, tile.threads
    size_a, size_b = bm * bk, bk * bn
    each_a, each_b = tile.each(bm), tile.each(bn)
    depth = INT(bk)

    def kernel(a, b, out, bias, m, n, k, a_row, a_column, b_row, b_column, has_bias, activation):
        array_a = cuda.shared.array(size_a, F4)
        array_b = cuda.shared.array(size_b, F4)
        panel_a, panel_b = floats(array_a), floats(array_b)
        tiles_n = (n + bn - 1) // bn
        row0, column0 = INT(cuda.blockIdx.x // tiles_n * bm), INT(cuda.blockIdx.x % tiles_n * bn)
        t = cuda.threadIdx.x
        y, x = INT(t // bn), INT(t % bn)
        total = ZERO
        for p0 in range(0, k, bk):
            for s in range(each_a):
                i = INT(t + s * threads)
                row, p = INT(row0 + i // bk), INT(p0 + i % bk)
                panel_a[i] = a[row * a_row + p * a_column] if row < m and p < k else ZERO
            for s in range(each_b):
                i = INT(t + s * threads)
                p, column = INT(p0 + i // bn), INT(column0 + i % bn)
                panel_b[i] = b[p * b_row + column * b_column] if p < k and column < n else ZERO
            cuda.syncthreads()  # the panels are complete
            p = INT(0)
            while p < depth:
                total += panel_a[y * bk + p] * panel_b[p * bn + x]
                p = INT(p + ONE)
            cuda.syncthreads()  # nobody needs them any more
        if row0 + y < m and column0 + x < n:
            out[(row0 + y) * n + column0 + x] = finish(total, bias, has_bias, column0 + x, activation)

    return Kernel(kernel, ARGUMENTS, block=threads, name=name)
