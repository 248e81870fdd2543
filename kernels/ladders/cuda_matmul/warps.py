"""Rungs nine and ten: a compact tile for each warp, and k divided among blocks.

Arguments and what is asked of operands as in `vectorised`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda as library

from nanonet_kernels.cuda.kernel import Kernel
from nanonet_kernels.cuda.vector import device, floats
from nanonet_kernels.ladders.cuda_matmul.bounded import BoundedKernel
from nanonet_kernels.ladders.cuda_matmul.epilogue import NONE, ZERO, finish
from nanonet_kernels.ladders.cuda_matmul.pieces import loader, multiplier, storer
from nanonet_kernels.ladders.cuda_matmul.tiles import ARGUMENTS, Tile

cuda: Any = library  # numba-cuda's, whose types differ from those of the numba.cuda it replaces
F4, INT = np.float32, np.int32
SPLIT_ARGUMENTS = "f4* f4* f4* i4 i4 i4 i4 i8 i8 i8 i8"


class _Parts:
    """What warp_tile and split_k share: `product`, the walk along k with two buffers; and a thread's place."""

    def __init__(self, tile: Tile, layout: str) -> None:
        assert tile.wm is not None
        assert tile.wn is not None
        bm, bn, bk, threads = tile.bm, tile.bn, tile.bk, tile.threads
        pitch_a, pitch_b = bm + 4, bn + 4
        lanes_down, lanes_across = tile.wm // tile.tm, tile.wn // tile.tn
        row_step, column_step = 4 * lanes_down, 4 * lanes_across
        self.panel_a, self.panel_b = bk * pitch_a, bk * pitch_b
        self.each_a, self.each_b = bm * bk // threads, bn * bk // threads
        self.store = storer(tile, row_step, column_step)
        self.row, self.column = _places(tile, lanes_across)
        self.product = _product(tile, layout, pitch_a, pitch_b, row_step, column_step)


