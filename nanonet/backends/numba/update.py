"""Update rules in one pass, in place. Arrays the kernels are not for go NumPy's way (nanonet_kernels.cpu.updates)."""

from __future__ import annotations

import math
from typing import Any

from nanonet.backends.numba.fitting import Array
from nanonet.ops import update
from nanonet_kernels.cpu import optimizer, updates
from nanonet_kernels.cpu.launch import flat


def _fit(p: Array, *others: Array) -> bool:
    """All contiguous, of p's dtype and shape, float32 or float64, with at least one element."""
    return (
        p.dtype.char in "fd"
        and p.size > 0
        and all(a.dtype == p.dtype and a.shape == p.shape and a.flags.c_contiguous for a in (p, *others))
    )


def _numbers(p: Array, *numbers: float) -> tuple[Any, ...]:
    return tuple(map(p.dtype.type, numbers))


def sgd(p: Array, g: Array, *, lr: float, weight_decay: float = 0.0) -> tuple[Array]:
    if not _fit(p, g):
        return updates.sgd(p, g, lr=lr, weight_decay=weight_decay)
    flat(optimizer.sgd, p, g, numbers=_numbers(p, lr, weight_decay))
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
    if not _fit(p, g, b):
        options = {"dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
        return updates.momentum(p, g, b, lr=lr, momentum=momentum, **options)
    numbers = (*_numbers(p, lr, momentum, 1 - dampening, weight_decay), bool(nesterov))
    flat(optimizer.momentum, p, g, b, numbers=numbers)
    return p, b


def _adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    v_max: Array | None,
    keep: float,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    step: int,
    weight_decay: float,
) -> tuple[Array, Array, Array, Array | None]:
    root = math.sqrt(1 - beta2**step)
    rate, small = lr * root / (1 - beta1**step), eps * root
    numbers = _numbers(p, rate, beta1, 1 - beta1, beta2, 1 - beta2, small, weight_decay, keep)
    if v_max is None:
        flat(optimizer.adam, p, g, m, v, numbers=numbers)
    else:
        flat(optimizer.amsgrad, p, g, m, v, v_max, numbers=numbers)
    return p, m, v, v_max


def _options(given: dict[str, Any], **instead: Any) -> dict[str, Any]:
    return {"weight_decay": 0.0, **given, **instead}


def adam(p: Array, g: Array, m: Array, v: Array, v_max: Array | None = None, **options: Any) -> Any:
    if not _fit(p, g, m, v, *(() if v_max is None else (v_max,))):
        return updates.adam(p, g, m, v, v_max, **options)
    return _adam(p, g, m, v, v_max, 1.0, **_options(options))


def adamw(p: Array, g: Array, m: Array, v: Array, v_max: Array | None = None, **options: Any) -> Any:
    if not _fit(p, g, m, v, *(() if v_max is None else (v_max,))):
        return updates.adamw(p, g, m, v, v_max, **options)
    keep = 1 - options["lr"] * options.get("weight_decay", 0.0)
    return _adam(p, g, m, v, v_max, keep, **_options(options, weight_decay=0.0))


kernels = {update.sgd: sgd, update.momentum: momentum, update.adam: adam, update.adamw: adamw}
