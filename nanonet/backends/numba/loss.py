"""Cross-entropy with labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends.numba.fitting import Array, Later, fits, xp
from nanonet.ops.classification import CrossEntropy, spread, total_count
from nanonet_kernels.cpu import cross_entropy as kernel
from nanonet_kernels.cpu.launch import rows

_rule: Any = CrossEntropy  # as Any: rules are static functions, which a type checker takes for methods


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None,
    *,
    ignore_index: Any = -100,
    reduction: str = "mean",
    **smoothing: Any,
) -> Any:
    """Labels for x (N, C) without smoothing; ignored labels and weights are counted as the rule does, per sample."""
    if x.ndim != 2 or target.dtype.kind == "f" or any(smoothing.values()) or not fits(x):
        attrs = {"ignore_index": ignore_index, "reduction": reduction, **smoothing}
        return _rule.forward(xp, x, target, weight, **attrs)
    losses, tops, scales = np.empty((3, x.shape[0]), np.float32)
    valid = None if ignore_index is None else target != ignore_index
    labels = np.ascontiguousarray(target if valid is None else target * valid, np.int64)
    rows(kernel.cross_entropy, x, labels, losses, tops, scales, work=2)
    counts = None if weight is None else weight[labels]
    if valid is not None:
        losses = np.where(valid, losses, np.float32(0))
        counts = valid.astype(x.dtype) if counts is None else np.where(valid, counts, np.float32(0))
    if weight is not None and counts is not None:
        losses = counts * losses
    total = total_count(xp, losses, counts, reduction)
    y = losses if reduction == "none" else xp.sum(losses) / total
    return y, (Later(_probabilities, x, tops, scales), target, counts, valid, total, None)


def _probabilities(x: Array, tops: Array, scales: Array) -> Array:
    p = np.empty_like(x)
    rows(kernel.probabilities, x, tops, scales, p)
    return p


def cross_entropy_backward(saved: Any, dy: Array, needs: Any) -> Any:
    p, target, counts, valid, total, _ = saved
    if type(p) is not Later:
        return _rule.backward(xp, saved, dy, needs)
    x, tops, scales = p.parts
    dlosses = np.empty(len(x), np.float32)
    dlosses[...] = spread(xp, dy, total, counts, valid)
    dx = np.empty_like(x)
    rows(kernel.cross_entropy_backward, x, np.ascontiguousarray(target, np.int64), dlosses, tops, scales, dx, work=2)
    return dx, None, None


kernels = {CrossEntropy.forward: cross_entropy, CrossEntropy.backward: cross_entropy_backward}
