"""Losses of labels: cross-entropy, smoothed or not, and the negative log-likelihood; and the mean squared error.

Labels are not looked at, which would mean to wait for the device: one that is no class makes its loss NaN.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nanonet.backends.cuda.arrays import Array, contiguous, empty, empty_like, fits, xp
from nanonet.ops.classification import CrossEntropy, NllLoss
from nanonet.ops.loss import MseLoss
from nanonet_kernels.cuda import cross_entropy as plain
from nanonet_kernels.cuda import loss as kernel
from nanonet_kernels.cuda import reduce
from nanonet_kernels.cuda import smoothed_cross_entropy as smoothed

_cross_entropy: Any = CrossEntropy  # as Any: rules are static functions, which a type checker takes for methods
_nll_loss: Any = NllLoss
_mse_loss: Any = MseLoss


def _layout(x: Array) -> tuple[int, int]:
    """(classes, how far they lie apart) of x (N, C, …) or (C,)."""
    return (x.shape[0], 1) if x.ndim == 1 else (x.shape[1], prod(x.shape[2:]))


def _reduced(losses: Array, counts: Array | None, reduction: str) -> tuple[Array, Any]:
    """(y, what the sum was divided by: a number, or a number on the device)."""
    if reduction == "none":
        return losses, 1.0
    y, work = empty((), losses.dtype), empty((reduce.workspace_total(losses.size),), losses.dtype)
    if reduction == "sum":
        reduce.total(losses, y, work)
        return y, 1.0
    if counts is None:
        reduce.mean(losses, y, work)
        return y, float(losses.size)
    total = empty((), losses.dtype)
    plain.cross_entropy_mean(losses, counts, y, total, work)
    return y, total


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None,
    *,
    ignore_index: int | None = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    if target.dtype.kind == "f" or not fits(x, *[w for w in (weight,) if w is not None]):
        attrs = {"ignore_index": ignore_index, "reduction": reduction, "label_smoothing": label_smoothing}
        y, saved = _cross_entropy.forward(xp, x, target, weight, **attrs)
        return y, (None, saved)
    labels, (columns, inner) = contiguous(target, np.int64), _layout(x)
    p, losses = empty_like(x), empty(labels.shape, x.dtype)
    counted = weight is not None or ignore_index is not None
    counts = empty(labels.shape, x.dtype) if counted or label_smoothing else None
    if label_smoothing:
        smoothed.cross_entropy(x, labels, weight, p, losses, counts, columns, inner, ignore_index, label_smoothing)
    else:
        plain.cross_entropy(x, labels, weight, p, losses, counts, columns, inner, ignore_index)
    y, total = _reduced(losses, counts if counted else None, reduction)
    return y, (p, (labels, weight if label_smoothing else counts, total, columns, inner, ignore_index, label_smoothing))


def cross_entropy_backward(saved: Any, dy: Array, needs: Any) -> Any:
    p, more = saved
    if p is None:
        return _cross_entropy.backward(xp, more, dy, needs)
    labels, factors, total, columns, inner, ignore_index, label_smoothing = more
    dx, dy = empty_like(p), contiguous(dy, p.dtype)
    if label_smoothing:
        smoothed.cross_entropy_backward(
            p, labels, factors, total, dy, dx, columns, inner, ignore_index, label_smoothing
        )
    else:
        plain.cross_entropy_backward(p, labels, factors, total, dy, dx, columns, inner, ignore_index)
    return dx, None, None


def nll_loss(
    x: Array, target: Array, weight: Array | None, *, ignore_index: int | None = -100, reduction: str = "mean"
) -> Any:
    if not fits(x, *[w for w in (weight,) if w is not None]):
        y, saved = _nll_loss.forward(xp, x, target, weight, ignore_index=ignore_index, reduction=reduction)
        return y, (None, saved)
    labels, (columns, inner) = contiguous(target, np.int64), _layout(x)
    losses = empty(labels.shape, x.dtype)
    counts = None if weight is None and ignore_index is None else empty(labels.shape, x.dtype)
    kernel.nll(x, labels, weight, losses, counts, columns, inner, ignore_index)
    y, total = _reduced(losses, counts, reduction)
    return y, (x, (labels, counts, total, columns, inner, ignore_index))


def nll_loss_backward(saved: Any, dy: Array) -> Any:
    x, more = saved
    if x is None:
        return _nll_loss.backward(xp, more, dy)
    labels, counts, total, columns, inner, ignore_index = more
    dx = empty_like(x)
    kernel.nll_backward(labels, counts, total, contiguous(dy, x.dtype), dx, columns, inner, ignore_index)
    return dx, None, None


def mse_loss(x: Array, target: Array, weight: Array | None, *, reduction: str = "mean") -> Any:
    if weight is not None or x.shape != target.shape or not fits(x, target):
        y, saved = _mse_loss.forward(xp, x, target, weight, reduction=reduction)
        return y, (None, saved)
    d, losses = empty_like(x), empty_like(x)
    kernel.squared_error(x, target, d, losses)
    y, total = _reduced(losses, None, reduction)
    return y, (d, 1 / total)


def mse_loss_backward(saved: Any, dy: Array, needs: Any) -> Any:
    d, more = saved
    if d is None:
        return _mse_loss.backward(xp, more, dy, needs)
    dx = empty_like(d)
    kernel.squared_error_backward(d, contiguous(dy, d.dtype), dx, more)
    return dx, -dx if needs[1] else None, None


kernels = {
    _cross_entropy.forward: cross_entropy,
    _cross_entropy.backward: cross_entropy_backward,
    _nll_loss.forward: nll_loss,
    _nll_loss.backward: nll_loss_backward,
    _mse_loss.forward: mse_loss,
    _mse_loss.backward: mse_loss_backward,
}
