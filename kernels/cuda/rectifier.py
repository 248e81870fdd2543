"""Activations made of straight pieces, and the ELU family: each formula, and the gradient beside it.

Called as `leaky_relu(x, y, slope)` and `leaky_relu_backward(x, dy, dx, slope)`: inputs, output, numbers. Every formula
is a comparison and a multiplication, so the time is that of reading and writing. NaN, corners and ties as in
nanonet.ops.rectifier and nanonet.ops.elu.
"""

from __future__ import annotations

import math

from nanonet_kernels.cuda.elementwise import Elementwise


def _relu(T):
    """y = x where x > 0, else 0; NaN stays NaN."""
    zero = T(0)

    def relu(x):
        return zero if x <= zero else x

    return relu


def _relu_backward(T):
    """dx = 0 where y <= 0, else dy (also where y is NaN). Arguments: y, dy, dx."""
    zero = T(0)

    def slope(y, dy):
        return zero if y <= zero else dy

    return slope


def _relu6(T):
    """y = min(max(x, 0), 6)."""
    zero, six = T(0), T(6)

    def relu6(x):
        return zero if x <= zero else (six if x >= six else x)

    return relu6


def _relu6_backward(T):
    """dx = 0 where y <= 0 or y >= 6, else dy. Arguments: y, dy, dx."""
    zero, six = T(0), T(6)

    def slope(y, dy):
        return zero if y <= zero or y >= six else dy

    return slope


def _leaky_relu(T):
    """y = x where x > 0, else slope x. Numbers: slope."""
    zero = T(0)

    def leaky_relu(x, slope):
        return x if x > zero else slope * x + zero  # -0 becomes 0

    return leaky_relu


def _leaky_relu_backward(T):
    """dx = dy where x > 0, else slope dy. Numbers: slope."""
    zero = T(0)

    def slope(x, dy, slope):
        return (dy if x > zero else slope * dy) + zero  # -0 becomes 0, as where the rule adds two parts

    return slope


def _hardtanh(T):
    """y = min(max(x, low), high). Numbers: low, high."""

    def hardtanh(x, low, high):
        x = low if x < low else x
        return high if x > high else x

    return hardtanh


def _hardtanh_backward(T):
    """dx = 0 where x <= low or x >= high, else dy. Numbers: low, high."""
    zero = T(0)

    def slope(x, dy, low, high):
        return zero if x <= low or x >= high else dy

    return slope


def _hardsigmoid(T):
    """y = min(max(x + 3, 0), 6) / 6."""
    zero, three, six = T(0), T(3), T(6)

    def hardsigmoid(x):
        v = x + three
        v = zero if v < zero else v
        return (six if v > six else v) / six

    return hardsigmoid


def _hardsigmoid_backward(T):
    """dx = dy / 6 where -3 < x < 3, else 0."""
    zero, three, six = T(0), T(3), T(6)

    def slope(x, dy):
        return dy / six if x > -three and x < three else zero

    return slope


def _hardswish(T):
    """y = x min(max(x + 3, 0), 6) / 6."""
    zero, three, six = T(0), T(3), T(6)

    def hardswish(x):
        v = x + three
        v = zero if v < zero else v
        return x * (six if v > six else v) / six

    return hardswish


def _hardswish_backward(T):
    """dx = dy (x / 3 + ½) where -3 < x < 3, 0 below, dy above."""
    zero, half, one, three = T(0), T(0.5), T(1), T(3)

    def slope(x, dy):
        return zero if x <= -three else dy * (x / three + half if x < three else one)

    return slope


def _hardshrink(T):
    """y = 0 where |x| <= lambd, else x. Numbers: lambd."""
    zero = T(0)

    def hardshrink(x, lambd):
        return zero if x >= -lambd and x <= lambd else x

    return hardshrink


def _softshrink(T):
    """y = x - min(max(x, -lambd), lambd). Numbers: lambd."""

    def softshrink(x, lambd):
        v = -lambd if x < -lambd else x
        return x - (lambd if v > lambd else v)

    return softshrink


def _shrink_backward(T):
    """dx = 0 where |x| <= lambd, else dy: of hardshrink and of softshrink. Numbers: lambd."""
    zero = T(0)

    def slope(x, dy, lambd):
        return zero if x >= -lambd and x <= lambd else dy

    return slope


def _threshold(T):
    """y = value where x <= threshold, else x. Numbers: threshold, value."""

    def above(x, threshold, value):
        return value if x <= threshold else x

    return above


def _threshold_backward(T):
    """dx = 0 where x <= threshold, else dy. Numbers: threshold."""
    zero = T(0)

    def slope(x, dy, threshold):
        return zero if x <= threshold else dy

    return slope


def _elu(T):
    """y = scale x where x > 0, else scale alpha (e^(rate x) - 1). Numbers: alpha, scale, rate.

    elu: (alpha, 1, 1); selu: (1.6732632423543772, 1.0507009873554805, 1); celu: (alpha, 1, 1 / alpha).
    """
    zero = T(0)

    def elu(x, alpha, scale, rate):
        return scale * x if x > zero else scale * alpha * T(math.expm1(rate * x)) + zero  # -0 becomes 0

    return elu


def _elu_backward(T):
    """dx = scale dy where x > 0 (or NaN), else dy scale alpha rate e^(rate x). Numbers: alpha, scale, rate."""
    zero = T(0)

    def slope(x, dy, alpha, scale, rate):
        return dy * (scale * alpha * rate * T(math.exp(rate * x)) if x <= zero else scale)

    return slope


relu, relu_backward = Elementwise(_relu), Elementwise(_relu_backward, 2)
relu6, relu6_backward = Elementwise(_relu6), Elementwise(_relu6_backward, 2)
leaky_relu, leaky_relu_backward = Elementwise(_leaky_relu, 1, 1), Elementwise(_leaky_relu_backward, 2, 1)
hardtanh, hardtanh_backward = Elementwise(_hardtanh, 1, 2), Elementwise(_hardtanh_backward, 2, 2)
hardsigmoid, hardsigmoid_backward = Elementwise(_hardsigmoid), Elementwise(_hardsigmoid_backward, 2)
hardswish, hardswish_backward = Elementwise(_hardswish), Elementwise(_hardswish_backward, 2)
hardshrink, softshrink = Elementwise(_hardshrink, 1, 1), Elementwise(_softshrink, 1, 1)
shrink_backward = Elementwise(_shrink_backward, 2, 1)
threshold, threshold_backward = Elementwise(_threshold, 1, 2), Elementwise(_threshold_backward, 2, 1)
elu, elu_backward = Elementwise(_elu, 1, 3), Elementwise(_elu_backward, 2, 3)
