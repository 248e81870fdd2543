"""The training step written out in float64, and how far a float32 step may be from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.checking.bounds import UNIT, gamma
from nanonet_benchmarks.workloads.base import Arrays

SIZES = (784, 128, 64, 10)
LR, BETA1, BETA2, EPS = 1e-3, 0.9, 0.999, 1e-8
LAYERS = range(len(SIZES) - 1)


def oracle(inputs: Arrays) -> Arrays:
    """The loss, and all parameters after the first step of Adam, whose m̂ = g and v̂ = g²."""
    loss, gradients, _ = _pass(inputs)
    found = {"loss": np.asarray(loss)}
    for name, g in gradients.items():
        found[name] = inputs[name].astype(np.float64) - LR * g / (np.abs(g) + EPS)
    return found


def bound(inputs: Arrays, expected: Arrays) -> dict[str, Any]:
    """Loss: γ over all the sums on the way times the size of what is added up. Parameters: what a gradient that is off
    by δg makes of g / (|g| + ε): at most δg ε' / … near 0, so 2 lr where δg is as large as |g|, plus the rounding of p.

    The sizes come from the same step on absolute values. A ReLU whose input is within rounding of 0 could go the other
    way, which no such bound covers; the chance is about 10⁻⁶ for each of its inputs.
    """
    _, gradients, (scores, sizes) = _pass(inputs)
    share = gamma(sum(SIZES) + len(inputs["order"]) + 64)
    found: dict[str, Any] = {"loss": 4 * share * (1 + scores)}
    for name, g in gradients.items():
        error = 4 * share * sizes[name]
        p = np.abs(inputs[name].astype(np.float64))
        found[name] = LR * np.minimum(2.0, 2 * error / (np.abs(g) + EPS)) + 32 * UNIT * LR + 2 * UNIT * (p + LR)
    return found


def _pass(inputs: Arrays) -> tuple[float, Arrays, tuple[float, Arrays]]:
    """(loss, gradients, (largest score in size, sizes of what each gradient adds up))."""
    w = [inputs[f"w{i}"].astype(np.float64) for i in LAYERS]
    b = [inputs[f"b{i}"].astype(np.float64) for i in LAYERS]
    x, labels = inputs["images"][inputs["order"]].astype(np.float64), inputs["labels"][inputs["order"]]
    n = len(x)
    a, size, masks = [x], [np.abs(x)], []
    for i in LAYERS:
        z = a[-1] @ w[i].T + b[i]
        large = size[-1] @ np.abs(w[i]).T + np.abs(b[i])
        masks.append(z > 0 if i < LAYERS[-1] else np.ones_like(z, bool))
        a.append(z * masks[-1])
        size.append(large * masks[-1])
    top = a[-1].max(axis=1, keepdims=True)
    e = np.exp(a[-1] - top)
    p = e / e.sum(axis=1, keepdims=True)
    rows = np.arange(n)
    loss = float(np.mean(np.log(e.sum(axis=1)) + top[:, 0] - a[-1][rows, labels]))
    one_hot = np.eye(SIZES[-1])[labels]
    scores = float(size[-1].max())
    d, large = (p - one_hot) / n, (p * (1 + scores) + one_hot) / n
    gradients: Arrays = {}
    sizes: Arrays = {}
    for i in reversed(LAYERS):
        gradients |= {f"w{i}": d.T @ a[i], f"b{i}": d.sum(axis=0)}
        sizes |= {f"w{i}": large.T @ size[i], f"b{i}": large.sum(axis=0)}
        if i:
            d, large = d @ w[i] * masks[i - 1], large @ np.abs(w[i]) * masks[i - 1]
    return loss, gradients, (scores, sizes)
