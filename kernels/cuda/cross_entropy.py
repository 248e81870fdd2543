"""Cross-entropy of logits and labels in one pass over each row: probabilities and loss together.

x (outer, C, inner) has outer · inner rows of C logits; target (rows) holds labels. The probabilities are kept for the
gradient, which then is one more pass: (p - 1 at the label) times what reaches the row's loss. The rule is that of
nanonet.ops.classification. A label that is no class gives the loss NaN, and nothing is read
beyond the row.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nanonet_kernels.cuda import reduce
from nanonet_kernels.cuda.device import MOST_THREADS, cuda, precisions, row_max, row_start, row_sum
from nanonet_kernels.cuda.launch import plan
from nanonet_kernels.cuda.share import make_exponentials, make_largest

Array = Any
BLOCK = (32, 8)


def _forward(T):
    zero, one, nan = T(0), T(1), T(np.nan)
    largest, exponentials = make_largest(T), make_exponentials(T)

    def forward(x, target, weight, p, losses, counts, rows, columns, inner, weighted, ignoring, ignored):
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
            if begin == start and row < rows:  # the row's first thread
                label, count, loss = target[row], one, nan
                if ignoring and label == ignored:
                    count = loss = zero
                elif label >= 0 and label < columns:
                    if weighted:
                        count = weight[label]
                    loss = count * (T(math.log(total)) - (x[start + label * inner] - top))
                losses[row] = loss
                if weighted or ignoring:
                    counts[row] = count
            scale = one / total
            i = begin
            while i < end:
                p[i] = T(math.exp(x[i] - top)) * scale
                i += step
            first += cuda.gridDim.x * height

    return forward


def _backward(T):
    zero, one = T(0), T(1)

    def backward(p, target, counts, total, dy, dx, rows, columns, inner, counted, ignoring, ignored, per_row, divisor):
        width, height = cuda.blockDim.x, cuda.blockDim.y
        row = cuda.blockIdx.x * height + cuda.threadIdx.y
        while row < rows:
            start = row_start(row, columns, inner)
            end = start + columns * inner
            label = target[row]
            each = dy[row if per_row else 0] / (total[0] if divisor == zero else divisor)
            if counted:
                each *= counts[row]
            if ignoring and label == ignored:
                each = zero  # also where the mean is nan
            at_label = start + label * inner
            i = start + cuda.threadIdx.x * inner
            while i < end:
                dx[i] = (p[i] - (one if i == at_label else zero)) * each
                i += width * inner
            row += cuda.gridDim.x * height

    return backward


def _mean(T):
    zero, nan = T(0), T(np.nan)

    def mean(y, total):
        if cuda.grid(1) == 0:
            if total[0] == zero:
                total[0] = nan
            y[0] = y[0] / total[0]

    return mean


_forwards = precisions(_forward, "T* i8* T* T* T* T* i8 i8 i8 i4 i4 i8", block=BLOCK)
_backwards = precisions(_backward, "T* i8* T* T* T* T* i8 i8 i8 i4 i4 i8 i4 T", block=BLOCK)
_means = precisions(_mean, "T* T*", block=1)


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None,
    p: Array,
    losses: Array,
    counts: Array | None,
    columns: int,
    inner: int = 1,
    ignore_index: int | None = None,
    stream: Any = None,
) -> None:
    """p = softmax(x) and losses = -count · log p[target], count = weight[target], 1 without weight, 0 where ignored.

    target is int64. counts (rows) is written where there is a weight or an ignore_index, otherwise it may be None.
    """
    rows = losses.size
    if rows:
        grid, block = plan("rows", rows, columns, inner)
        arrays = (x, target, x if weight is None else weight, p, losses, losses if counts is None else counts)
        flags = (weight is not None, ignore_index is not None, ignore_index or 0)
        _forwards[x.dtype.char](grid, *arrays, rows, columns, inner, *flags, block=block, stream=stream)


def cross_entropy_mean(losses: Array, counts: Array, y: Array, total: Array, work: Array, stream: Any = None) -> None:
    """total = Σ counts, NaN where that is 0;  y = Σ losses / total: the mean over the labels that count.

    Without counts it is reduce.mean(losses, y, work). work: reduce.workspace_total(losses.size) numbers.
    """
    reduce.total(losses, y, work, stream=stream)
    reduce.total(counts, total, work, stream=stream)
    _means[y.dtype.char](1, y, total, block=1, stream=stream)


def cross_entropy_backward(
    p: Array,
    target: Array,
    counts: Array | None,
    total: Array | float,
    dy: Array,
    dx: Array,
    columns: int,
    inner: int = 1,
    ignore_index: int | None = None,
    stream: Any = None,
) -> None:
    """dx = (p - [label]) ⊙ count · dy / total, and 0 for an ignored label.

    total is a number, or an array of one number on the device. dy holds one number, or one for every row.
    """
    rows = target.size
    if rows and p.size:
        grid, block = plan("rows", rows, columns, inner)
        number = isinstance(total, int | float)
        arrays = (p, target, p if counts is None else counts, p if number else total, dy, dx)
        flags = (counts is not None, ignore_index is not None, ignore_index or 0, dy.ndim > 0, total if number else 0)
        _backwards[p.dtype.char](grid, *arrays, rows, columns, inner, *flags, block=block, stream=stream)
