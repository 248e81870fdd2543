"""Layer and RMS normalisation over rows, forward and backward. x, y, dx, dy: contiguous float32 (rows, columns).

Forward reads x and writes y, and keeps two numbers per row (rms_norm one); x̂ is computed again in backward. A row is
in the first cache for its second and third pass.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import SUM

_ZERO = np.float32(0)
_ONE = np.float32(1)


@njit(**SUM)
def layer_norm(x, out, mean, rstd, w, b, eps):
    """out = (x - mean) rstd ⊙ w + b, rstd = 1/√(var + ε); mean and rstd (rows), w and b (columns).

    The mean is corrected by the mean of what is left, and so is the variance: the corrected two-pass algorithm of
    Chan, Golub and LeVeque (1983), equation 1.7.
    """
    count, columns = x.shape
    inverse = np.float32(1.0 / columns)
    for i in range(count):
        total = _ZERO
        for j in range(columns):
            total += x[i, j]
        m = total * inverse
        rest = _ZERO
        squares = _ZERO
        for j in range(columns):
            d = x[i, j] - m
            rest += d
            squares += d * d
        rest *= inverse
        m += rest
        r = _ONE / np.sqrt(squares * inverse - rest * rest + eps)
        mean[i] = m
        rstd[i] = r
        for j in range(columns):
            out[i, j] = (x[i, j] - m) * r * w[j] + b[j]


@njit(**SUM)
def layer_norm_backward(x, mean, rstd, dy, dx, w, dw, db):
    """dx = rstd (g - mean g - h mean(g ⊙ h)), g = dy ⊙ w, h = (x - mean) rstd;  dw += Σ dy ⊙ h, db += Σ dy."""
    count, columns = x.shape
    inverse = np.float32(1.0 / columns)
    for i in range(count):
        m, r = mean[i], rstd[i]
        sum_g = _ZERO
        sum_gh = _ZERO
        for j in range(columns):
            g = dy[i, j] * w[j]
            sum_g += g
            sum_gh += g * ((x[i, j] - m) * r)
        mean_g = sum_g * inverse
        mean_gh = sum_gh * inverse
        for j in range(columns):
            dx[i, j] = (dy[i, j] * w[j] - mean_g - (x[i, j] - m) * r * mean_gh) * r
        for j in range(columns):
            dw[j] += dy[i, j] * ((x[i, j] - m) * r)
        for j in range(columns):
            db[j] += dy[i, j]


@njit(**SUM)
def rms_norm(x, out, rstd, w, eps):
    """out = x rstd ⊙ w, rstd = 1/√(mean(x²) + ε); rstd (rows), w (columns)."""
    count, columns = x.shape
    inverse = np.float32(1.0 / columns)
    for i in range(count):
        squares = _ZERO
        for j in range(columns):
            squares += x[i, j] * x[i, j]
        r = _ONE / np.sqrt(squares * inverse + eps)
        rstd[i] = r
        for j in range(columns):
            out[i, j] = x[i, j] * r * w[j]


@njit(**SUM)
def rms_norm_backward(x, rstd, dy, dx, w, dw):
    """dx = rstd (g - h mean(g ⊙ h)), g = dy ⊙ w, h = x rstd;  dw += Σ dy ⊙ h over the rows."""
    count, columns = x.shape
    inverse = np.float32(1.0 / columns)
    for i in range(count):
        r = rstd[i]
        sum_gh = _ZERO
        for j in range(columns):
            sum_gh += dy[i, j] * w[j] * (x[i, j] * r)
        mean_gh = sum_gh * inverse
        for j in range(columns):
            dx[i, j] = (dy[i, j] * w[j] - x[i, j] * r * mean_gh) * r
        for j in range(columns):
            dw[j] += dy[i, j] * (x[i, j] * r)
