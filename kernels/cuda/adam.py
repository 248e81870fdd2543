"""Adam and AdamW in place over flat buffers: one pass reads and writes each number once.

The rules are those of nanonet.ops.update, the arithmetic that of kernels/cpu/updates.py: the two corrections are the
numbers rate = lr √(1-β₂ᵗ) / (1-β₁ᵗ) and small = ε √(1-β₂ᵗ) (Kingma and Ba 2015, the end of section 2). In a CUDA graph,
whose arguments are fixed, `adam_numbers` computes them on the device from a step counter there.
"""

from __future__ import annotations

import math
from typing import Any

from nanonet_kernels.cuda.device import cuda, formula, precisions
from nanonet_kernels.cuda.launch import plan

Array = Any


def make_adam_step(T):
    """One element's new (p, m, v, v_max)."""
    zero = T(0)

    def adam_step(p, g, m, v, top, rate, small, shrink, beta1, share1, beta2, share2, decay, amsgrad):
        p = p * shrink
        d = g + decay * p if decay != zero else g
        m = beta1 * m + share1 * d
        v = beta2 * v + share2 * (d * d)
        top = (v if v > top or v != v else top) if amsgrad else v
        return p - rate * (m / (T(math.sqrt(top)) + small)), m, v, top

    return adam_step


def _adam(T):
    adam_step = formula(make_adam_step(T))

    def adam(p, g, m, v, v_max, n, rate, small, shrink, beta1, share1, beta2, share2, decay, amsgrad):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            p[i], m[i], v[i], top = adam_step(
                p[i], g[i], m[i], v[i], v_max[i], rate, small, shrink, beta1, share1, beta2, share2, decay, amsgrad
            )
            if amsgrad:
                v_max[i] = top
            i += step

    return adam


def _adam_captured(T):
    adam_step = formula(make_adam_step(T))

    def adam_captured(p, g, m, v, v_max, numbers, n, beta1, share1, beta2, share2, decay, amsgrad):
        rate, small, shrink = numbers[0], numbers[1], numbers[2]
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            p[i], m[i], v[i], top = adam_step(
                p[i], g[i], m[i], v[i], v_max[i], rate, small, shrink, beta1, share1, beta2, share2, decay, amsgrad
            )
            if amsgrad:
                v_max[i] = top
            i += step

    return adam_captured


def _adam_numbers(T):
    def adam_numbers(step, lr, numbers, beta1, beta2, eps, decoupled):
        """In float64 throughout, since 1 - β₂ᵗ of the first steps is small."""
        if cuda.grid(1) == 0:
            t = step[0] + 1
            step[0] = t
            root = math.sqrt(1.0 - math.pow(beta2, float(t)))
            numbers[0] = T(lr[0] * root / (1.0 - math.pow(beta1, float(t))))
            numbers[1] = T(eps * root)
            numbers[2] = T(1.0 - lr[0] * decoupled)

    return adam_numbers


_adams = precisions(_adam, "T* T* T* T* T* i8 T T T T T T T T i4")
_captured = precisions(_adam_captured, "T* T* T* T* T* T* i8 T T T T T i4")
_numbers = precisions(_adam_numbers, "i8* f8* T* f8 f8 f8 f8", block=1)


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
    stream: Any = None,
) -> None:
    """m ← β₁m + (1-β₁) g;  v ← β₂v + (1-β₂) g²;  p ← p - lr m̂ / (√v̂ + ε), g with λp added. v_max: AMSGrad."""
    _launch(p, g, m, v, v_max, lr, beta1, beta2, eps, step, 1.0, weight_decay, stream)


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
    stream: Any = None,
) -> None:
    """p ← (1 - lr λ) p, then adam without weight decay."""
    _launch(p, g, m, v, v_max, lr, beta1, beta2, eps, step, 1 - lr * weight_decay, 0.0, stream)


def _launch(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    v_max: Array | None,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    step: int,
    shrink: float,
    weight_decay: float,
    stream: Any,
) -> None:
    if p.size:
        root = math.sqrt(1 - beta2**step)
        rate, small = lr * root / (1 - beta1**step), eps * root
        grid, block = plan("elementwise", p.size)
        arrays = (p, g, m, v, g if v_max is None else v_max)
        numbers = (rate, small, shrink, beta1, 1 - beta1, beta2, 1 - beta2, weight_decay, v_max is not None)
        _adams[p.dtype.char](grid, *arrays, p.size, *numbers, block=block, stream=stream)


def adam_numbers(
    step: Array,
    lr: Array,
    numbers: Array,
    *,
    beta1: float,
    beta2: float,
    eps: float,
    decoupled_decay: float = 0.0,
    stream: Any = None,
) -> None:
    """step (int64) += 1; numbers (3, of p's dtype) = rate, small and 1 - lr λ for that step; lr is one float64 number.

    All three are device buffers, so a captured graph counts its own steps and follows a schedule that writes to lr.
    """
    _numbers[numbers.dtype.char](1, step, lr, numbers, beta1, beta2, eps, decoupled_decay, block=1, stream=stream)


def adam_captured(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    numbers: Array,
    v_max: Array | None = None,
    *,
    beta1: float,
    beta2: float,
    weight_decay: float = 0.0,
    stream: Any = None,
) -> None:
    """adam, or adamw where `adam_numbers` got a decoupled_decay; rate, small and 1 - lr λ are read from `numbers`."""
    if p.size:
        grid, block = plan("elementwise", p.size)
        arrays = (p, g, m, v, g if v_max is None else v_max, numbers)
        constants = (beta1, 1 - beta1, beta2, 1 - beta2, weight_decay, v_max is not None)
        _captured[p.dtype.char](grid, *arrays, p.size, *constants, block=block, stream=stream)
