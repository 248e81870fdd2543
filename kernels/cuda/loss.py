"""Mean-squared error and negative log-likelihood, forward and backward.

The losses are written element by element and summed by `reduce`, which is deterministic. The rules are those of
nanonet.ops.loss and nanonet.ops.classification. A label that is no class gives the loss NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_kernels.cuda.device import cuda, precisions
from nanonet_kernels.cuda.launch import plan

Array = Any


def _squared_error(T):
    def squared_error(x, t, d, losses, n):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            difference = x[i] - t[i]
            d[i] = difference
            losses[i] = difference * difference
            i += step

    return squared_error


def _squared_error_backward(T):
    def squared_error_backward(d, dy, dx, n, factor, per_element):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            dx[i] = factor * dy[i if per_element else 0] * d[i]
            i += step

    return squared_error_backward


def _nll(T):
    zero, one, nan = T(0), T(1), T(np.nan)

    def nll(x, target, weight, losses, counts, rows, columns, inner, weighted, ignoring, ignored):
        row, step = cuda.grid(1), cuda.gridsize(1)
        while row < rows:
            label, count, loss = target[row], one, nan
            if ignoring and label == ignored:
                count = loss = zero
            elif label >= 0 and label < columns:
                if weighted:
                    count = weight[label]
                loss = -count * x[((row // inner) * columns + label) * inner + row % inner]
            losses[row] = loss
            if weighted or ignoring:
                counts[row] = count
            row += step

    return nll


def _nll_backward(T):
    zero = T(0)

    def nll_backward(target, counts, total, dy, dx, n, columns, inner, counted, ignoring, ignored, per_row, divisor):
        """Over all elements of dx: -dy count / total at the label, 0 elsewhere."""
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            row = (i // (columns * inner)) * inner + i % inner
            label, each = target[row], zero
            if label == (i // inner) % columns and not (ignoring and label == ignored):
                each = -dy[row if per_row else 0] / (total[0] if divisor == zero else divisor)
                if counted:
                    each *= counts[row]
            dx[i] = each
            i += step

    return nll_backward


_squared_errors = precisions(_squared_error, "T* T* T* T* i8")
_squared_error_backwards = precisions(_squared_error_backward, "T* T* T* i8 T i4")
_nlls = precisions(_nll, "T* i8* T* T* T* i8 i8 i8 i4 i4 i8")
_nll_backwards = precisions(_nll_backward, "i8* T* T* T* T* i8 i8 i8 i4 i4 i8 i4 T")


def squared_error(x: Array, t: Array, d: Array, losses: Array, stream: Any = None) -> None:
    """d = x - t, losses = d²; their mean is reduce.mean(losses, y, work)."""
    if x.size:
        grid, block = plan("elementwise", x.size)
        _squared_errors[x.dtype.char](grid, x, t, d, losses, x.size, block=block, stream=stream)


def squared_error_backward(d: Array, dy: Array, dx: Array, share: float, stream: Any = None) -> None:
    """dx = 2 share dy d, share = 1/n for the mean, else 1. dy holds one number, or one for every element."""
    if d.size:
        grid, block = plan("elementwise", d.size)
        numbers = (d.size, 2 * share, dy.ndim > 0)
        _squared_error_backwards[d.dtype.char](grid, d, dy, dx, *numbers, block=block, stream=stream)


def nll(
    x: Array,
    target: Array,
    weight: Array | None,
    losses: Array,
    counts: Array | None,
    columns: int,
    inner: int = 1,
    ignore_index: int | None = None,
    stream: Any = None,
) -> None:
    """losses = -count · x[target], x the log-probabilities; arguments as those of cross_entropy.cross_entropy."""
    rows = target.size
    if rows:
        grid, block = plan("elementwise", rows)
        arrays = (x, target, x if weight is None else weight, losses, x if counts is None else counts)
        flags = (weight is not None, ignore_index is not None, ignore_index or 0)
        _nlls[x.dtype.char](grid, *arrays, rows, columns, inner, *flags, block=block, stream=stream)


def nll_backward(
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
    """dx = -count · dy / total at the label, 0 elsewhere; arguments as those of cross_entropy_backward."""
    if dx.size:
        grid, block = plan("elementwise", dx.size)
        number = isinstance(total, int | float)
        arrays = (target, dy if counts is None else counts, dy if number else total, dy, dx)
        flags = (counts is not None, ignore_index is not None, ignore_index or 0, dy.ndim > 0, total if number else 0)
        _nll_backwards[dx.dtype.char](grid, *arrays, dx.size, columns, inner, *flags, block=block, stream=stream)
