"""The pointwise part of an LSTM step, forward and backward. Arrays: contiguous float32; gates (N, 4H), the rest (N, H).

One pass over the four gates and the cell; the textbook rule makes an array for each of some 20 steps.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import LOOP, sigmoid32, tanh32

_ONE = np.float32(1)


@njit(**LOOP)
def lstm_step(gx, gh, c, gates, new, tanh_c, h):
    """a = gx + gh, gates = (i, f, g, o) = (σ, σ, tanh, σ)(a);  new = f c + i g;  tanh_c = tanh(new);  h = o tanh_c."""
    count, size = c.shape
    for n in range(count):
        for k in range(2 * size):
            gates[n, k] = sigmoid32(gx[n, k] + gh[n, k])
        for k in range(2 * size, 3 * size):
            gates[n, k] = tanh32(gx[n, k] + gh[n, k])
        for k in range(3 * size, 4 * size):
            gates[n, k] = sigmoid32(gx[n, k] + gh[n, k])
        for k in range(size):
            new[n, k] = gates[n, size + k] * c[n, k] + gates[n, k] * gates[n, 2 * size + k]
        for k in range(size):
            tanh_c[n, k] = tanh32(new[n, k])
        for k in range(size):
            h[n, k] = gates[n, 3 * size + k] * tanh_c[n, k]


@njit(**LOOP)
def lstm_step_backward(gates, c, tanh_c, dh, dc, da, dc_before):
    """dc += dh o (1 - tanh_c²);  da = (dc g i(1 - i), dc c f(1 - f), dc i (1 - g²), dh tanh_c o(1 - o));  dc f.

    dc is what came from the step after; dc_before goes to the step before. Both are left apart.
    """
    count, size = c.shape
    for n in range(count):
        for k in range(size):
            i, f = gates[n, k], gates[n, size + k]
            g, o = gates[n, 2 * size + k], gates[n, 3 * size + k]
            t = tanh_c[n, k]
            d = dc[n, k] + dh[n, k] * o * (_ONE - t * t)
            da[n, k] = d * g * i * (_ONE - i)
            da[n, size + k] = d * c[n, k] * f * (_ONE - f)
            da[n, 2 * size + k] = d * i * (_ONE - g * g)
            da[n, 3 * size + k] = dh[n, k] * t * o * (_ONE - o)
            dc_before[n, k] = d * f
