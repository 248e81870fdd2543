"""The pieces from which the rungs with vectorised loads are built: fetch, deposit, multiply, store.

Every factory bakes its sizes into the code as constants: loops over them are unrolled, local arrays become registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_kernels.cuda.vector import ZERO4, device, keep_rolled, load4, store4
from nanonet_kernels.ladders.cuda_matmul.epilogue import GELU, RELU, ZERO, gelu, relu
from nanonet_kernels.ladders.cuda_matmul.tiles import Tile

INT, ZERO_INT, ONE = np.int32, np.int32(0), np.int32(1)


def loader(width: int, tile: Tile, pitch: int, along_k: bool) -> tuple[Any, Any, bool]:
    """`fetch` and `deposit` for one operand: its panel of bk rows (along k) and `width` columns (along m or n).

    fetch    global memory → registers, 16 bytes at a time; outside the matrix zeros, which add nothing to a sum
    deposit  registers → shared memory, as panel[p * pitch + w]
    along_k  the operand is contiguous along k (a row-major, b column-major): its vectors are turned when put down
    """
    threads = tile.threads
    each = tile.each(width) // 4  # vectors that each thread moves
    across = tile.bk // 4 if along_k else width // 4  # vectors side by side in memory
    if tile.each(width) % 4:
        raise ValueError(f"tile {tile.name}: a panel of {tile.bk} x {width} gives {threads} threads no whole vectors")

    if along_k:

        @device
        def fetch(x, stride, w0, w_end, p0, p_end, t, registers):
            for s in range(each):
                w = w0 + (t + s * threads) // across
                p = p0 + (t + s * threads) % across * 4
                v = ZERO4
                if w < w_end and p < p_end:
                    v = load4(x, w * stride + p)
                for j in range(4):
                    registers[4 * s + j] = v[j]

        @device
        def deposit(registers, t, panel, start):
            for s in range(each):
                w = (t + s * threads) // across
                p = (t + s * threads) % across * 4
                for j in range(4):
                    panel[start + (p + j) * pitch + w] = registers[4 * s + j]

    else:

        @device
        def fetch(x, stride, w0, w_end, p0, p_end, t, registers):
            for s in range(each):
                p = p0 + (t + s * threads) // across
                w = w0 + (t + s * threads) % across * 4
                v = ZERO4
                if w < w_end and p < p_end:
                    v = load4(x, p * stride + w)
                for j in range(4):
                    registers[4 * s + j] = v[j]

        @device
        def deposit(registers, t, panel, start):
            for s in range(each):
                p = (t + s * threads) // across
                w = (t + s * threads) % across * 4
                r = 4 * s
                store4(
                    panel, start + p * pitch + w, (registers[r], registers[r + 1], registers[r + 2], registers[r + 3])
                )

    return fetch, deposit, along_k


def multiplier(tile: Tile, pitch_a: int, pitch_b: int, row_step: int, column_step: int) -> Any:
    """`multiply`: acc (tm, tn) += panel_a[:, rows].T @ panel_b[:, columns], for the rows and columns of one thread.

    They come in groups of four: rows row .. row + 3, then the same row_step further on, and so the columns.
    """
    depth, tm, tn = INT(tile.bk), tile.tm, tile.tn

    @device
    def multiply(panel_a, panel_b, row, column, of_a, of_b, sums):
        p = ZERO_INT
        while p < depth:
            keep_rolled()
            for i in range(0, tm, 4):
                v = load4(panel_a, p * pitch_a + row + i // 4 * row_step)
                for j in range(4):
                    of_a[i + j] = v[j]
            for i in range(0, tn, 4):
                v = load4(panel_b, p * pitch_b + column + i // 4 * column_step)
                for j in range(4):
                    of_b[i + j] = v[j]
            for i in range(tm):
                for j in range(tn):
                    sums[i * tn + j] += of_a[i] * of_b[j]
            p = INT(p + ONE)

    return multiply


def storer(tile: Tile, row_step: int, column_step: int) -> Any:
    """`store`: out[rows, columns] = activation(sums + bias), 16 bytes at a time where the rows of out are aligned.

    One short loop for each thing to do: a long one would not be unrolled, and `sums` would have to live in memory.
    `of_bias` is room for tn numbers.
    """
    tm, tn, size = tile.tm, tile.tn, tile.tm * tile.tn
    two_groups = tn == 8
    if tn not in (4, 8):
        raise ValueError(f"tile {tile.name}: a thread's columns must be 4 or 8, got {tn}")

    @device
    def store_group(sums, j, row, c, out, m, n):
        aligned = n % 4 == 0
        for i in range(tm):
            r = row + i // 4 * row_step + i % 4
            s, at = i * tn + j, r * n + c
            if r < m and c < n:
                if aligned:
                    store4(out, at, (sums[s], sums[s + 1], sums[s + 2], sums[s + 3]))
                else:
                    out[at] = sums[s]
                    if c + 1 < n:
                        out[at + 1] = sums[s + 1]
                    if c + 2 < n:
                        out[at + 2] = sums[s + 2]
                    if c + 3 < n:
                        out[at + 3] = sums[s + 3]

    @device
    def store(sums, row, column, out, m, n, bias, has_bias, activation, of_bias):
        if has_bias:
            for j in range(tn):
                c = column + j // 4 * column_step + j % 4
                of_bias[j] = bias[c] if c < n else ZERO
            for i in range(size):
                sums[i] += of_bias[i % tn]
        if activation == RELU:
            for i in range(size):
                sums[i] = relu(sums[i])
        if activation == GELU:
            for i in range(size):
                sums[i] = gelu(sums[i])
        store_group(sums, 0, row, column, out, m, n)
        if two_groups:
            store_group(sums, 4, row, column + column_step, out, m, n)

    return store
