"""Batch normalisation, forward and backward. x, y, dx, dy: contiguous float32, (N, C, M), M positions; the rest (C).

Each kernel works on the channels [first, last), so that threads can share them. A channel's N · M numbers are read for
the mean, for the variance, and to be normalised, one pass right after the other: small channels are still in the cache.
With one position per sample (M = 1) a channel is a column, whose numbers lie far apart; there `columns` and
`columns_backward` take (N, C) and walk along the rows, all channels at once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import SUM

_ZERO = np.float32(0)
_ONE = np.float32(1)


@njit(**SUM)
def batch_norm(x, out, mean, var, rstd, w, b, eps, first, last):
    """out = (x - mean) rstd ⊙ w + b; mean, var (biased) and rstd = 1/√(var + ε) of each channel are written."""
    samples, _, positions = x.shape
    inverse = 1.0 / (samples * positions)
    for c in range(first, last):
        total = 0.0
        for n in range(samples):
            part = _ZERO
            for i in range(positions):
                part += x[n, c, i]
            total += part
        m = np.float32(total * inverse)
        squares, rest = 0.0, 0.0
        for n in range(samples):
            part, left = _ZERO, _ZERO
            for i in range(positions):
                d = x[n, c, i] - m
                part += d * d
                left += d
            squares += part
            rest += left
        rest *= inverse  # what is left of the mean: Chan, Golub and LeVeque (1983), equation 1.7
        m += np.float32(rest)
        v = squares * inverse - rest * rest
        r = np.float32(1.0 / np.sqrt(v + eps))
        mean[c], var[c], rstd[c] = m, np.float32(v), r
        for n in range(samples):
            for i in range(positions):
                out[n, c, i] = (x[n, c, i] - m) * r * w[c] + b[c]


@njit(**SUM)
def batch_norm_backward(x, mean, rstd, dy, dx, w, dw, db, first, last):
    """dx = w r (dy - mean dy - h mean(dy ⊙ h)), h = (x - mean) r;  dw = Σ dy ⊙ h, db = Σ dy of each channel."""
    samples, _, positions = x.shape
    inverse = 1.0 / (samples * positions)
    for c in range(first, last):
        m, r = mean[c], rstd[c]
        sum_dy, sum_p = 0.0, 0.0
        for n in range(samples):
            part, product = _ZERO, _ZERO
            for i in range(positions):
                part += dy[n, c, i]
                product += dy[n, c, i] * ((x[n, c, i] - m) * r)
            sum_dy += part
            sum_p += product
        dw[c], db[c] = np.float32(sum_p), np.float32(sum_dy)
        mean_dy, mean_p = np.float32(sum_dy * inverse), np.float32(sum_p * inverse)
        scale = w[c] * r
        for n in range(samples):
            for i in range(positions):
                dx[n, c, i] = (dy[n, c, i] - mean_dy - (x[n, c, i] - m) * r * mean_p) * scale


@njit(**SUM)
def columns(x, out, mean, var, rstd, w, b, eps, first, last):
    """As `batch_norm`, for x, out (N, C)."""
    samples = x.shape[0]
    inverse = np.float32(1.0 / samples)
    rest = np.zeros(last, np.float32)
    for c in range(first, last):
        mean[c] = _ZERO
        var[c] = _ZERO
    for n in range(samples):
        for c in range(first, last):
            mean[c] += x[n, c]
    for c in range(first, last):
        mean[c] *= inverse
    for n in range(samples):
        for c in range(first, last):
            d = x[n, c] - mean[c]
            rest[c] += d
            var[c] += d * d
    for c in range(first, last):
        left = rest[c] * inverse
        mean[c] += left
        var[c] = var[c] * inverse - left * left
        rstd[c] = _ONE / np.sqrt(var[c] + eps)
    for n in range(samples):
        for c in range(first, last):
            out[n, c] = (x[n, c] - mean[c]) * rstd[c] * w[c] + b[c]


@njit(**SUM)
def columns_backward(x, mean, rstd, dy, dx, w, dw, db, first, last):
    """As `batch_norm_backward`, for x, dy, dx (N, C)."""
    samples = x.shape[0]
    inverse = np.float32(1.0 / samples)
    for c in range(first, last):
        dw[c] = _ZERO
        db[c] = _ZERO
    for n in range(samples):
        for c in range(first, last):
            dw[c] += dy[n, c] * ((x[n, c] - mean[c]) * rstd[c])
        for c in range(first, last):
            db[c] += dy[n, c]
    for n in range(samples):
        for c in range(first, last):
            h = (x[n, c] - mean[c]) * rstd[c]
            dx[n, c] = (dy[n, c] - db[c] * inverse - h * (dw[c] * inverse)) * (w[c] * rstd[c])


@njit(**SUM)
def scale_shift(x, out, scale, shift, first, last):
    """out = x ⊙ scale + shift, a number of each for every channel: the evaluation's normalisation in one step."""
    samples, _, positions = x.shape
    for n in range(samples):
        for c in range(first, last):
            for i in range(positions):
                out[n, c, i] = x[n, c, i] * scale[c] + shift[c]
