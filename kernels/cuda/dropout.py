"""Dropout with a counter-based generator: the mask is a function of (seed, offset, i) and is never stored.

Philox4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011) turns a counter of four 32-bit
words and a key of two into four random words. Element i takes word i % 4 of counter (i // 4 low, high, offset low,
high) under key (seed low, high); uniform = (word >> 8) · 2⁻²⁴, and the element is kept where uniform >= p. So every
backend draws the same mask, in any order and with any launch, and the backward pass draws it again and reads none.

A thread draws four words and uses them for four neighbouring elements, so ten rounds (about 80 integer instructions)
are shared by four; the four accesses of a warp lie in the same lines, which the first one brings into the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_kernels.cuda.device import cuda, formula, precisions
from nanonet_kernels.cuda.kernel import Kernel
from nanonet_kernels.cuda.launch import plan

Array = Any
_U32, _U64 = np.uint32, np.uint64
_M0, _M1 = _U64(0xD2511F53), _U64(0xCD9E8D57)  # multipliers
_W0, _W1 = _U64(0x9E3779B9), _U64(0xBB67AE85)  # what the key grows by: golden ratio and √3 - 1
_LOW, _32 = _U64(0xFFFFFFFF), _U64(32)
_8, _TO_UNIT = _U32(8), np.float32(2.0**-24)


@formula
def philox(c0, c1, c2, c3, k0, k1):
    """Four random words from a counter and a key, all np.uint32. Products and sums in 64 bits, where none overflows."""
    for _ in range(10):
        p0, p1 = _M0 * _U64(c0), _M1 * _U64(c2)
        c0, c1, c2, c3 = (
            _U32(_U32(p1 >> _32) ^ c1 ^ k0),  # Numba makes 64 bits of two 32-bit words that are combined
            _U32(p1 & _LOW),
            _U32(_U32(p0 >> _32) ^ c3 ^ k1),
            _U32(p0 & _LOW),
        )
        k0, k1 = _U32((_U64(k0) + _W0) & _LOW), _U32((_U64(k1) + _W1) & _LOW)
    return c0, c1, c2, c3


@formula
def words_at(block, seed, offset):
    """The four words of elements 4 · block … 4 · block + 3."""
    block = _U64(block)
    return philox(
        _U32(block & _LOW), _U32(block >> _32), _U32(offset & _LOW), _U32(offset >> _32),
        _U32(seed & _LOW), _U32(seed >> _32),
    )  # fmt: skip


@formula
def uniform(word):
    """In [0, 1), a multiple of 2⁻²⁴, which float32 holds exactly."""
    return np.float32(_U32(word >> _8)) * _TO_UNIT


@formula
def factor(word, p, scale, zero):
    """What an element is multiplied by."""
    return scale if uniform(word) >= p else zero


def _uniforms(u, n, seed, offset):
    """u = the uniform numbers that dropout compares with p."""
    block, step = cuda.grid(1), cuda.gridsize(1)
    while 4 * block < n:
        words = words_at(block, seed, offset)
        for lane in range(4):
            i = 4 * block + lane
            if i < n:
                u[i] = uniform(words[lane])
        block += step


def _dropout(T):
    zero = T(0)

    def dropout(x, y, n, p, scale, seed, offset):
        block, step = cuda.grid(1), cuda.gridsize(1)
        while 4 * block < n:
            words, i = words_at(block, seed, offset), 4 * block
            if i + 3 < n:
                x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
                y[i] = x0 * factor(words[0], p, scale, zero)
                y[i + 1] = x1 * factor(words[1], p, scale, zero)
                y[i + 2] = x2 * factor(words[2], p, scale, zero)
                y[i + 3] = x3 * factor(words[3], p, scale, zero)
            else:
                for lane in range(3):
                    if i + lane < n:
                        y[i + lane] = x[i + lane] * factor(words[lane], p, scale, zero)
            block += step

    return dropout


def _dropout_captured(T):
    zero = T(0)

    def dropout_captured(x, y, state, n, p, scale, ahead):
        block, step = cuda.grid(1), cuda.gridsize(1)
        seed, offset = state[0], state[1] + ahead
        while 4 * block < n:
            words, i = words_at(block, seed, offset), 4 * block
            if i + 3 < n:
                x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
                y[i] = x0 * factor(words[0], p, scale, zero)
                y[i + 1] = x1 * factor(words[1], p, scale, zero)
                y[i + 2] = x2 * factor(words[2], p, scale, zero)
                y[i + 3] = x3 * factor(words[3], p, scale, zero)
            else:
                for lane in range(3):
                    if i + lane < n:
                        y[i + lane] = x[i + lane] * factor(words[lane], p, scale, zero)
            block += step

    return dropout_captured


def _mask(T):
    zero = T(0)

    def mask(m, n, p, scale, seed, offset):
        block, step = cuda.grid(1), cuda.gridsize(1)
        while 4 * block < n:
            words = words_at(block, seed, offset)
            for lane in range(4):
                i = 4 * block + lane
                if i < n:
                    m[i] = factor(words[lane], p, scale, zero)
            block += step

    return mask


def _advance(state, by):
    if cuda.grid(1) == 0:
        state[1] += by


_uniforms_kernel = Kernel(_uniforms, "f4* i8 u8 u8")
_advance_kernel = Kernel(_advance, "u8* u8", block=1)
_kernels = precisions(_dropout, "T* T* i8 f4 T u8 u8")
_captured = precisions(_dropout_captured, "T* T* u8* i8 f4 T u8")
_masks = precisions(_mask, "T* i8 f4 T u8 u8")


def dropout(x: Array, y: Array, p: float, seed: int, offset: int, stream: Any = None) -> None:
    """y = x / (1 - p) where the draw is >= p, else x · 0. The same call turns dy into dx."""
    if x.size:
        grid, block = plan("elementwise", -(-x.size // 4))
        numbers = (x.size, p, _scale(p), seed, offset)
        _kernels[x.dtype.char](grid, x, y, *numbers, block=block, stream=stream)


def dropout_captured(x: Array, y: Array, state: Array, p: float, ahead: int = 0, stream: Any = None) -> None:
    """dropout with (seed, offset) = (state[0], state[1] + ahead) from a device buffer of uint64, for CUDA graphs.

    A graph that is replayed keeps its arguments; `advance` at its end moves the offset on.
    """
    if x.size:
        grid, block = plan("elementwise", -(-x.size // 4))
        numbers = (x.size, p, _scale(p), ahead)
        _captured[x.dtype.char](grid, x, y, state, *numbers, block=block, stream=stream)


def advance(state: Array, by: int = 1, stream: Any = None) -> None:
    """state[1] += by: the next draw is a new one."""
    _advance_kernel(1, state, by, block=1, stream=stream)


def mask(m: Array, p: float, seed: int, offset: int, stream: Any = None) -> None:
    """m = 1 / (1 - p) where the draw is >= p, else 0: the mask of nanonet.ops.dropout."""
    if m.size:
        grid, block = plan("elementwise", -(-m.size // 4))
        _masks[m.dtype.char](grid, m, m.size, p, _scale(p), seed, offset, block=block, stream=stream)


def uniforms(u: Array, seed: int, offset: int, stream: Any = None) -> None:
    """u = the uniform float32 numbers in [0, 1) that dropout compares with p."""
    if u.size:
        grid, block = plan("elementwise", -(-u.size // 4))
        _uniforms_kernel(grid, u, u.size, seed, offset, block=block, stream=stream)


def _scale(p: float) -> float:
    return 0.0 if p == 1 else 1 / (1 - p)
