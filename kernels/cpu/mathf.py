"""exp, tanh, sigmoid, erf, log and their relatives in float32 as plain arithmetic, which LLVM turns into vector code.

Numba from PyPI has no vector mathematics library: `math.exp` in a loop is one call per element. Each function below is
a straight line of additions and multiplications, with comparisons that select instead of branch, so a loop that calls
it computes 8 elements at a time (AVX2; 16 with AVX-512).

The bounds are in ulp, units in the last place of the exact result, against float64. exp's was searched over all
2³² float32 inputs, the others' over 20 million: docs/kernels-cpu.md. All give NaN for NaN. The polynomials
are minimax fits (weighted least squares, reweighted until the error is level), made for these functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# How the loops are compiled. `contract` fuses a · b + c into one instruction. `reassoc` lets a sum be added up in
# another order, 8 partial sums at a time; functions whose rounding is arranged by hand must not have it. No flag says
# that NaN, Inf or -0 do not occur. NumPy's division, since Python's check for 0 is a branch that keeps a loop from
# being vectorised. Without Python's lock (`nogil`) threads run them at the same time.
LOOP: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True, "cache": True}
SUM: dict[str, Any] = LOOP | {"fastmath": {"contract", "reassoc"}}
INLINE: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "forceinline": True}

_LOG2_E = np.float32(1.44269504)
_LN2_HIGH = np.float32(0.693359375)  # ln 2 in two parts: n · high is exact
_LN2_LOW = np.float32(-2.12194440e-4)
_ROUND = np.float32(12582912)  # 1.5 · 2²³: after adding it, the last bits of a float32 are the nearest integer
_ROUND_BITS = np.int32(0x4B400000)
_BIAS = np.int32(127)
_MANTISSA = np.int32(23)  # bits of it
_SIGN = np.int32(-(2**31))
_ZERO = np.float32(0)
_HALF = np.float32(0.5)
_ONE = np.float32(1)
_TWO = np.float32(2)
_SQRT_HALF = np.float32(0.70710678)
_INF = np.float32(np.inf)
_NAN = np.float32(np.nan)


@njit(**INLINE)
def _bits(x):
    return np.float32(x).view(np.int32)


@njit(**INLINE)
def _power_of_2(n):
    """2ⁿ for -126 ≤ n ≤ 127: n goes into the exponent's bits."""
    return np.int32((n + _BIAS) << _MANTISSA).view(np.float32)


@njit(**INLINE)
def _with_sign(x, y):
    """|x| with the sign of y, which may be -0."""
    return np.int32((_bits(x) & ~_SIGN) | (_bits(y) & _SIGN)).view(np.float32)


@njit(**INLINE)
def _exp_series(r):
    """(e^r - 1 - r) / r² for |r| ≤ ½ ln 2, relative error of e^r 4e-9."""
    p = np.float32(0.001381453825160861)
    p = p * r + np.float32(0.00836874544620514)
    p = p * r + np.float32(0.04166838899254799)
    p = p * r + np.float32(0.1666652113199234)
    return p * r + np.float32(0.4999999403953552)


@njit(**INLINE)
def exp32(x):
    """e^x within 1 ulp; subnormal results too, 0 below -104, inf above 88.73.

    x = n ln 2 + r with |r| ≤ ½ ln 2;  e^x = 2ⁿ e^r. 2ⁿ in two factors, since neither 2¹²⁸ nor 2⁻¹⁴⁹ has an exponent
    of its own.
    """
    x = np.float32(89) if x > np.float32(89) else x
    x = np.float32(-104) if x < np.float32(-104) else x
    shifted = x * _LOG2_E + _ROUND
    n = shifted - _ROUND
    r = x - n * _LN2_HIGH
    r = r - n * _LN2_LOW
    y = (_exp_series(r) * r + _ONE) * r + _ONE
    k = _bits(shifted) - _ROUND_BITS
    half = k >> np.int32(1)
    return y * _power_of_2(half) * _power_of_2(np.int32(k - half))


@njit(**INLINE)
def exp32_below(x):
    """e^x for x ≤ 0, in fewer steps: 0 where the result would be subnormal (x < -87.33)."""
    bounded = np.float32(-87.3) if x < np.float32(-87.3) else x
    shifted = bounded * _LOG2_E + _ROUND
    n = shifted - _ROUND
    r = bounded - n * _LN2_HIGH
    r = r - n * _LN2_LOW
    y = (_exp_series(r) * r + _ONE) * r + _ONE
    y = y * _power_of_2(np.int32(_bits(shifted) - _ROUND_BITS))
    return _ZERO if x < np.float32(-87.33) else y


