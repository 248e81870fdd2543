"""Update rules over flat buffers, one pass: SGD, momentum, Adam, AdamW. Arrays: contiguous, flat, float32 or float64.

p and the memory (b, m, v) are overwritten, g is only read; the numbers have the arrays' dtype. Adam moves 28 bytes per
float32 parameter: it reads p, g, m, v and writes p, m, v, each once. The same steps as NumPy calls (`updates`) read
and write small blocks some 14 times, in the cache but not for nothing.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import LOOP


@njit(**LOOP)
def sgd(p, g, lr, decay):
    """p ← p - lr (g + λp)."""
    for i in range(p.size):
        p[i] -= lr * (g[i] + decay * p[i])


@njit(**LOOP)
def momentum(p, g, b, lr, factor, fresh, decay, nesterov):
    """b ← μb + fresh g;  p ← p - lr b, or with Nesterov p ← p - lr (g + μb), where g stands for g + λp."""
    if nesterov:
        for i in range(p.size):
            d = g[i] + decay * p[i]
            b[i] = factor * b[i] + fresh * d
            p[i] -= lr * (d + factor * b[i])
    else:
        for i in range(p.size):
            b[i] = factor * b[i] + fresh * (g[i] + decay * p[i])
            p[i] -= lr * b[i]


@njit(**LOOP)
def adam(p, g, m, v, rate, beta1, rest1, beta2, rest2, small, decay, keep):
    """m ← β₁m + (1-β₁) g;  v ← β₂v + (1-β₂) g²;  p ← keep p - α m / (√v + ε̂), where g stands for g + λp.

    rate is α and small ε̂, which hold both corrections: Kingma and Ba 2015, the end of section 2. rest1 = 1 - β₁ and
    rest2 = 1 - β₂. AdamW has decay 0 and keep = 1 - lr λ, Adam has keep 1.
    """
    for i in range(p.size):
        d = g[i] + decay * p[i]
        m[i] = beta1 * m[i] + rest1 * d
        v[i] = beta2 * v[i] + rest2 * (d * d)
        p[i] = keep * p[i] - rate * m[i] / (np.sqrt(v[i]) + small)


@njit(**LOOP)
def amsgrad(p, g, m, v, v_max, rate, beta1, rest1, beta2, rest2, small, decay, keep):
    """As `adam`, with the largest v so far in the place of v: Reddi, Kale and Kumar 2018."""
    for i in range(p.size):
        d = g[i] + decay * p[i]
        m[i] = beta1 * m[i] + rest1 * d
        v[i] = beta2 * v[i] + rest2 * (d * d)
        v_max[i] = v[i] if v[i] > v_max[i] or v[i] != v[i] else v_max[i]  # NaN goes on, from either
        p[i] = keep * p[i] - rate * m[i] / (np.sqrt(v_max[i]) + small)
