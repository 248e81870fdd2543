"""Packed panels: five loops around a micro-kernel that reads memory from front to back and nothing else.

(Goto and van de Geijn: Anatomy of high-performance matrix multiplication, ACM TOMS 34, 2008; Van Zee and van de Geijn:
BLIS, ACM TOMS 41, 2015.)
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numba import njit

from nanonet_kernels.cpu.vector import SHAPE, at, copy_row, micro_kernel
from nanonet_kernels.ladders.cpu_matmul.blocks import Blocks, even, from_caches, round_up
from nanonet_kernels.ladders.cpu_matmul.operands import FLAGS, checked

Array = Any
MR, NR = SHAPE.rows, SHAPE.columns
STRIP = 8  # consecutive rows of b that are packed together: more would lie on more pages than are kept track of
_ZERO = np.float32(0)
_FLOAT, LINE = 4, 64  # bytes of a number, and of a cache line


def packed(a: Array, b: Array, out: Array | None = None) -> Array:
    """out = a @ b on copies of blocks of a and b, laid out in the order in which the micro-kernel reads them.

    Faster, since the micro-kernel of `register_block` then reads consecutive memory: no cache line is fetched for a
    part of it, no page is left after one row, the hardware fetches ahead. Blocks are chosen so that each stays where it
    is used again (`from_caches`): a panel of b (kc, NR) in the first-level cache, a block of a (mc, kc) in the second,
    a block of b (kc, nc) in the third. The copies cost O(MK · N/nc + KN) beside O(MNK). Any strides: only copying
    sees them.

    Intensity: 2 MR NR / 4 (MR + NR) = 2.2 from the first-level cache for 6 × 16, as before; from the second, where
    only a's panels come from, 2 MR NR / 4 MR = NR/2 = 8; from the third, b's panels once for mc rows, mc/2.
    """
    out = checked(a, b, out)
    multiply(a, b, out, from_caches())
    return out


def multiply(a: Array, b: Array, c: Array, blocks: Blocks) -> None:
    """c = a @ b in the calling thread, for operands of any strides that `checked` has seen."""
    (M, K), N = a.shape, b.shape[1]
    if not c.size:
        return
    if not K:
        c.fill(0)
        return
    a, b = _in_floats(a), _in_floats(b)
    if (N > 1 and c.strides[1] != _FLOAT) or _in_floats(c) is not c:  # the micro-kernel writes along a row
        if (M == 1 or c.strides[0] == _FLOAT) and _in_floats(c) is c:
            multiply(b.T, a.T, c.T, blocks)  # cᵀ = bᵀ aᵀ
        else:
            c[...] = packed(a, b)
        return
    mc, kc, nc = even(M, blocks.mc, MR), even(K, blocks.kc, 1), even(N, blocks.nc, NR)
    addresses: Any = a.ctypes.data, b.ctypes.data, c.ctypes.data, *_scratch.addresses(mc * kc, kc * nc, MR * NR)
    compiled: Any = _five_loops  # as Any: a checker does not count what the strides unpack to
    compiled(*addresses, M, N, K, *a.strides, *b.strides, c.strides[0], mc, kc, nc)


@njit(**FLAGS)
def _five_loops(a, b, c, panels_a, panels_b, edge, M, N, K, a_row, a_col, b_row, b_col, c_row, mc, kc, nc):
    """Addresses, sizes, strides in bytes; the two innermost loops are those of `_multiply_panels`."""
    for j0 in range(0, N, nc):
        n = min(nc, N - j0)
        for p0 in range(0, K, kc):
            k = min(kc, K - p0)
            _pack_b(b + p0 * b_row + j0 * b_col, b_row // _FLOAT, b_col // _FLOAT, k, n, panels_b)
            for i0 in range(0, M, mc):
                m = min(mc, M - i0)
                _pack_a(a + i0 * a_row + p0 * a_col, a_row // _FLOAT, a_col // _FLOAT, m, k, panels_a)
                c_block = c + i0 * c_row + j0 * _FLOAT
                _multiply_panels(panels_a, panels_b, c_block, c_row // _FLOAT, m, n, k, edge, p0 > 0)


@njit(**FLAGS)
def _multiply_panels(panels_a, panels_b, c, c_row, m, n, k, edge, add):
    """c (m, n) = or += the packed block of a (m, k) @ the packed block of b (k, n).

    A micro-kernel always computes a whole block of c. Where c ends within it, the block goes to `edge` first.
    """
    for j in range(0, n, NR):
        b_j = at(panels_b, j * k)
        for i in range(0, m, MR):
            a_i = at(panels_a, i * k)
            if m - i >= MR and n - j >= NR:
                micro_kernel(a_i, 1, MR, b_j, NR, k, at(c, i * c_row + j), c_row, add)
                continue
            block = at(edge, 0)
            micro_kernel(a_i, 1, MR, b_j, NR, k, block, NR, False)
            for r in range(min(MR, m - i)):
                c_r = at(c, (i + r) * c_row + j)
                for s in range(min(NR, n - j)):
                    c_r[s] = block[r * NR + s] + (c_r[s] if add else _ZERO)


@njit(**FLAGS)
def _pack_a(a, row, col, m, k, panels):
    """Panels of MR rows, each column by column: panel[p, r] = a[i + r, p]; zeros below the last row."""
    whole = m - m % MR
    strip = STRIP if row == 1 else k  # where columns are consecutive, a few of them for all panels at a time
    for p0 in range(0, k, strip):
        p1 = min(p0 + strip, k)
        for i in range(0, whole, MR):
            source, panel = at(a, i * row), at(panels, i * k)
            for p in range(p0, p1):
                for r in range(MR):
                    panel[p * MR + r] = source[r * row + p * col]
    if whole < m:
        source, panel = at(a, whole * row), at(panels, whole * k)
        for p in range(k):
            for r in range(MR):
                panel[p * MR + r] = source[r * row + p * col] if r < m - whole else _ZERO


@njit(**FLAGS)
def _pack_b(b, row, col, k, n, panels):
    """Panels of NR columns, each row by row: panel[p, s] = b[p, j + s]; zeros right of the last column."""
    whole = n - n % NR
    strip = STRIP if col == 1 else k
    for p0 in range(0, k, strip):
        p1 = min(p0 + strip, k)
        for j in range(0, whole, NR):
            source, panel = at(b, j * col), at(panels, j * k)
            if col == 1:
                for p in range(p0, p1):
                    copy_row(at(b, p * row + j), at(panels, j * k + p * NR))
            else:
                for p in range(p0, p1):
                    for s in range(NR):
                        panel[p * NR + s] = source[p * row + s * col]
    if whole < n:
        source, panel = at(b, whole * col), at(panels, whole * k)
        for p in range(k):
            for s in range(NR):
                panel[p * NR + s] = source[p * row + s * col] if s < n - whole else _ZERO


def _in_floats(x: Array) -> Array:
    """x, or a copy where its numbers do not lie a whole number of floats apart (a field of records)."""
    row, column = x.strides
    return x if x.flags.aligned and not row % _FLOAT and not column % _FLOAT else x.copy()


class _Scratch(threading.local):
    """Memory for panels: each thread has its own, and keeps it from one product to the next."""

    def __init__(self) -> None:
        self.memory = np.empty(0, np.float32)
        self.start = 0

    def addresses(self, *sizes: int) -> tuple[int, ...]:
        """Addresses of arrays of so many floats, each at the start of a cache line."""
        bytes_ = [round_up(_FLOAT * size, LINE) for size in sizes]
        needed = sum(bytes_) + LINE
        if self.memory.nbytes < needed:
            self.memory = np.empty(needed // _FLOAT, np.float32)
            self.start = round_up(self.memory.ctypes.data, LINE)
        return tuple(self.start + sum(bytes_[:i]) for i in range(len(bytes_)))


_scratch = _Scratch()
