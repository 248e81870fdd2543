"""Softmax and log-softmax over rows, forward and backward. Arrays: contiguous float32, (rows, columns).

A row is read three times (largest element, exponentials and their sum, scaling), but only the first time from memory:
then it is in the processor's first cache. NumPy's steps each go through all rows before the next one begins.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.launch import flat, rows
from nanonet_kernels.cpu.mathf import INLINE, LOOP, SUM, exp32_below, log32
from nanonet_kernels.cpu.threads import split

_ZERO = np.float32(0)
_ONE = np.float32(1)
_ALL_BUT_SIGN = np.int32(0x7FFFFFFF)
_SMALLEST = np.int32(-(2**31))
LONG = 1 << 18  # columns: such a row is more than one thread's work
PART = 1 << 16


@njit(**INLINE)
def order_key(x):
    """An integer that is larger where x is larger, and its own inverse: the largest integer of a row is found 8 at a
    time, where LLVM must not do so with floats, among which NaN might be. NaN is beyond both ends.
    """
    bits = np.float32(x).view(np.int32)
    return np.int32(bits ^ ((bits >> np.int32(31)) & _ALL_BUT_SIGN))


@njit(**INLINE)
def from_key(key):
    """The float32 whose `order_key` this is."""
    return np.int32(key ^ ((key >> np.int32(31)) & _ALL_BUT_SIGN)).view(np.float32)


@njit(**SUM)
def softmax(x, out):
    """out = e^(x - max) / Σ e^(x - max) along each row."""
    count, columns = x.shape
    for i in range(count):
        key = _SMALLEST
        for j in range(columns):
            key = max(key, order_key(x[i, j]))
        top = from_key(key)
        total = _ZERO
        for j in range(columns):
            e = exp32_below(x[i, j] - top)
            out[i, j] = e
            total += e
        scale = _ONE / total
        for j in range(columns):
            out[i, j] *= scale


@njit(**SUM)
def softmax_backward(y, dy, out):
    """out = y ⊙ (dy - Σ dy ⊙ y) along each row."""
    count, columns = y.shape
    for i in range(count):
        dot = _ZERO
        for j in range(columns):
            dot += y[i, j] * dy[i, j]
        for j in range(columns):
            out[i, j] = y[i, j] * (dy[i, j] - dot)


@njit(**SUM)
def log_softmax(x, out):
    """out = (x - max) - log Σ e^(x - max) along each row."""
    count, columns = x.shape
    for i in range(count):
        key = _SMALLEST
        for j in range(columns):
            key = max(key, order_key(x[i, j]))
        top = from_key(key)
        total = _ZERO
        for j in range(columns):
            total += exp32_below(x[i, j] - top)
        log_total = log32(total)
        for j in range(columns):
            out[i, j] = _minus(_minus(x[i, j], top), log_total)


@njit(**INLINE)
def _minus(a, b):
    """a - b, which is not put together with another difference: x - top is exact, and top + log Σ is not."""
    return a - b


@njit(**SUM)
def log_softmax_backward(y, dy, out):
    """out = dy - e^y Σ dy along each row."""
    count, columns = y.shape
    for i in range(count):
        total = _ZERO
        for j in range(columns):
            total += dy[i, j]
        for j in range(columns):
            out[i, j] = dy[i, j] - exp32_below(y[i, j]) * total


# A row so long that one thread would work while the others wait is divided: the same three steps, each in parts.


@njit(**LOOP)
def largest(x):
    """The largest element of a flat array (NaN if there is a positive NaN)."""
    key = _SMALLEST
    for i in range(x.size):
        key = max(key, order_key(x[i]))
    return from_key(key)


@njit(**SUM)
def exponentials(x, out, top):
    """out = e^(x - top) of a flat array; returns the sum."""
    total = _ZERO
    for i in range(x.size):
        e = exp32_below(x[i] - top)
        out[i] = e
        total += e
    return total


@njit(**LOOP)
def multiply(x, factor):
    """x ← x · factor."""
    for i in range(x.size):
        x[i] *= factor


def softmax_long(x, out) -> None:
    """As `softmax`, for few long rows."""
    for row, y in zip(x, out, strict=True):
        starts = range(0, row.size, PART)
        tops, totals = np.empty(len(starts), np.float32), np.empty(len(starts))

        def find(first, last, row=row, tops=tops) -> None:
            for k in range(first, last):
                tops[k] = largest(row[k * PART : (k + 1) * PART])

        def add(first, last, row=row, y=y, tops=tops, totals=totals) -> None:
            for k in range(first, last):
                part = slice(k * PART, (k + 1) * PART)
                totals[k] = exponentials(row[part], y[part], tops[0])

        split(len(starts), 1, find)
        tops[0] = tops.max()
        split(len(starts), 1, add)
        flat(multiply, y, numbers=(np.float32(1 / totals.sum()),))


def softmax_rows(x, out) -> None:
    """out = softmax of each row, by the threads of the pool."""
    if x.shape[1] >= LONG:
        softmax_long(x, out)
    else:
        rows(softmax, x, out, work=2)
