"""Smooth activations: each formula, and the gradient beside it.

Called as `gelu(x, y)` and `gelu_backward(x, dy, dx)`: inputs, output, numbers. What the gradient needs of the forward
pass it computes again from x: a few instructions are cheaper than an array that is written and read. The exponential,
tanh and erf are libdevice's (a few ulp). No formula overflows, and NaN stays NaN, as in nanonet.ops.activation.
"""

from __future__ import annotations

import math

from nanonet_kernels.cuda.device import formula
from nanonet_kernels.cuda.elementwise import Elementwise


def make_sigmoid(T):
    """1 / (1 + e^-x), with the exponential of -|x| only, which is never larger than 1."""
    zero, one = T(0), T(1)

    def sigmoid(x):
        e = T(math.exp(-abs(x)))
        return (e if x < zero else one) / (one + e)

    return sigmoid


def _sigmoid(T):
    """y = 1 / (1 + e^-x)."""
    return make_sigmoid(T)


def _sigmoid_backward(T):
    """dx = dy y (1 - y). Arguments: y, dy, dx."""
    one = T(1)

    def slope(y, dy):
        return dy * y * (one - y)

    return slope


def _tanh(T):
    """y = tanh x."""

    def tanh(x):
        return T(math.tanh(x))

    return tanh


def _tanh_backward(T):
    """dx = dy (1 - y²). Arguments: y, dy, dx."""
    one = T(1)

    def slope(y, dy):
        return dy * (one - y * y)

    return slope


def _gelu(T):
    """y = x Φ(x), Φ(x) = ½ (1 + erf(x/√2))."""
    half, one, root = T(0.5), T(1), T(math.sqrt(0.5))

    def gelu(x):
        return x * (half * (one + T(math.erf(x * root))))

    return gelu


def _gelu_backward(T):
    """dx = dy (Φ(x) + x φ(x)), φ(x) = e^(-x²/2) / √(2π)."""
    half, one, root, density = T(0.5), T(1), T(math.sqrt(0.5)), T(1 / math.sqrt(2 * math.pi))

    def slope(x, dy):
        return dy * (half * (one + T(math.erf(x * root))) + x * (density * T(math.exp(-half * x * x))))

    return slope


def _gelu_tanh(T):
    """y = ½ x (1 + tanh(√(2/π)(x + 0.044715 x³)))."""
    half, one, c, a = T(0.5), T(1), T(math.sqrt(2 / math.pi)), T(0.044715)

    def gelu(x):
        return x * (half * (one + T(math.tanh(c * (x + a * (x * x * x))))))

    return gelu


def _gelu_tanh_backward(T):
    """dx = dy (Φ + x · 2 Φ (1 - Φ) √(2/π)(1 + 3 · 0.044715 x²)), Φ = ½ (1 + tanh(…))."""
    half, one, two, c, a, b = T(0.5), T(1), T(2), T(math.sqrt(2 / math.pi)), T(0.044715), T(3 * 0.044715)

    def slope(x, dy):
        cdf = half * (one + T(math.tanh(c * (x + a * (x * x * x)))))
        return dy * (cdf + x * (two * cdf * (one - cdf) * (one + b * (x * x)) * c))

    return slope


def _silu(T):
    """y = x s, s = sigmoid(x)."""
    sigmoid = formula(make_sigmoid(T))

    def silu(x):
        return x * sigmoid(x)

    return silu


def _silu_backward(T):
    """dx = dy s (1 + x (1 - s)), s = sigmoid(x)."""
    sigmoid, one = formula(make_sigmoid(T)), T(1)

    def slope(x, dy):
        s = sigmoid(x)
        return dy * s * (one + x * (one - s))

    return slope


def _mish(T):
    """y = x t, t = n / (n + 2), n = e^x (e^x + 2); beyond 20, t is 1 to the last bit."""
    two, far = T(2), T(20)

    def mish(x):
        e = T(math.exp(far if x > far else x))
        n = e * (e + two)
        return x * (n / (n + two))

    return mish


def _mish_backward(T):
    """dx = dy (t + x (1 - t²) sigmoid(x))."""
    sigmoid, one, two, far = formula(make_sigmoid(T)), T(1), T(2), T(20)

    def slope(x, dy):
        e = T(math.exp(far if x > far else x))
        n = e * (e + two)
        t = n / (n + two)
        return dy * (t + x * (one - t * t) * sigmoid(x))

    return slope


def _softplus(T):
    """y = log(1 + e^(beta x)) / beta, and x where beta x > threshold. Numbers: beta, threshold."""
    zero = T(0)

    def softplus(x, beta, threshold):
        z = beta * x
        y = (T(math.log1p(math.exp(-abs(z)))) + (zero if z < zero else z)) / beta
        return x if z > threshold else y

    return softplus


def _softplus_backward(T):
    """dx = dy sigmoid(beta x), and dy where beta x > threshold. Numbers: beta, threshold."""
    sigmoid = formula(make_sigmoid(T))

    def slope(x, dy, beta, threshold):
        z = beta * x
        return dy if z > threshold else dy * sigmoid(z)

    return slope


def _logsigmoid(T):
    """y = min(x, 0) - log(1 + e^-|x|)."""
    zero = T(0)

    def logsigmoid(x):
        return (zero if x > zero else x) - T(math.log1p(math.exp(-abs(x))))

    return logsigmoid


def _logsigmoid_backward(T):
    """dx = dy sigmoid(-x)."""
    sigmoid = formula(make_sigmoid(T))

    def slope(x, dy):
        return dy * sigmoid(-x)

    return slope


sigmoid, sigmoid_backward = Elementwise(_sigmoid), Elementwise(_sigmoid_backward, 2)
tanh, tanh_backward = Elementwise(_tanh), Elementwise(_tanh_backward, 2)
gelu, gelu_backward = Elementwise(_gelu), Elementwise(_gelu_backward, 2)
gelu_tanh, gelu_tanh_backward = Elementwise(_gelu_tanh), Elementwise(_gelu_tanh_backward, 2)
silu, silu_backward = Elementwise(_silu), Elementwise(_silu_backward, 2)
mish, mish_backward = Elementwise(_mish), Elementwise(_mish_backward, 2)
softplus, softplus_backward = Elementwise(_softplus, 1, 2), Elementwise(_softplus_backward, 2, 2)
logsigmoid, logsigmoid_backward = Elementwise(_logsigmoid), Elementwise(_logsigmoid_backward, 2)
