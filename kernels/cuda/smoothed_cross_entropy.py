"""Cross-entropy with label smoothing: q = w ⊙ ((1 - ε) [label] + ε / C), losses = -Σ q log softmax(x).

As cross_entropy, and one more sum along the row, since every class has a share of the loss. The rule is
soft_cross_entropy in nanonet.ops.classification, for labels. The counts are the labels' weights, which divide the mean;
the gradient has the weights in q, and counts there only whether a label is ignored.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nanonet_kernels.cuda.device import MOST_THREADS, cuda, precisions, row_max, row_start, row_sum
from nanonet_kernels.cuda.launch import plan
from nanonet_kernels.cuda.share import make_exponentials, make_largest

Array = Any
BLOCK = (32, 8)


def _smoothed_forward(T):
    zero, one, nan = T(0), T(1), T(np.nan)
    largest, exponentials = make_largest(T), make_exponentials(T)

    def smoothed_forward(x, target, weight, p, losses, counts, rows, columns, inner, weighted, ignoring, ignored, eps):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:
            row = first + cuda.threadIdx.y
            start = row_start(row, columns, inner)
            end = start + columns * inner if row < rows else start
            begin, step = start + cuda.threadIdx.x * inner, width * inner
            top = row_max(shared, largest(x, begin, end, step))
            total, loss = row_sum(shared, exponentials(x, top, begin, end, step)), zero
            scale = one / total
            label = target[row] if row < rows else 0
            c, i = cuda.threadIdx.x, begin
            while i < end:
                z = x[i] - top
                q = eps / T(columns) + (one - eps if c == label else zero)
                loss += q * (weight[c] if weighted else one) * (T(math.log(total)) - z)
                p[i] = T(math.exp(z)) * scale
                i += step
                c += width
            loss = row_sum(shared, loss)
            if cuda.threadIdx.x == 0 and row < rows:
                known, skip = label >= 0 and label < columns, ignoring and label == ignored
                losses[row] = zero if skip else (loss if known else nan)
                counts[row] = zero if skip else (weight[label] if weighted and known else one)
            first += cuda.gridDim.x * height

    return smoothed_forward


def _smoothed_backward(T):
    zero, one = T(0), T(1)

    def smoothed_backward(
        p, target, weight, total, dy, dx, rows, columns, inner, weighted, ignoring, ignored, eps, per_row, divisor
    ):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:
            row = first + cuda.threadIdx.y
            start = row_start(row, columns, inner)
            end = start + columns * inner if row < rows else start
            begin, step = start + cuda.threadIdx.x * inner, width * inner
            label, each, all_q = -1, zero, zero
            if row < rows:
                label = target[row]
                if not (ignoring and label == ignored):
                    each = dy[row if per_row else 0] / (total[0] if divisor == zero else divisor)
            c, i = cuda.threadIdx.x, begin
            while i < end:
                q = eps / T(columns) + (one - eps if c == label else zero)
                all_q += q * (weight[c] if weighted else one)
                i += step
                c += width
            all_q = row_sum(shared, all_q)
            c, i = cuda.threadIdx.x, begin
            while i < end:
                q = eps / T(columns) + (one - eps if c == label else zero)
                dx[i] = (p[i] * all_q - q * (weight[c] if weighted else one)) * each
                i += step
                c += width
            first += cuda.gridDim.x * height

    return smoothed_backward


_forwards = precisions(_smoothed_forward, "T* i8* T* T* T* T* i8 i8 i8 i4 i4 i8 T", block=BLOCK)
_backwards = precisions(_smoothed_backward, "T* i8* T* T* T* T* i8 i8 i8 i4 i4 i8 T i4 T", block=BLOCK)


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None,
    p: Array,
    losses: Array,
    counts: Array,
    columns: int,
    inner: int = 1,
    ignore_index: int | None = None,
    label_smoothing: float = 0.1,
    stream: Any = None,
) -> None:
    """p = softmax(x), losses = -Σ q log p, counts = the label's weight (1 without weights), 0 where ignored.

    The mean is cross_entropy.cross_entropy_mean(losses, counts, …), or reduce.mean where nothing is weighed or ignored.
    """
    rows = losses.size
    if rows:
        grid, block = plan("rows", rows, columns, inner)
        arrays = (x, target, x if weight is None else weight, p, losses, counts)
        flags = (weight is not None, ignore_index is not None, ignore_index or 0, label_smoothing)
        _forwards[x.dtype.char](grid, *arrays, rows, columns, inner, *flags, block=block, stream=stream)


def cross_entropy_backward(
    p: Array,
    target: Array,
    weight: Array | None,
    total: Array | float,
    dy: Array,
    dx: Array,
    columns: int,
    inner: int = 1,
    ignore_index: int | None = None,
    label_smoothing: float = 0.1,
    stream: Any = None,
) -> None:
    """dx = (p Σq - q) ⊙ dy / total, and 0 for an ignored label. total and dy as in cross_entropy_backward."""
    rows = target.size
    if rows and p.size:
        grid, block = plan("rows", rows, columns, inner)
        number = isinstance(total, int | float)
        arrays = (p, target, p if weight is None else weight, p if number else total, dy, dx)
        flags = (weight is not None, ignore_index is not None, ignore_index or 0, label_smoothing)
        more = (dy.ndim > 0, total if number else 0)
        _backwards[p.dtype.char](grid, *arrays, rows, columns, inner, *flags, *more, block=block, stream=stream)
