"""Smooth activations, forward and backward, one pass each. Arrays: contiguous float32, flat.

Each reads x once and writes the result once, 8 bytes per element (backward 12); the textbook rule on NumPy makes an
array for every step of the formula, which for gelu is eleven forward. Nothing but x is kept for backward: to compute
an exponential again takes less time than to fetch it from memory.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import (
    INLINE,
    LOOP,
    exp32,
    exp32_below,
    log1p32_unit,
    normal_tail32,
    sigmoid32,
    tanh32,
)

_C = np.float32(0.7978845608028654)  # √(2/π)
_A = np.float32(0.044715)
_ONE = np.float32(1)
_TWO = np.float32(2)
_THREE = np.float32(3)
_ZERO = np.float32(0)
_DENSITY = np.float32(0.3989422804014327)  # 1/√(2π)
_TWENTY = np.float32(20)


@njit(**LOOP)
def sigmoid(x, out):
    """out = 1 / (1 + e^-x), within 3 ulp."""
    for i in range(x.size):
        out[i] = sigmoid32(x[i])


@njit(**LOOP)
def sigmoid_backward(y, dy, out):
    """out = dy y (1 - y)."""
    for i in range(y.size):
        out[i] = (_ONE - y[i]) * y[i] * dy[i]


@njit(**LOOP)
def tanh(x, out):
    """out = tanh x, within 3 ulp."""
    for i in range(x.size):
        out[i] = tanh32(x[i])


@njit(**LOOP)
def tanh_backward(y, dy, out):
    """out = dy (1 - y²)."""
    for i in range(y.size):
        out[i] = dy[i] * (_ONE - y[i] * y[i])


@njit(**INLINE)
def _normal(x):
    """(Φ(x), φ(x)): the normal distribution's function and density, from one exponential."""
    tail, e = normal_tail32(abs(x))
    return tail if x < _ZERO else _ONE - tail, e * _DENSITY


@njit(**INLINE)
def gelu_value(x):
    """x Φ(x)."""
    cdf, _ = _normal(x)
    return x * cdf


@njit(**INLINE)
def gelu_slope(x):
    """Φ(x) + x φ(x)."""
    cdf, density = _normal(x)
    return x * density + cdf


@njit(**LOOP)
def gelu(x, out):
    """out = x Φ(x)."""
    for i in range(x.size):
        out[i] = gelu_value(x[i])


@njit(**LOOP)
def gelu_backward(x, dy, out):
    """out = dy (Φ(x) + x φ(x))."""
    for i in range(x.size):
        out[i] = dy[i] * gelu_slope(x[i])


@njit(**INLINE)
def _gelu_share(x):
    """½ (1 + tanh u) = sigmoid(2u) with u = √(2/π) (x + 0.044715 x³)."""
    return sigmoid32(_TWO * (_C * (x + _A * (x * x * x))))


@njit(**LOOP)
def gelu_tanh(x, out):
    """out = ½ x (1 + tanh(√(2/π)(x + 0.044715 x³)))."""
    for i in range(x.size):
        out[i] = x[i] * _gelu_share(x[i])


@njit(**LOOP)
def gelu_tanh_backward(x, dy, out):
    """out = dy (s + 2 s (1 - s) u' x), s = sigmoid(2u), u' = √(2/π)(1 + 3 · 0.044715 x²)."""
    for i in range(x.size):
        s = _gelu_share(x[i])
        slope = _C * (_ONE + _THREE * _A * (x[i] * x[i]))
        out[i] = dy[i] * (_TWO * s * (_ONE - s) * slope * x[i] + s)


@njit(**LOOP)
def silu(x, out):
    """out = x sigmoid(x)."""
    for i in range(x.size):
        out[i] = x[i] * sigmoid32(x[i])


@njit(**LOOP)
def silu_backward(x, dy, out):
    """out = dy s (1 + x (1 - s)), s = sigmoid(x)."""
    for i in range(x.size):
        s = sigmoid32(x[i])
        out[i] = dy[i] * (s * ((_ONE - s) * x[i] + _ONE))


@njit(**LOOP)
def softplus(x, out, threshold):
    """out = log(1 + e^x), as max(x, 0) + log(1 + e^-|x|); x itself above the threshold."""
    for i in range(x.size):
        above = _ZERO if x[i] <= _ZERO else x[i]
        y = log1p32_unit(exp32_below(-abs(x[i]))) + above
        out[i] = x[i] if x[i] > threshold else y


@njit(**LOOP)
def softplus_backward(x, dy, out, threshold):
    """out = dy sigmoid(x), or dy above the threshold."""
    for i in range(x.size):
        out[i] = dy[i] if x[i] > threshold else dy[i] * sigmoid32(x[i])


@njit(**INLINE)
def _mish_parts(x):
    """(t, e): e = e^x, t = tanh(log(1 + e)) = n / (n + 2) with n = e (e + 2). Beyond 20, t is 1 to the last bit."""
    e = exp32(_TWENTY if x > _TWENTY else x)
    n = e * (e + _TWO)
    return n / (n + _TWO), e


@njit(**LOOP)
def mish(x, out):
    """out = x tanh(softplus(x))."""
    for i in range(x.size):
        t, _ = _mish_parts(x[i])
        out[i] = x[i] * t


@njit(**LOOP)
def mish_backward(x, dy, out):
    """out = dy (t + x (1 - t²) sigmoid(x)), t = tanh(softplus(x))."""
    for i in range(x.size):
        t, e = _mish_parts(x[i])
        out[i] = dy[i] * (t + x[i] * (_ONE - t * t) * (e / (_ONE + e)))
