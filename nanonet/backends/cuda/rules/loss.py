"""Cross-entropy with labels."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nanonet.backends.cuda.arrays import Array, contiguous, empty, empty_like, fits, xp
from nanonet.ops.classification import CrossEntropy
from nanonet_kernels.cuda import cross_entropy as kernel
from nanonet_kernels.cuda import reduce

_rule: Any = CrossEntropy  # as Any: rules are static functions, which a type checker takes for methods


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None,
    *,
    ignore_index: int | None = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Labels without smoothing. A label that is no class gives NaN, since looking for one would wait for the device."""
    if target.dtype.kind == "f" or label_smoothing or not fits(x) or (weight is not None and not fits(x, weight)):
        attrs = {"ignore_index": ignore_index, "reduction": reduction, "label_smoothing": label_smoothing}
        y, saved = _rule.forward(xp, x, target, weight, **attrs)
        return y, (None, saved)
    labels = contiguous(target, np.int64)
    columns, inner = (x.shape[0], 1) if x.ndim == 1 else (x.shape[1], prod(x.shape[2:]))
    p, losses = empty_like(x), empty(labels.shape, x.dtype)
    counts = None if weight is None and ignore_index is None else empty(labels.shape, x.dtype)
    kernel.cross_entropy(x, labels, weight, p, losses, counts, columns, inner, ignore_index)
    y, total = losses, 1.0
    if reduction != "none":
        y, work = empty((), x.dtype), empty((reduce.workspace_total(losses.size),), x.dtype)
        if reduction == "sum":
            reduce.total(losses, y, work)
        elif counts is None:
            reduce.mean(losses, y, work)
            total = float(losses.size)
        else:
            total = empty((), x.dtype)
            kernel.cross_entropy_mean(losses, counts, y, total, work)
    return y, (p, (labels, counts, total, columns, inner, ignore_index))


def cross_entropy_backward(saved: Any, dy: Array, needs: Any) -> Any:
    p, more = saved
    if p is None:
        return _rule.backward(xp, more, dy, needs)
    labels, counts, total, columns, inner, ignore_index = more
    dx = empty_like(p)
    kernel.cross_entropy_backward(p, labels, counts, total, contiguous(dy, p.dtype), dx, columns, inner, ignore_index)
    return dx, None, None


kernels = {_rule.forward: cross_entropy, _rule.backward: cross_entropy_backward}
