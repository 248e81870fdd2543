"""Softmax and layer normalisation over rows, forward and backward. Arrays: contiguous float32, (rows, columns)."""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import FAST, exp32

_ONE = np.float32(1)
_ZERO = np.float32(0)


@njit(**FAST)
def _maximum(row, scratch):
    """The largest element; NaN is passed over, since softmax meets it again. `scratch` is as long as `row`.

    The two halves are compared element by element, then the halves of the result: loops that LLVM vectorises, where it
    does not vectorise a running maximum.
    """
    for j in range(row.size):
        scratch[j] = row[j]
    n = row.size
    while n > 1:
        half = (n + 1) // 2
        for j in range(n - half):
            scratch[j] = max(scratch[j], scratch[half + j])
        n = half
    return scratch[0]


@njit(**FAST)
def _exp_minus(x, top, out):
    """out = e^(x - top). A function of its own, since inside the loop over rows it would not be vectorised."""
    for j in range(x.size):
        out[j] = exp32(x[j] - top)


@njit(**FAST)
def softmax(x, out):
    """out = e^(x - max) / Σ e^(x - max) along each row."""
    rows, columns = x.shape
    for i in range(rows):
        row, y = x[i], out[i]
        top = _maximum(row, y)
        total = _ZERO
        _exp_minus(row, top, y)
        for j in range(columns):
            total += y[j]
        scale = _ONE / total
        for j in range(columns):
            y[j] *= scale


@njit(**FAST)
def softmax_backward(y, dy, out):
    """out = y ⊙ (dy - Σ dy ⊙ y) along each row."""
    rows, columns = y.shape
    for i in range(rows):
        p, g, d = y[i], dy[i], out[i]
        dot = _ZERO
        for j in range(columns):
            dot += p[j] * g[j]
        for j in range(columns):
            d[j] = p[j] * (g[j] - dot)


@njit(**FAST)
def layer_norm(x, w, b, eps, out, normalized, rstd):
    """normalized = (x - mean) · rstd, out = normalized ⊙ w + b, rstd = 1/√(var + ε) of each row (two passes)."""
    rows, columns = x.shape
    inverse = np.float32(1.0 / columns)
    for i in range(rows):
        row, y, h = x[i], out[i], normalized[i]
        total = _ZERO
        for j in range(columns):
            total += row[j]
        mean = total * inverse
        squares = _ZERO
        for j in range(columns):
            squares += (row[j] - mean) * (row[j] - mean)
        r = np.float32(1.0 / np.sqrt(squares * inverse + eps))
        rstd[i] = r
        for j in range(columns):
            h[j] = (row[j] - mean) * r
            y[j] = h[j] * w[j] + b[j]


@njit(**FAST)
def layer_norm_backward(normalized, rstd, w, dy, dx, dw, db):
    """g = dy ⊙ w;  dx = rstd (g - mean g - h mean(g ⊙ h));  dw += Σ dy ⊙ h, db += Σ dy over the rows."""
    rows, columns = normalized.shape
    inverse = np.float32(1.0 / columns)
    for i in range(rows):
        h, g, d = normalized[i], dy[i], dx[i]
        sum_g = _ZERO
        sum_gh = _ZERO
        for j in range(columns):
            v = g[j] * w[j]
            sum_g += v
            sum_gh += v * h[j]
        mean_g = sum_g * inverse
        mean_gh = sum_gh * inverse
        for j in range(columns):
            dw[j] += g[j] * h[j]
            db[j] += g[j]
            d[j] = rstd[i] * (g[j] * w[j] - mean_g - h[j] * mean_gh)
