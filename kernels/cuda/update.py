"""Gradient descent, momentum, RMSprop and Adagrad in place over flat buffers: each number is read and written once.

p, g are parameters and gradients, the rest is the optimizer's memory; all float32 or float64, of one size. The rules
are those of nanonet.ops.update; Adam has a module of its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nanonet_kernels.cuda.device import Precisions, cuda, precisions
from nanonet_kernels.cuda.launch import plan

Array = Any


def _sgd(T):
    zero = T(0)

    def sgd(p, g, n, lr, decay):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            d = g[i] + decay * p[i] if decay != zero else g[i]
            p[i] = p[i] - lr * d
            i += step

    return sgd


def _momentum(T):
    zero = T(0)

    def momentum(p, g, b, n, lr, mu, share, decay, nesterov):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            d = g[i] + decay * p[i] if decay != zero else g[i]
            v = mu * b[i] + share * d
            b[i] = v
            p[i] = p[i] - lr * (d + mu * v if nesterov else v)
            i += step

    return momentum


def _rmsprop(T):
    zero, nan = T(0), T(np.nan)

    def rmsprop(p, g, v, m, b, n, lr, alpha, share, eps, decay, mu, centered, moving):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            d = g[i] + decay * p[i] if decay != zero else g[i]
            square = alpha * v[i] + share * (d * d)
            v[i] = square
            if centered:
                mean = alpha * m[i] + share * d
                m[i] = mean
                square = square - mean * mean
            change = d / ((T(math.sqrt(square)) if square >= zero else nan) + eps)
            if moving:
                change = mu * b[i] + change
                b[i] = change
            p[i] = p[i] - lr * change
            i += step

    return rmsprop


def _adagrad(T):
    zero = T(0)

    def adagrad(p, g, v, n, lr, eps, decay):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            d = g[i] + decay * p[i] if decay != zero else g[i]
            square = v[i] + d * d
            v[i] = square
            p[i] = p[i] - lr * (d / (T(math.sqrt(square)) + eps))
            i += step

    return adagrad


_sgds = precisions(_sgd, "T* T* i8 T T")
_momenta = precisions(_momentum, "T* T* T* i8 T T T T i4")
_rmsprops = precisions(_rmsprop, "T* T* T* T* T* i8 T T T T T T i4 i4")
_adagrads = precisions(_adagrad, "T* T* T* i8 T T T")


def sgd(p: Array, g: Array, *, lr: float, weight_decay: float = 0.0, stream: Any = None) -> None:
    """p ← p - lr (g + λp)."""
    _launch(_sgds, (p, g), (lr, weight_decay), stream)


def momentum(
    p: Array,
    g: Array,
    b: Array,
    *,
    lr: float,
    momentum: float,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    stream: Any = None,
) -> None:
    """b ← μb + (1 - dampening) g;  p ← p - lr b, or with Nesterov p ← p - lr (g + μb)."""
    _launch(_momenta, (p, g, b), (lr, momentum, 1 - dampening, weight_decay, nesterov), stream)


def rmsprop(
    p: Array,
    g: Array,
    v: Array,
    m: Array | None = None,
    b: Array | None = None,
    *,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    stream: Any = None,
) -> None:
    """v ← αv + (1-α) g²;  p ← p - lr g / (√v + ε); centered with m, with momentum b."""
    numbers = (lr, alpha, 1 - alpha, eps, weight_decay, momentum, m is not None, b is not None)
    _launch(_rmsprops, (p, g, v, v if m is None else m, v if b is None else b), numbers, stream)


def adagrad(
    p: Array, g: Array, v: Array, *, lr: float, eps: float, weight_decay: float = 0.0, stream: Any = None
) -> None:
    """v ← v + g²;  p ← p - lr g / (√v + ε)."""
    _launch(_adagrads, (p, g, v), (lr, eps, weight_decay), stream)


def _launch(kernels: Precisions, arrays: tuple[Array, ...], numbers: tuple[float, ...], stream: Any) -> None:
    p = arrays[0]
    if p.size:
        grid, block = plan("elementwise", p.size)
        kernels[p.dtype.char](grid, *arrays, p.size, *numbers, block=block, stream=stream)
