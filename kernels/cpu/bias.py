"""A bias and an activation in one pass, forward and backward. z, y, dz, dy: contiguous float32 (rows, columns).

y = act(z + b) with b (columns), after a matrix product: instead of three passes over memory (sum, activation, and in
backward the sum over the rows) there is one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.activation import gelu_slope, gelu_value
from nanonet_kernels.cpu.mathf import LOOP, sigmoid32

_ZERO = np.float32(0)
_ONE = np.float32(1)


@njit(**LOOP)
def bias_relu(z, out, b):
    """out = max(z + b, 0)."""
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            v = z[i, j] + b[j]
            out[i, j] = _ZERO if v <= _ZERO else v


@njit(**LOOP)
def bias_relu_backward(y, dy, dz, db):
    """dz = dy where y > 0, else 0;  db += Σ dz over the rows."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            d = _ZERO if y[i, j] <= _ZERO else dy[i, j]
            dz[i, j] = d
            db[j] += d


@njit(**LOOP)
def bias_gelu(z, out, b):
    """out = v Φ(v), v = z + b."""
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            out[i, j] = gelu_value(z[i, j] + b[j])


@njit(**LOOP)
def bias_gelu_backward(z, dy, dz, b, db):
    """dz = dy (Φ(v) + v φ(v)), v = z + b;  db += Σ dz over the rows."""
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            d = dy[i, j] * gelu_slope(z[i, j] + b[j])
            dz[i, j] = d
            db[j] += d


@njit(**LOOP)
def bias_silu(z, out, b):
    """out = v sigmoid(v), v = z + b."""
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            v = z[i, j] + b[j]
            out[i, j] = v * sigmoid32(v)


@njit(**LOOP)
def bias_silu_backward(z, dy, dz, b, db):
    """dz = dy s (1 + v (1 - s)), v = z + b, s = sigmoid(v);  db += Σ dz over the rows."""
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            v = z[i, j] + b[j]
            s = sigmoid32(v)
            d = dy[i, j] * (s * ((_ONE - s) * v + _ONE))
            dz[i, j] = d
            db[j] += d
