"""Update rules: how a parameter changes when its gradient is known.

p, g    a parameter and its gradient; m, v, … what the optimizer remembers of earlier gradients. All have p's shape.

Each rule is the textbook's formula and returns a tuple: the new p, then the new memory. An optimizer runs it through
the doorway and *donates* p and the memory, never g: a kernel may write the results into those arrays and return them.

They live beside the ops and not in `nanonet.optim` because the backends, which lie below Tensor, name them where they
list their kernels; from `nanonet.optim` that import would lead back up to Tensor, and round in a circle.
"""

from __future__ import annotations

from typing import Any

Array = Any


def sgd(xp, p, g, *, lr, weight_decay=0.0):
    """p ← p - lr (g + λp)."""
    return (p - lr * _decayed(p, g, weight_decay),)


def momentum(xp, p, g, b, *, lr, momentum, dampening=0.0, weight_decay=0.0, nesterov=False):
    """b ← μb + (1 - dampening) g;  p ← p - lr b, or with Nesterov's look ahead p ← p - lr (g + μb)."""
    g = _decayed(p, g, weight_decay)
    b = momentum * b + (1 - dampening) * g
    return p - lr * (g + momentum * b if nesterov else b), b


def rmsprop(xp, p, g, v, m=None, b=None, *, lr, alpha, eps, weight_decay=0.0, momentum=0.0):
    """v ← αv + (1-α) g²;  p ← p - lr g / (√v + ε).

    Centered, with the mean m ← αm + (1-α) g: √(v - m²) takes the place of √v. With momentum, b ← μb + g / (√v + ε) and
    p ← p - lr b. Source: Tieleman and Hinton 2012, Coursera lecture 6.5; centered: Graves 2013, equations 38 to 41.
    """
    g = _decayed(p, g, weight_decay)
    v = alpha * v + (1 - alpha) * (g * g)
    spread = v
    if m is not None:
        m = alpha * m + (1 - alpha) * g
        spread = v - m * m
    step = g / (xp.sqrt(spread) + eps)
    if b is not None:
        step = b = momentum * b + step
    return p - lr * step, v, m, b


def adagrad(xp, p, g, v, *, lr, eps, weight_decay=0.0):
    """v ← v + g²;  p ← p - lr g / (√v + ε). Source: Duchi, Hazan and Singer 2011."""
    g = _decayed(p, g, weight_decay)
    v = v + g * g
    return p - lr * (g / (xp.sqrt(v) + eps)), v


def adam(xp, p, g, m, v, v_max=None, *, lr, beta1, beta2, eps, step, weight_decay=0.0):
    """m ← β₁m + (1-β₁) g;  v ← β₂v + (1-β₂) g²;  p ← p - lr m̂ / (√v̂ + ε), where m̂ = m / (1-β₁ᵗ), v̂ = v / (1-β₂ᵗ).

    t = `step`, from 1. The divisions undo that m and v started at zero. AMSGrad puts the largest v so far, v_max, in
    the place of v. Source: Kingma and Ba 2015, algorithm 1; AMSGrad: Reddi, Kale and Kumar 2018.
    """
    g = _decayed(p, g, weight_decay)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (g * g)
    if v_max is not None:
        v_max = xp.maximum(v_max, v)
    m_hat = m / (1 - beta1**step)
    v_hat = (v if v_max is None else v_max) / (1 - beta2**step)
    return p - lr * m_hat / (xp.sqrt(v_hat) + eps), m, v, v_max


def adamw(xp, p, g, m, v, v_max=None, *, lr, beta1, beta2, eps, step, weight_decay=0.0):
    """p ← p - lr λp, then Adam without weight decay, so that the decay is not divided by √v̂.

    Source: Loshchilov and Hutter 2019.
    """
    p = (1 - lr * weight_decay) * p
    return adam(xp, p, g, m, v, v_max, lr=lr, beta1=beta1, beta2=beta2, eps=eps, step=step)


def uphill(xp, g):
    """g ← -g: descending along -g maximizes."""
    return -g


def total_norm(xp, *gradients, norm_type):
    """‖(‖g₁‖, ‖g₂‖, …)‖: the norm of all gradients as one vector."""
    norms = [_norm(xp, g, norm_type) for g in gradients]
    return norms[0] if len(norms) == 1 else _norm(xp, xp.stack(norms), norm_type)


def scale_to_norm(xp, g, norm, *, max_norm):
    """g ← g · min(1, max_norm / (norm + 10⁻⁶))."""
    return g * xp.minimum(max_norm / (norm + 1e-6), 1.0).astype(g.dtype)


def clip_value(xp, g, *, limit):
    """g ← g, brought into [-limit, limit]."""
    return xp.clip(g, -limit, limit)


def _norm(xp, x, p):
    if p == 2:
        return xp.sqrt(xp.sum(x * x))
    if p in (xp.inf, -xp.inf):
        return (xp.max if p > 0 else xp.min)(xp.abs(x))
    if p == 0:
        return xp.sum(x != 0).astype(x.dtype)
    return xp.sum(xp.abs(x) ** p) ** (1 / p)


def _decayed(p: Array, g: Array, weight_decay: float) -> Array:
    """The gradient of loss + ½ λ ‖p‖²."""
    return g + weight_decay * p if weight_decay else g
