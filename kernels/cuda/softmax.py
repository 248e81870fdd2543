"""Softmax and log-softmax, forward and backward: threadIdx.x walks along a row, threadIdx.y counts the block's rows.

A row has `columns` elements that lie `inner` apart: x (outer, columns, inner) has outer · inner rows. It is read three
times (largest, sum, result); only the first time comes from memory, the next ones from the cache, where a block's rows
stay. The largest element is subtracted first, so nothing overflows. The formulas are those of nanonet.ops.softmax.
"""

from __future__ import annotations

import math
from typing import Any

from nanonet_kernels.cuda.device import MOST_THREADS, Precisions, cuda, precisions, row_max, row_start, row_sum
from nanonet_kernels.cuda.launch import plan
from nanonet_kernels.cuda.share import make_dot, make_exponentials, make_largest, make_total

Array = Any
BLOCK = (32, 8)


def _softmax(T):
    one, largest, exponentials = T(1), make_largest(T), make_exponentials(T)

    def softmax(x, y, rows, columns, inner):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:  # the same for all threads of the block, which meet at the barriers of row_sum
            row = first + cuda.threadIdx.y
            start = row_start(row, columns, inner)
            end = start + columns * inner if row < rows else start  # a thread without a row has no elements
            begin, step = start + cuda.threadIdx.x * inner, width * inner
            top = row_max(shared, largest(x, begin, end, step))
            scale = one / row_sum(shared, exponentials(x, top, begin, end, step))
            i = begin
            while i < end:
                y[i] = T(math.exp(x[i] - top)) * scale
                i += step
            first += cuda.gridDim.x * height

    return softmax


def _softmax_backward(T):
    dot = make_dot(T)

    def softmax_backward(y, dy, dx, rows, columns, inner):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:
            row = first + cuda.threadIdx.y
            start = row_start(row, columns, inner)
            end = start + columns * inner if row < rows else start
            begin, step = start + cuda.threadIdx.x * inner, width * inner
            mean = row_sum(shared, dot(dy, y, begin, end, step))
            i = begin
            while i < end:
                dx[i] = y[i] * (dy[i] - mean)
                i += step
            first += cuda.gridDim.x * height

    return softmax_backward


def _log_softmax(T):
    largest, exponentials = make_largest(T), make_exponentials(T)

    def log_softmax(x, y, rows, columns, inner):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:
            row = first + cuda.threadIdx.y
            start = row_start(row, columns, inner)
            end = start + columns * inner if row < rows else start
            begin, step = start + cuda.threadIdx.x * inner, width * inner
            top = row_max(shared, largest(x, begin, end, step))
            total = row_sum(shared, exponentials(x, top, begin, end, step))
            i = begin
            while i < end:
                y[i] = (x[i] - top) - T(math.log(total))
                i += step
            first += cuda.gridDim.x * height

    return log_softmax


def _log_softmax_backward(T):
    total = make_total(T)

    def log_softmax_backward(y, dy, dx, rows, columns, inner):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:
            row = first + cuda.threadIdx.y
            start = row_start(row, columns, inner)
            end = start + columns * inner if row < rows else start
            begin, step = start + cuda.threadIdx.x * inner, width * inner
            sum_dy = row_sum(shared, total(dy, begin, end, step))
            i = begin
            while i < end:
                dx[i] = dy[i] - T(math.exp(y[i])) * sum_dy
                i += step
            first += cuda.gridDim.x * height

    return log_softmax_backward


_kernels: dict[str, Precisions] = {
    "softmax": precisions(_softmax, "T* T* i8 i8 i8", block=BLOCK),
    "softmax_backward": precisions(_softmax_backward, "T* T* T* i8 i8 i8", block=BLOCK),
    "log_softmax": precisions(_log_softmax, "T* T* i8 i8 i8", block=BLOCK),
    "log_softmax_backward": precisions(_log_softmax_backward, "T* T* T* i8 i8 i8", block=BLOCK),
}


def softmax(x: Array, y: Array, columns: int, inner: int = 1, stream: Any = None) -> None:
    """y = e^x / Σ e^x along an axis of `columns` elements that lie `inner` apart (inner = 1: the last axis)."""
    _launch("softmax", (x, y), columns, inner, stream)


def softmax_backward(y: Array, dy: Array, dx: Array, columns: int, inner: int = 1, stream: Any = None) -> None:
    """dx = y ⊙ (dy - Σ dy ⊙ y) along the axis."""
    _launch("softmax_backward", (y, dy, dx), columns, inner, stream)


def log_softmax(x: Array, y: Array, columns: int, inner: int = 1, stream: Any = None) -> None:
    """y = x - log Σ e^x along the axis."""
    _launch("log_softmax", (x, y), columns, inner, stream)


def log_softmax_backward(y: Array, dy: Array, dx: Array, columns: int, inner: int = 1, stream: Any = None) -> None:
    """dx = dy - e^y ⊙ Σ dy along the axis."""
    _launch("log_softmax_backward", (y, dy, dx), columns, inner, stream)


def _launch(name: str, arrays: tuple[Array, ...], columns: int, inner: int, stream: Any) -> None:
    if arrays[0].size:
        rows = arrays[0].size // columns
        grid, block = plan("rows", rows, columns, inner)
        _kernels[name][arrays[0].dtype.char](grid, *arrays, rows, columns, inner, block=block, stream=stream)
