"""exp and tanh in float32 as plain arithmetic, so that LLVM can vectorise the loops that call them.

Numba from PyPI has no vector mathematics library: `math.exp` in a loop is one call per element.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Not nnan and ninf: NaN and Inf keep their meaning. NumPy's division, since Python's check for 0 is a branch that
# keeps a loop from being vectorised.
FAST = {"fastmath": {"contract", "nsz", "arcp", "reassoc"}, "error_model": "numpy", "cache": True}

_LOG2_E = np.float32(1.44269504)
_LN2_HIGH = np.float32(0.693359375)  # ln 2 in two parts: n · high is exact
_LN2_LOW = np.float32(-2.12194440e-4)
_LOWEST = np.float32(-87.33654)  # below it exp is subnormal
_HIGHEST = np.float32(88.72283)
_TOP = np.float32(127)
_ONE = np.float32(1)
_TWO = np.float32(2)
_HALF = np.float32(0.5)


@njit(inline="always")
def exp32(x):
    """e^x within 5 ulp for |x| ≤ 87; 0 below about -87.3, inf above about 88.7, NaN for NaN.

    x = n ln 2 + r with |r| ≤ ½ ln 2;  e^x = 2ⁿ e^r, e^r by a polynomial (coefficients: Cephes, expf.c), 2ⁿ by writing
    n into the exponent bits.
    """
    bounded = min(max(x, _LOWEST), _HIGHEST)
    n = min(np.floor(bounded * _LOG2_E + _HALF), _TOP)  # 2¹²⁸ is no float32
    r = bounded - n * _LN2_HIGH
    r = r - n * _LN2_LOW
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    y = p * r * r + r + _ONE
    y = y * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    y = y if x <= _HIGHEST else np.float32(np.inf)
    y = y if x >= _LOWEST else np.float32(0)
    return y if x == x else x


@njit(inline="always")
def tanh32(x):
    """tanh x = 1 - 2 / (e^{2x} + 1), absolute error at most 3e-7."""
    return _ONE - _TWO / (exp32(_TWO * x) + _ONE)
