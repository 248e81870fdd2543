"""Rungs six to eight: 16 bytes by each access, no bank conflicts, two buffers.

Arguments as in `simple`, with more asked of a and b: each is contiguous along k or along its other side, the length of
that side and the other stride are multiples of 4, addresses multiples of 16 bytes. `layout` says which: "n" is
row-major (a along k, b along n), "t" column-major, first a's letter, then b's. Other operands go to tile_2d.
The arithmetic intensity of all three is that of tile_2d: what they save is instructions and waiting.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda as library

from nanonet_kernels.cuda.kernel import Kernel
from nanonet_kernels.cuda.vector import floats
from nanonet_kernels.ladders.cuda_matmul.bounded import BoundedKernel
from nanonet_kernels.ladders.cuda_matmul.epilogue import ZERO
from nanonet_kernels.ladders.cuda_matmul.pieces import loader, multiplier, storer
from nanonet_kernels.ladders.cuda_matmul.tiles import ARGUMENTS, Tile

cuda: Any = library  # numba-cuda's, whose types differ from those of the numba.cuda it replaces
F4, INT = np.float32, np.int32


def vectorised(tile: Tile, name: str, layout: str = "nn", *, conflict_free: bool = False) -> Kernel:
    """As tile_2d, with 128-bit loads and stores: a quarter of the instructions for the same bytes.

    A thread's 8 rows and 8 columns are neighbours, so lanes read b's panel 32 bytes apart: lane 4 meets lane 0 in the
    same bank of shared memory and the two take turns.

    With `conflict_free` they do not meet. Shared memory has 32 banks of 4 bytes, and 8 lanes read 16 bytes each at once
    if those fall on different banks. A thread takes its columns, and its rows, in groups of four that lie 64 apart:
    lanes read side by side, all 32 banks once. And panels are 4 floats wider than their contents, so that the turned
    vectors of a are put down on different banks.
    """
    bm, bn, bk, tm, tn, threads = tile.bm, tile.bn, tile.bk, tile.tm, tile.tn, tile.threads
    padding = 4 if conflict_free else 0
    pitch_a, pitch_b = bm + padding, bn + padding
    across, down = bn // tn, bm // tm
    row_step, column_step = (4 * down, 4 * across) if conflict_free else (4, 4)
    thread_rows, thread_columns = (4, 4) if conflict_free else (tm, tn)
    fetch_a, deposit_a, near_k_a = loader(bm, tile, pitch_a, along_k=layout[0] == "n")
    fetch_b, deposit_b, near_k_b = loader(bn, tile, pitch_b, along_k=layout[1] == "t")
    multiply = multiplier(tile, pitch_a, pitch_b, row_step, column_step)
    store = storer(tile, row_step, column_step)
    size_a, size_b, size = bk * pitch_a, bk * pitch_b, tm * tn
    each_a, each_b = tile.each(bm), tile.each(bn)

    def kernel(a, b, out, bias, m, n, k, a_row, a_column, b_row, b_column, has_bias, activation):
        array_a = cuda.shared.array(size_a, F4)
        array_b = cuda.shared.array(size_b, F4)
        panel_a, panel_b = floats(array_a), floats(array_b)
        of_a = cuda.local.array(tm, F4)
        of_b = cuda.local.array(tn, F4)
        new_a = cuda.local.array(each_a, F4)
        new_b = cuda.local.array(each_b, F4)
        sums = cuda.local.array(size, F4)
        for i in range(size):
            sums[i] = ZERO
        tiles_n = (n + bn - 1) // bn
        row0, column0 = INT(cuda.blockIdx.x // tiles_n * bm), INT(cuda.blockIdx.x % tiles_n * bn)
        t = cuda.threadIdx.x
        row, column = INT(t // across * thread_rows), INT(t % across * thread_columns)
        stride_a = a_row if near_k_a else a_column
        stride_b = b_column if near_k_b else b_row
        p = INT(0)
        while p < k:
            fetch_a(a, stride_a, row0, m, p, k, t, new_a)
            fetch_b(b, stride_b, column0, n, p, k, t, new_b)
            deposit_a(new_a, t, panel_a, 0)
            deposit_b(new_b, t, panel_b, 0)
            cuda.syncthreads()  # the panels are complete
            multiply(panel_a, panel_b, row, column, of_a, of_b, sums)
            cuda.syncthreads()  # nobody needs them any more
            p = INT(p + bk)
        store(sums, row0 + row, column0 + column, out, m, n, bias, has_bias, activation, of_b)

    return BoundedKernel(kernel, ARGUMENTS, block=threads, per_sm=tile.per_sm, name=name)


def conflict_free(tile: Tile, name: str, layout: str = "nn") -> Kernel:
    """As vectorised, with the threads' elements and the panels' rows laid out so that no two lanes meet in one bank."""
    return vectorised(tile, name, layout, conflict_free=True)


def double_buffered(tile: Tile, name: str, layout: str = "nn") -> Kernel:
    """As conflict_free, with two panels of each operand: while the block multiplies from one, the next is on its way.

    The loads from global memory are started before the multiply-adds and put down after them: hundreds of cycles pass
    behind work. One barrier a step is enough, for nobody writes the panel that is being read. Twice the shared memory.
    """
    bm, bn, bk, tm, tn, threads = tile.bm, tile.bn, tile.bk, tile.tm, tile.tn, tile.threads
    pitch_a, pitch_b = bm + 4, bn + 4
    across, down = bn // tn, bm // tm
    fetch_a, deposit_a, near_k_a = loader(bm, tile, pitch_a, along_k=layout[0] == "n")
    fetch_b, deposit_b, near_k_b = loader(bn, tile, pitch_b, along_k=layout[1] == "t")
    multiply = multiplier(tile, pitch_a, pitch_b, 4 * down, 4 * across)
    store = storer(tile, 4 * down, 4 * across)
    panel_a, panel_b, size = bk * pitch_a, bk * pitch_b, tm * tn
    both_a, both_b = 2 * panel_a, 2 * panel_b
    each_a, each_b = tile.each(bm), tile.each(bn)

    def kernel(a, b, out, bias, m, n, k, a_row, a_column, b_row, b_column, has_bias, activation):
        array_a = cuda.shared.array(both_a, F4)
        array_b = cuda.shared.array(both_b, F4)
        panels_a, panels_b = floats(array_a), floats(array_b)
        of_a = cuda.local.array(tm, F4)
        of_b = cuda.local.array(tn, F4)
        new_a = cuda.local.array(each_a, F4)
        new_b = cuda.local.array(each_b, F4)
        sums = cuda.local.array(size, F4)
        for i in range(size):
            sums[i] = ZERO
        tiles_n = (n + bn - 1) // bn
        row0, column0 = INT(cuda.blockIdx.x // tiles_n * bm), INT(cuda.blockIdx.x % tiles_n * bn)
        t = cuda.threadIdx.x
        row, column = INT(t // across * 4), INT(t % across * 4)
        stride_a = a_row if near_k_a else a_column
        stride_b = b_column if near_k_b else b_row
        now = INT(0)
        p = INT(-bk)
        while p < k:
            fetch_a(a, stride_a, row0, m, p + bk, k, t, new_a)  # behind the end: zeros
            fetch_b(b, stride_b, column0, n, p + bk, k, t, new_b)
            if p >= 0:
                multiply(panels_a, panels_b, now * panel_a + row, now * panel_b + column, of_a, of_b, sums)
                now = INT(1 - now)
            deposit_a(new_a, t, panels_a, now * panel_a)
            deposit_b(new_b, t, panels_b, now * panel_b)
            cuda.syncthreads()  # panel `now` is complete, and nobody reads the other one any more
            p = INT(p + bk)
        store(sums, row0 + row, column0 + column, out, m, n, bias, has_bias, activation, of_b)

    return BoundedKernel(kernel, ARGUMENTS, block=threads, per_sm=tile.per_sm, name=name)
