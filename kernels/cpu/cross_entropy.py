"""Cross-entropy with labels, forward and backward. x, dx: contiguous float32 (N, C); labels int64 (N).

Forward only reads: per row it keeps the largest logit and 1 / Σ e^(x - max), 8 bytes, and no probabilities. Backward
reads x again and writes dx. That moves 12 bytes per logit altogether, where the textbook rule moves some 60. A second
exponential costs less than to write and fetch the first. The idea is that of the fused losses for large vocabularies.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import SUM, exp32_below, log32
from nanonet_kernels.cpu.softmax import from_key, order_key

_ZERO = np.float32(0)
_ONE = np.float32(1)
_NAN = np.float32(np.nan)
_SMALLEST = np.int32(-(2**31))


@njit(**SUM)
def cross_entropy(x, labels, losses, tops, scales):
    """losses = log Σ e^(x - top) - (x[label] - top), tops = max x, scales = 1 / Σ e^(x - top), all (N).

    The loss of a label that is no class is NaN.
    """
    count, columns = x.shape
    for i in range(count):
        key = _SMALLEST
        for j in range(columns):
            key = max(key, order_key(x[i, j]))
        top = from_key(key)
        total = _ZERO
        for j in range(columns):
            total += exp32_below(x[i, j] - top)
        tops[i] = top
        scales[i] = _ONE / total
        label = labels[i]
        losses[i] = log32(total) - (x[i, label] - top) if 0 <= label < columns else _NAN


@njit(**SUM)
def cross_entropy_backward(x, labels, dlosses, tops, scales, dx):
    """dx = dlosses ⊙ (p - [c = label]), p = scale e^(x - top). A label that is no class is nowhere."""
    count, columns = x.shape
    for i in range(count):
        top, scale, d = tops[i], scales[i], dlosses[i]
        for j in range(columns):
            dx[i, j] = exp32_below(x[i, j] - top) * scale * d
        label = labels[i]
        if 0 <= label < columns:
            dx[i, label] = (exp32_below(x[i, label] - top) * scale - _ONE) * d


@njit(**SUM)
def probabilities(x, tops, scales, out):
    """out = scale e^(x - top): softmax, from what `cross_entropy` kept."""
    count, columns = x.shape
    for i in range(count):
        for j in range(columns):
            out[i, j] = exp32_below(x[i, j] - tops[i]) * scales[i]