def _places(tile: Tile, lanes_across: int) -> tuple[Any, Any]:
    """`row(t)` and `column(t)`: where thread t's first element is in the block's tile."""
    warp, wm, wn, warps_across = tile.warp, tile.wm, tile.wn, tile.bn // (tile.wn or tile.bn)

    @device
    def row(t):
        return INT(t // warp // warps_across * wm + t % warp // lanes_across * 4)

    @device
    def column(t):
        return INT(t // warp % warps_across * wn + t % warp % lanes_across * 4)

    return row, column


def _product(tile: Tile, layout: str, pitch_a: int, pitch_b: int, row_step: int, column_step: int) -> Any:
    bm, bn, bk = tile.bm, tile.bn, tile.bk
    size, panel_a, panel_b = tile.tm * tile.tn, bk * pitch_a, bk * pitch_b
    fetch_a, deposit_a, near_k_a = loader(bm, tile, pitch_a, along_k=layout[0] == "n")
    fetch_b, deposit_b, near_k_b = loader(bn, tile, pitch_b, along_k=layout[1] == "t")
    multiply = multiplier(tile, pitch_a, pitch_b, row_step, column_step)

    @device
    def product(
        a,
        b,
        m,
        n,
        begin,
        end,
        a_row,
        a_column,
        b_row,
        b_column,
        row0,
        column0,
        t,
        row,
        column,
        panels_a,
        panels_b,
        of_a,
        of_b,
        new_a,
        new_b,
        sums,
    ):
        """sums = the thread's part of a[:, begin:end] @ b[begin:end, :], as in double_buffered."""
        for i in range(size):
            sums[i] = ZERO
        stride_a = a_row if near_k_a else a_column
        stride_b = b_column if near_k_b else b_row
        now = INT(0)
        p = INT(begin - bk)
        while p < end:
            fetch_a(a, stride_a, row0, m, p + bk, end, t, new_a)  # behind the end: zeros
            fetch_b(b, stride_b, column0, n, p + bk, end, t, new_b)
            if p >= begin:
                multiply(panels_a, panels_b, now * panel_a + row, now * panel_b + column, of_a, of_b, sums)
                now = INT(1 - now)
            deposit_a(new_a, t, panels_a, now * panel_a)
            deposit_b(new_b, t, panels_b, now * panel_b)
            cuda.syncthreads()  # panel `now` is complete, and nobody reads the other one any more
            p = INT(p + bk)

    return product


def warp_tile(tile: Tile, name: str, layout: str = "nn") -> Kernel:
    """As double_buffered, with the threads of a warp on a compact piece of the tile, wm x wn.

    Before, a warp's 32 lanes lay 2 x 16: per k they read 16 rows and 128 columns. As 4 x 8 lanes they read 32 rows and
    64 columns: 96 floats of shared memory instead of 144 for the same 2048 multiply-adds, each of them broadcast to
    the lanes that share it. (CUTLASS, "Efficient GEMM in CUDA", warp-level GEMM.)
    """
    bm, bn, tm, tn = tile.bm, tile.bn, tile.tm, tile.tn
    parts = _Parts(tile, layout)
    product, store, row_of, column_of = parts.product, parts.store, parts.row, parts.column
    both_a, both_b, size = 2 * parts.panel_a, 2 * parts.panel_b, tm * tn
    each_a, each_b = parts.each_a, parts.each_b

    def kernel(a, b, out, bias, m, n, k, a_row, a_column, b_row, b_column, has_bias, activation):
        array_a = cuda.shared.array(both_a, F4)
        array_b = cuda.shared.array(both_b, F4)
        of_a = cuda.local.array(tm, F4)
        of_b = cuda.local.array(tn, F4)
        new_a = cuda.local.array(each_a, F4)
        new_b = cuda.local.array(each_b, F4)
        sums = cuda.local.array(size, F4)
        tiles_n = (n + bn - 1) // bn
        row0, column0 = INT(cuda.blockIdx.x // tiles_n * bm), INT(cuda.blockIdx.x % tiles_n * bn)
        t = cuda.threadIdx.x
        row, column = row_of(t), column_of(t)
        product(a, b, m, n, 0, k, a_row, a_column, b_row, b_column, row0, column0, t, row, column,
                floats(array_a), floats(array_b), of_a, of_b, new_a, new_b, sums)  # fmt: skip
        store(sums, row0 + row, column0 + column, out, m, n, bias, has_bias, activation, of_b)

    return BoundedKernel(kernel, ARGUMENTS, block=tile.threads, per_sm=tile.per_sm, name=name)


def split_k(tile: Tile, name: str, layout: str = "nn") -> Kernel:
    """As warp_tile, with k divided among blocks: a product with few tiles but a long k then keeps the whole GPU busy.

    `depth` of k, a multiple of bk, is a slice's. Slice s of a tile writes its sums to workspace[s] of (slices, m, n),
    and `sum_slices` adds them in their order: the same bits each time, which atomic additions would not give.
    The workspace costs 8 · slices · m · n bytes of traffic on top of the product's own.
    """
    bm, bn, tm, tn = tile.bm, tile.bn, tile.tm, tile.tn
    parts = _Parts(tile, layout)
    product, store, row_of, column_of = parts.product, parts.store, parts.row, parts.column
    both_a, both_b, size = 2 * parts.panel_a, 2 * parts.panel_b, tm * tn
    each_a, each_b = parts.each_a, parts.each_b

    def kernel(a, b, workspace, m, n, k, depth, a_row, a_column, b_row, b_column):
        array_a = cuda.shared.array(both_a, F4)
        array_b = cuda.shared.array(both_b, F4)
        of_a = cuda.local.array(tm, F4)
        of_b = cuda.local.array(tn, F4)
        new_a = cuda.local.array(each_a, F4)
        new_b = cuda.local.array(each_b, F4)
        sums = cuda.local.array(size, F4)
        tiles_n = (n + bn - 1) // bn
        row0, column0 = INT(cuda.blockIdx.x // tiles_n * bm), INT(cuda.blockIdx.x % tiles_n * bn)
        s = cuda.blockIdx.y
        begin, end = INT(s * depth), INT(min(k, (s + 1) * depth))
        t = cuda.threadIdx.x
        row, column = row_of(t), column_of(t)
        product(a, b, m, n, begin, end, a_row, a_column, b_row, b_column, row0, column0, t, row, column,
                floats(array_a), floats(array_b), of_a, of_b, new_a, new_b, sums)  # fmt: skip
        store(sums, s * m + row0 + row, column0 + column, workspace, (s + 1) * m, n, workspace, 0, NONE, of_b)

    return BoundedKernel(kernel, SPLIT_ARGUMENTS, block=tile.threads, per_sm=tile.per_sm, name=name)


def _sum_slices(workspace, out, bias, size, n, slices, has_bias, activation):
    """out = activation(workspace.sum(axis=0) + bias), the slices in their order. 1 flop for 4 bytes."""
    i, step = cuda.grid(1), cuda.gridsize(1)
    while i < size:
        total = ZERO
        for s in range(slices):
            total += workspace[s * size + i]
        out[i] = finish(total, bias, has_bias, i % n, activation)
        i += step


sum_slices = Kernel(_sum_slices, "f4* f4* f4* i8 i4 i4 i4 i4", name="ladders.cuda_matmul.numba.sum_slices")
