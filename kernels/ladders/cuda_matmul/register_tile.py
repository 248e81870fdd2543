"""Rungs four and five: each thread computes several elements, and what it reads from shared memory serves all of them.

Arguments as in `simple`. The sums live in registers: a local array whose indices are all constants once the loops over
it are unrolled. Panels lie in shared memory as panel[p * width + row or column].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda as library

from nanonet_kernels.cuda.kernel import Kernel
from nanonet_kernels.cuda.vector import floats
from nanonet_kernels.ladders.cuda_matmul.bounded import BoundedKernel
from nanonet_kernels.ladders.cuda_matmul.epilogue import ZERO, finish
from nanonet_kernels.ladders.cuda_matmul.pieces import storer
from nanonet_kernels.ladders.cuda_matmul.tiles import ARGUMENTS, Tile

cuda: Any = library  # numba-cuda's, whose types differ from those of the numba.cuda it replaces
F4, INT, ONE = np.float32, np.int32, np.int32(1)


def tile_1d(tile: Tile, name: str) -> Kernel:
    """A thread computes `tm` elements of one column: one element of b, in a register, serves tm multiply-adds.

    With 64 x 64 tiles 16 flops per byte of global memory; with tm = 8, 16 flops for 9 reads (36 bytes) of shared memory
    where the rung before needed 16 reads.
    """
    bm, bn, bk, tm, threads = tile.bm, tile.bn, tile.bk, tile.tm, tile.threads
    size_a, size_b = bm * bk, bk * bn
    each_a, each_b = tile.each(bm), tile.each(bn)
    depth = INT(bk)

    def kernel(a, b, out, bias, m, n, k, a_row, a_column, b_row, b_column, has_bias, activation):
        array_a = cuda.shared.array(size_a, F4)
        array_b = cuda.shared.array(size_b, F4)
        panel_a, panel_b = floats(array_a), floats(array_b)
        sums = cuda.local.array(tm, F4)
        for i in range(tm):
            sums[i] = ZERO
        tiles_n = (n + bn - 1) // bn
        row0, column0 = INT(cuda.blockIdx.x // tiles_n * bm), INT(cuda.blockIdx.x % tiles_n * bn)
        t = cuda.threadIdx.x
        y, x = INT(t // bn * tm), INT(t % bn)
        for p0 in range(0, k, bk):
            for s in range(each_a):  # neighbours read along k, as a row-major a lies
                i = INT(t + s * threads)
                row, p = INT(row0 + i // bk), INT(p0 + i % bk)
                panel_a[i % bk * bm + i // bk] = a[row * a_row + p * a_column] if row < m and p < k else ZERO
            for s in range(each_b):
                i = INT(t + s * threads)
                p, column = INT(p0 + i // bn), INT(column0 + i % bn)
                panel_b[i] = b[p * b_row + column * b_column] if p < k and column < n else ZERO
            cuda.syncthreads()
            p = INT(0)
            while p < depth:
                of_b = panel_b[p * bn + x]
                for i in range(tm):
                    sums[i] += panel_a[p * bm + y + i] * of_b
                p = INT(p + ONE)
            cuda.syncthreads()
        column = column0 + x
        for i in range(tm):
            if row0 + y + i < m and column < n:
                out[(row0 + y + i) * n + column] = finish(sums[i], bias, has_bias, column, activation)

    return Kernel(kernel, ARGUMENTS, block=threads, name=name)


def tile_2d(tile: Tile, name: str) -> Kernel:
    """A thread computes tm x tn elements: tm + tn reads from shared memory serve tm · tn multiply-adds.

    With 8 x 8: 128 flops for 16 reads, 2 flops per byte of shared memory, four times the rung before last; with
    128 x 128 tiles 32 flops per byte of global memory.
    """
    bm, bn, bk, tm, tn, threads = tile.bm, tile.bn, tile.bk, tile.tm, tile.tn, tile.threads
    size_a, size_b, size = bm * bk, bk * bn, tm * tn
    each_a, each_b = tile.each(bm), tile.each(bn)
    across, depth = bn // tn, INT(bk)
    store = storer(tile, 4, 4)

    def kernel(a, b, out, bias, m, n, k, a_row, a_column, b_row, b_column, has_bias, activation):
        array_a = cuda.shared.array(size_a, F4)
        array_b = cuda.shared.array(size_b, F4)
        panel_a, panel_b = floats(array_a), floats(array_b)
        of_a = cuda.local.array(tm, F4)
        of_b = cuda.local.array(tn, F4)
        sums = cuda.local.array(size, F4)
        for i in range(size):
            sums[i] = ZERO
        tiles_n = (n + bn - 1) // bn
        row0, column0 = INT(cuda.blockIdx.x // tiles_n * bm), INT(cuda.blockIdx.x % tiles_n * bn)
        t = cuda.threadIdx.x
        y, x = INT(t // across * tm), INT(t % across * tn)
        for p0 in range(0, k, bk):
            for s in range(each_a):
                i = INT(t + s * threads)
                row, p = INT(row0 + i // bk), INT(p0 + i % bk)
                panel_a[i % bk * bm + i // bk] = a[row * a_row + p * a_column] if row < m and p < k else ZERO
            for s in range(each_b):
                i = INT(t + s * threads)
                p, column = INT(p0 + i // bn), INT(column0 + i % bn)
                panel_b[i] = b[p * b_row + column * b_column] if p < k and column < n else ZERO
            cuda.syncthreads()
            p = INT(0)
            while p < depth:
                for i in range(tm):
                    of_a[i] = panel_a[p * bm + y + i]
                for j in range(tn):
                    of_b[j] = panel_b[p * bn + x + j]
                for i in range(tm):
                    for j in range(tn):
                        sums[i * tn + j] += of_a[i] * of_b[j]
                p = INT(p + ONE)
            cuda.syncthreads()
        store(sums, row0 + y, column0 + x, out, m, n, bias, has_bias, activation, of_b)

    return BoundedKernel(kernel, ARGUMENTS, block=threads, per_sm=tile.per_sm, name=name)
