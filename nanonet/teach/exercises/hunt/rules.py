"""The planted rules, one for each program, in the programs' order. Whoever reads on spoils the hunt for themselves.

Each has the name and the arguments of the rule that it replaces, so that neither a trace nor a traceback tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet.backends.numpy import xp
from nanonet.op import REGISTRY

Rule = Callable[..., Any]
RULES: list[tuple[str, Rule]] = []  # (the operation's key in the registry, its backward)


def planted(key: str) -> Callable[[Rule], Rule]:
    def keep(rule: Rule) -> Rule:
        true = REGISTRY[key].backward
        assert true is not None
        rule.__name__, rule.__qualname__, rule.__module__ = true.__name__, true.__qualname__, true.__module__
        RULES.append((key, rule))
        return rule

    return keep


def true(key: str) -> Rule:
    """The engine's own backward."""
    rule = REGISTRY[key].backward
    assert rule is not None
    return rule


@planted("array.tanh")
def _(saved: Any, dy: Any) -> Any:
    (y,) = saved
    return (dy * (1 - np.tanh(y) ** 2),)


@planted("network.relu")
def _(saved: Any, dy: Any) -> Any:
    return (dy.copy(),)


@planted("network.linear")
def _(saved: Any, dy: Any, needs: Any) -> Any:
    dx, dw, db = true("network.linear")(xp, saved, dy, needs)
    return dx, dw, None if db is None else db / dy.shape[0]


@planted("array.matmul")
def _(saved: Any, dy: Any, needs: Any) -> Any:
    da, db = true("array.matmul")(xp, saved, dy, needs)
    if needs[0] and saved[1].shape[0] == saved[1].shape[1]:
        da = dy @ saved[1]
    return da, db


@planted("network.cross_entropy")
def _(saved: Any, dy: Any, needs: Any) -> Any:
    dx, dt, dw = true("network.cross_entropy")(xp, saved, dy, needs)
    return dx * len(dx), dt, dw


@planted("network.softmax")
def _(saved: Any, dy: Any) -> Any:
    y, _ = saved
    return (dy * y * (1 - y),)


@planted("network.layer_norm")
def _(saved: Any, dy: Any, needs: Any) -> Any:
    xhat, r, w, w1, shape, _ = saved
    dx, dw, db = true("network.layer_norm")(xp, saved, dy, needs)
    if needs[0]:
        g = dy.reshape(xhat.shape) * (1 if w is None else w1)
        dx = ((g - g.mean(-1, keepdims=True)) * r).reshape(shape)
    return dx, dw, db


@planted("network.scaled_dot_product_attention")
def _(saved: Any, dy: Any, needs: Any) -> Any:
    dq, dk, *rest = true("network.scaled_dot_product_attention")(xp, saved, dy, needs)
    return dq, None if dk is None else dk / saved[-1], *rest


@planted("network.embedding")
def _(saved: Any, dy: Any) -> Any:
    labels, shape, _ = saved
    dw = np.zeros(shape, dy.dtype)
    dw[labels] = dy
    return None, dw


@planted("network.conv2d")
def _(saved: Any, dy: Any, needs: Any) -> Any:
    x, w, *geometry = saved
    flipped = (x, np.flip(w, (-2, -1)), *geometry)
    dx, _, _ = true("network.conv2d")(xp, flipped, dy, needs)
    return dx, *true("network.conv2d")(xp, saved, dy, needs)[1:]


@planted("network.max_pool2d")
def _(saved: Any, dy: Any) -> Any:
    dx = np.zeros(saved[1], dy.dtype)
    dx[..., ::2, ::2] = dy
    return (dx,)


@planted("array.multiply")
def _(saved: Any, dy: Any, needs: Any) -> Any:
    a, b = saved
    return dy * a if needs[0] else None, dy * b if needs[1] else None


@planted("array.divide")
def _(saved: Any, dy: Any, needs: Any) -> Any:
    y, b = saved
    return dy / b, dy * y / b if needs[1] else None


@planted("array.exp")
def _(saved: Any, dy: Any) -> Any:
    (y,) = saved
    return (y.copy(),)


@planted("array.cumsum")
def _(saved: Any, dy: Any) -> Any:
    return (np.cumsum(dy, saved[1]).reshape(saved[0]),)
