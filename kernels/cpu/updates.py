"""Update rules in place, on NumPy: no array is made but two small work buffers.

Every function takes a parameter `p`, its gradient `g` (which is only read) and the optimizer's memory, all of one
shape, overwrites p and the memory, and returns them. The work goes block by block, so that a block of every array
stays in the processor's cache from the first pass to the last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

Array = Any
BLOCK = 65_536  # elements: large enough to hide the cost of the calls, small enough for the second-level cache


def blocks(p: Array, *others: Array | None) -> Iterator[tuple[Any, ...]]:
    """(block of p, blocks of the others, two work buffers), one after another; None stays None."""
    arrays = [a for a in (p, *others) if a is not None]
    if p.size <= BLOCK or not all(a.flags.c_contiguous for a in arrays):
        yield p, *others, np.empty_like(p), np.empty_like(p)
        return
    flat = [None if a is None else a.reshape(-1) for a in (p, *others)]
    s, t = np.empty(BLOCK, p.dtype), np.empty(BLOCK, p.dtype)
    for start in range(0, p.size, BLOCK):
        part = [None if a is None else a[start : start + BLOCK] for a in flat]
        n = min(BLOCK, p.size - start)
        yield *part, s[:n], t[:n]


def sgd(p: Array, g: Array, *, lr: float, weight_decay: float = 0.0) -> tuple[Array]:
    """p ← p - lr (g + λp)."""
    for p_, g_, s, _ in blocks(p, g):
        np.multiply(_decayed(p_, g_, weight_decay, s), lr, out=s)
        np.subtract(p_, s, out=p_)
    return (p,)


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
) -> tuple[Array, Array]:
    """b ← μb + (1 - dampening) g;  p ← p - lr b, or with Nesterov p ← p - lr (g + μb)."""
    for p_, g_, b_, s, t in blocks(p, g, b):
        g_ = _decayed(p_, g_, weight_decay, s)
        np.multiply(b_, momentum, out=b_)
        np.add(b_, np.multiply(g_, 1 - dampening, out=t) if dampening else g_, out=b_)
        step = b_
        if nesterov:
            np.multiply(b_, momentum, out=t)
            step = np.add(g_, t, out=t)
        np.multiply(step, lr, out=t)
        np.subtract(p_, t, out=p_)
    return p, b


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
) -> tuple[Array, Array, Array | None, Array | None]:
    """v ← αv + (1-α) g²;  p ← p - lr g / (√v + ε); centered with m, with momentum b."""
    for p_, g_, v_, m_, b_, s, t in blocks(p, g, v, m, b):
        g_ = _decayed(p_, g_, weight_decay, s)
        _mean_square(v_, g_, alpha, t)
        if m_ is None:
            np.sqrt(v_, out=t)
        else:
            _mean(m_, g_, alpha, t)
            np.multiply(m_, m_, out=t)
            np.subtract(v_, t, out=t)
            np.sqrt(t, out=t)
        np.add(t, eps, out=t)
        np.divide(g_, t, out=t)
        if b_ is not None:
            np.multiply(b_, momentum, out=b_)
            np.add(b_, t, out=b_)
            np.multiply(b_, lr, out=t)
        else:
            np.multiply(t, lr, out=t)
        np.subtract(p_, t, out=p_)
    return p, v, m, b


def adagrad(p: Array, g: Array, v: Array, *, lr: float, eps: float, weight_decay: float = 0.0) -> tuple[Array, Array]:
    """v ← v + g²;  p ← p - lr g / (√v + ε)."""
    for p_, g_, v_, s, t in blocks(p, g, v):
        g_ = _decayed(p_, g_, weight_decay, s)
        np.multiply(g_, g_, out=t)
        np.add(v_, t, out=v_)
        np.sqrt(v_, out=t)
        np.add(t, eps, out=t)
        np.divide(g_, t, out=t)
        np.multiply(t, lr, out=t)
        np.subtract(p_, t, out=p_)
    return p, v


def adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    v_max: Array | None = None,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    step: int,
    weight_decay: float = 0.0,
) -> tuple[Array, Array, Array, Array | None]:
    """m ← β₁m + (1-β₁) g;  v ← β₂v + (1-β₂) g²;  p ← p - α m / (√v + ε̂).

    The two corrections go into the numbers α = lr √(1-β₂ᵗ) / (1-β₁ᵗ) and ε̂ = ε √(1-β₂ᵗ), which saves two passes:
    Kingma and Ba 2015, the end of section 2.
    """
    root = math.sqrt(1 - beta2**step)
    rate, small = lr * root / (1 - beta1**step), eps * root
    for p_, g_, m_, v_, v_max_, s, t in blocks(p, g, m, v, v_max):
        g_ = _decayed(p_, g_, weight_decay, s)
        _mean(m_, g_, beta1, t)
        _mean_square(v_, g_, beta2, t)
        np.sqrt(v_ if v_max_ is None else np.maximum(v_max_, v_, out=v_max_), out=t)
        np.add(t, small, out=t)
        np.divide(m_, t, out=t)
        np.multiply(t, rate, out=t)
        np.subtract(p_, t, out=p_)
    return p, m, v, v_max


def adamw(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    v_max: Array | None = None,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    step: int,
    weight_decay: float = 0.0,
) -> tuple[Array, Array, Array, Array | None]:
    """p ← (1 - lr λ) p, then Adam without weight decay."""
    np.multiply(p, 1 - lr * weight_decay, out=p)
    return adam(p, g, m, v, v_max, lr=lr, beta1=beta1, beta2=beta2, eps=eps, step=step)


def scale_to_norm(g: Array, norm: Array, *, max_norm: float) -> Array:
    """g ← g · min(1, max_norm / (norm + 10⁻⁶))."""
    factor = np.minimum(max_norm / (norm + 1e-6), 1.0)
    return g if factor == 1 else np.multiply(g, factor.astype(g.dtype), out=g)


def clip_value(g: Array, *, limit: float) -> Array:
    """g ← g, brought into [-limit, limit]."""
    return np.clip(g, -limit, limit, out=g)


def _decayed(p: Array, g: Array, weight_decay: float, out: Array) -> Array:
    if not weight_decay:
        return g
    np.multiply(p, weight_decay, out=out)
    return np.add(g, out, out=out)


def _mean(m: Array, g: Array, beta: float, work: Array) -> None:
    np.multiply(m, beta, out=m)
    np.multiply(g, 1 - beta, out=work)
    np.add(m, work, out=m)


def _mean_square(v: Array, g: Array, beta: float, work: Array) -> None:
    np.multiply(v, beta, out=v)
    np.multiply(g, g, out=work)
    np.multiply(work, 1 - beta, out=work)
    np.add(v, work, out=v)