@njit(**INLINE)
def expm1_32(x):
    """e^x - 1 within 2 ulp for x ≤ 44, and what is asked of it nowhere above: 2ⁿ (e^r - 1) + (2ⁿ - 1)."""
    x = np.float32(44) if x > np.float32(44) else x
    x = np.float32(-44) if x < np.float32(-44) else x
    shifted = x * _LOG2_E + _ROUND
    n = shifted - _ROUND
    r = x - n * _LN2_HIGH
    r = r - n * _LN2_LOW
    scale = _power_of_2(np.int32(_bits(shifted) - _ROUND_BITS))
    y = scale * (_exp_series(r) * r * r + r) + (scale - _ONE)
    return _with_sign(y, x)


@njit(**INLINE)
def tanh32(x):
    """tanh x = m / (m + 2) with m = e^{2|x|} - 1, and the sign of x."""
    t = abs(x)
    t = np.float32(9.02) if t > np.float32(9.02) else t  # from there on it is 1
    m = expm1_32(_TWO * t)
    return _with_sign(m / (m + _TWO), x)


@njit(**INLINE)
def sigmoid32(x):
    """1 / (1 + e^-x)."""
    return _ONE / (_ONE + exp32(-x))


@njit(**INLINE)
def _log_series(f):
    """log(1 + f) for √½ ≤ 1 + f ≤ √2: f - ½ f² + f³ p(f)."""
    p = np.float32(-0.07635588198900223)
    p = p * f + np.float32(0.1276330053806305)
    p = p * f + np.float32(-0.13160595297813416)
    p = p * f + np.float32(0.14201557636260986)
    p = p * f + np.float32(-0.16623297333717346)
    p = p * f + np.float32(0.20001232624053955)
    p = p * f + np.float32(-0.250008225440979)
    p = p * f + np.float32(0.3333333134651184)
    s = f * f
    return f - (_HALF * s - f * s * p)


@njit(**INLINE)
def log32(x):
    """log x: -inf at 0, NaN below. x = 2ⁿ (1 + f) with √½ ≤ 1 + f < √2."""
    small = x < np.float32(1.17549435e-38)  # a subnormal number has no exponent of its own
    scaled = x * np.float32(8388608) if small else x
    bits = _bits(scaled)
    n = (bits >> _MANTISSA) - np.int32(126)
    m = np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F000000)).view(np.float32)  # in [½, 1)
    low = m < _SQRT_HALF
    f = (m + m if low else m) - _ONE
    power = np.float32(n) - (_ONE if low else _ZERO) - (np.float32(23) if small else _ZERO)
    y = power * _LN2_HIGH + (power * _LN2_LOW + _log_series(f))
    y = y if x < _INF else x  # inf and NaN
    y = y if x > _ZERO else (-_INF if x == _ZERO else _NAN)
    return y


@njit(**INLINE)
def log1p32_unit(x):
    """log(1 + x) for 0 ≤ x ≤ 1, accurate near 0 too."""
    high = x > np.float32(0.41421356)
    f = (x - _ONE) * _HALF if high else x  # 1 + x = 2 (1 + f)
    y = _log_series(f)
    return y + np.float32(0.6931471805599453) if high else y


@njit(**INLINE)
def erf32(x):
    """erf x: an odd polynomial below 0.92, above it 1 - e^{-t p(t)} with t = |x|."""
    t = abs(x)
    s = x * x
    p = np.float32(8.316772436955944e-05)
    p = p * s + np.float32(-0.0008130011847242713)
    p = p * s + np.float32(0.005199906416237354)
    p = p * s + np.float32(-0.026858940720558167)
    p = p * s + np.float32(0.11283687502145767)
    p = p * s + np.float32(-0.37612631916999817)
    p = p * s + np.float32(0.12837916612625122)
    small = p * x + x
    t = np.float32(4) if t > np.float32(4) else t  # from 3.92 on it is 1
    q = np.float32(-1.1231470125494525e-05)
    q = q * t + np.float32(0.00032280542654916644)
    q = q * t + np.float32(-0.0036424652207642794)
    q = q * t + np.float32(0.02376207523047924)
    q = q * t + np.float32(-0.10623687952756882)
    q = q * t + np.float32(-0.6351513266563416)
    q = q * t + np.float32(-0.12864848971366882)
    large = _ONE - exp32_below(q * t - t)
    return small if t < np.float32(0.92) else _with_sign(large, x)


@njit(**INLINE)
def normal_tail32(t):
    """(Φ(-t), e^{-t²/2}) for t ≥ 0, where Φ is the normal distribution: Φ(-t) = e^{-t²/2} u p(u), u = 1 / (1 + 0.3 t).

    One exponential serves both; the polynomial approximates Mills' ratio.
    """
    e = exp32_below(-_HALF * t * t)
    u = _ONE / (np.float32(0.3) * t + _ONE)
    p = np.float32(0.037409354001283646)
    p = p * u + np.float32(-0.16442446410655975)
    p = p * u + np.float32(0.2187943309545517)
    p = p * u + np.float32(-0.06513818353414536)
    p = p * u + np.float32(0.1346244066953659)
    p = p * u + np.float32(0.09807686507701874)
    p = p * u + np.float32(0.12104739993810654)
    p = p * u + np.float32(0.11961032450199127)
    return e * u * p, e
