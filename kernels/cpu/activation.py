"""ReLU and GELU (tanh form), forward and backward, one pass each. Arrays: contiguous float32, flat."""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import FAST, tanh32

_C = np.float32(0.7978845608028654)  # √(2/π)
_A = np.float32(0.044715)
_HALF = np.float32(0.5)
_ONE = np.float32(1)
_THREE = np.float32(3)
_ZERO = np.float32(0)


@njit(**FAST)
def relu(x, out):
    """out = x where x > 0, else 0 (NaN stays NaN)."""
    for i in range(x.size):
        out[i] = _ZERO if x[i] <= _ZERO else x[i]


@njit(**FAST)
def relu_backward(y, dy, out):
    """out = 0 where y <= 0, else dy (also where y is NaN)."""
    for i in range(y.size):
        out[i] = _ZERO if y[i] <= _ZERO else dy[i]


@njit(**FAST)
def gelu_tanh(x, out):
    """out = ½ x (1 + tanh(√(2/π)(x + 0.044715 x³)))."""
    for i in range(x.size):
        v = x[i]
        out[i] = _HALF * v * (_ONE + tanh32(_C * (v + _A * v * v * v)))


@njit(**FAST)
def gelu_tanh_backward(x, dy, out):
    """out = dy (½(1 + t) + ½ x (1 - t²) u'), t = tanh u, u' = √(2/π)(1 + 3 · 0.044715 x²)."""
    for i in range(x.size):
        v = x[i]
        t = tanh32(_C * (v + _A * v * v * v))
        slope = _C * (_ONE + _THREE * _A * v * v)
        out[i] = dy[i] * (_HALF * (_ONE + t) + _HALF * v * (_ONE - t * t) * slope)
