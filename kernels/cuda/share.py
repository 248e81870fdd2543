"""What one thread adds up of a row, a column or an array: its share is x[i], x[i + step], … before `end`.

Four elements are loaded before they are used: a loop that uses each one at once would wait for the memory at every
element, and too few loads would be on their way to fill its bandwidth. Four partial results also round less.
Each function here takes the float type T and returns a device function.
"""

from __future__ import annotations

import math

import numpy as np

from nanonet_kernels.cuda.device import formula


def make_total(T):
    """Σ x."""
    zero = T(0)

    @formula
    def total(x, i, end, step):
        s = zero
        while i + 3 * step < end:
            a, b, c, d = x[i], x[i + step], x[i + 2 * step], x[i + 3 * step]
            s += (a + b) + (c + d)
            i += 4 * step
        while i < end:
            s += x[i]
            i += step
        return s

    return total


def make_largest(T):
    """The largest x, NaN if there is one; -inf of nothing."""
    lowest = T(-np.inf)

    @formula
    def larger(a, b):
        return b if b > a or b != b else a

    @formula
    def largest(x, i, end, step):
        top = lowest
        while i + 3 * step < end:
            a, b, c, d = x[i], x[i + step], x[i + 2 * step], x[i + 3 * step]
            top = larger(top, larger(larger(a, b), larger(c, d)))
            i += 4 * step
        while i < end:
            top = larger(top, x[i])
            i += step
        return top

    return largest


def make_dot(T):
    """Σ x ⊙ y."""
    zero = T(0)

    @formula
    def dot(x, y, i, end, step):
        s = zero
        while i + 3 * step < end:
            a, b, c, d = x[i], x[i + step], x[i + 2 * step], x[i + 3 * step]
            e, f, g, h = y[i], y[i + step], y[i + 2 * step], y[i + 3 * step]
            s += (a * e + b * f) + (c * g + d * h)
            i += 4 * step
        while i < end:
            s += x[i] * y[i]
            i += step
        return s

    return dot


def make_squares(T):
    """Σ (x - centre)²."""
    zero = T(0)

    @formula
    def squares(x, centre, i, end, step):
        s = zero
        while i + 3 * step < end:
            a, b, c, d = x[i] - centre, x[i + step] - centre, x[i + 2 * step] - centre, x[i + 3 * step] - centre
            s += (a * a + b * b) + (c * c + d * d)
            i += 4 * step
        while i < end:
            a = x[i] - centre
            s += a * a
            i += step
        return s

    return squares


def make_exponentials(T):
    """Σ e^(x - top)."""
    zero = T(0)

    @formula
    def exponentials(x, top, i, end, step):
        s = zero
        while i + 3 * step < end:
            a, b, c, d = x[i] - top, x[i + step] - top, x[i + 2 * step] - top, x[i + 3 * step] - top
            s += (T(math.exp(a)) + T(math.exp(b))) + (T(math.exp(c)) + T(math.exp(d)))
            i += 4 * step
        while i < end:
            s += T(math.exp(x[i] - top))
            i += step
        return s

    return exponentials
