"""Activations made of straight and exponential pieces, forward and backward. Arrays: contiguous float32, flat.

Three forms cover the family: relu and leaky_relu; `clamp` (relu6, hardtanh); `elu` (elu, selu, celu). Each is bound by
memory: 8 bytes move per element forward, 12 backward, and a few instructions work on 8 elements. NumPy goes through
memory two to five times instead, once for each step of the formula.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import LOOP, exp32_below, expm1_32

_ZERO = np.float32(0)


@njit(**LOOP)
def relu(x, out):
    """out = x where x > 0, else 0 (NaN stays NaN)."""
    for i in range(x.size):
        out[i] = _ZERO if x[i] <= _ZERO else x[i]


@njit(**LOOP)
def relu_backward(y, dy, out):
    """out = 0 where y <= 0, else dy (also where y is NaN)."""
    for i in range(y.size):
        out[i] = _ZERO if y[i] <= _ZERO else dy[i]


@njit(**LOOP)
def clamp(x, out, low, high):
    """out = min(max(x, low), high): relu6 with 0 and 6, hardtanh with its bounds."""
    for i in range(x.size):
        v = low if x[i] <= low else x[i]
        out[i] = high if v >= high else v


@njit(**LOOP)
def clamp_backward(x, dy, out, low, high):
    """out = 0 where x <= low or x >= high, else dy. With y in the place of x it says the same."""
    for i in range(x.size):
        v = _ZERO if x[i] <= low else dy[i]
        out[i] = _ZERO if x[i] >= high else v


@njit(**LOOP)
def leaky_relu(x, out, slope):
    """out = max(x, 0) + slope min(x, 0)."""
    for i in range(x.size):
        above = _ZERO if x[i] <= _ZERO else x[i]
        below = x[i] if x[i] < _ZERO else _ZERO
        out[i] = above + slope * below


@njit(**LOOP)
def leaky_relu_backward(x, dy, out, slope):
    """out = dy where x > 0, else slope dy."""
    for i in range(x.size):
        out[i] = _ZERO + (dy[i] if x[i] > _ZERO else slope * dy[i])  # 0 + -0 is 0, as in the rule


@njit(**LOOP)
def elu(x, out, alpha, scale, rate):
    """out = scale max(x, 0) + scale alpha (e^{rate min(x, 0)} - 1), for rate > 0."""
    for i in range(x.size):
        above = _ZERO if x[i] <= _ZERO else x[i]
        below = x[i] if x[i] < _ZERO else _ZERO
        out[i] = scale * above + scale * alpha * expm1_32(rate * below)


@njit(**LOOP)
def elu_backward(x, dy, out, alpha, scale, rate):
    """out = dy scale alpha rate e^{rate x} where x <= 0, else dy scale."""
    for i in range(x.size):
        below = x[i] if x[i] < _ZERO else _ZERO
        slope = scale * alpha * rate * exp32_below(rate * below)
        out[i] = dy[i] * (slope if x[i] <= _ZERO else scale)
