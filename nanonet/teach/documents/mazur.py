"""Matt Mazur's 2-2-2 network: the numbers that his article prints, and where they come from.

One subtlety: the article says that the hidden weights are to be updated with the old output weights, and its w₁⁺ … w₄⁺
are. But the errors and outputs that it gives for later updates belong to the other rule, where the hidden layer's
gradient is taken through the new output weights (`new_weights` below).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import nanonet as nt
from nanonet.teach import pseudocode as doc
from nanonet.teach.documents.networks import MAZUR as NET

Array = np.ndarray
SOURCE = "Matt Mazur, A Step by Step Backpropagation Example, 2015, mattmazur.com"

# As printed, with all digits
PUBLISHED = {
    "net_h1": "0.3775",
    "out_h1": "0.593269992",
    "out_h2": "0.596884378",
    "net_o1": "1.105905967",
    "out_o1": "0.75136507",
    "out_o2": "0.772928465",
    "E_o1": "0.274811083",
    "E_o2": "0.023560026",
    "E_total": "0.298371109",
    "∂E/∂out_o1": "0.74136507",
    "∂out_o1/∂net_o1": "0.186815602",
    "∂E/∂w5": "0.082167041",
    "w5+": "0.35891648",
    "w6+": "0.408666186",
    "w7+": "0.511301270",
    "w8+": "0.561370121",
    "∂E_o1/∂net_o1": "0.138498562",
    "∂E_o1/∂out_h1": "0.055399425",
    "∂E_o2/∂out_h1": "-0.019049119",
    "∂E/∂out_h1": "0.036350306",
    "∂out_h1/∂net_h1": "0.241300709",
    "∂E/∂w1": "0.000438568",
    "w1+": "0.149780716",
    "w2+": "0.19956143",
    "w3+": "0.24975114",
    "w4+": "0.29950229",
    "E after 1 update": "0.291027924",
    "E after 10,000 updates": "0.0000351085",
    "E after 10,000 updates, as first printed": "0.000035085",
    "out_o1 after 10,000 updates": "0.015912196",
    "out_o2 after 10,000 updates": "0.984065734",
}

_NEW = "belongs to the rule in which the hidden layer's gradient goes through the new output weights"
_PASS = "is the error after 9,999 updates of the plain rule, that of the 10,000th forward pass"
REMARKS = {
    "∂E_o2/∂out_h1": "one unit off in its last digit: the value is -0.0190491182…, which rounds to -0.019049118",
    "E after 1 update": _NEW,
    "E after 10,000 updates": _PASS,
    "E after 10,000 updates, as first printed": _NEW,
    "out_o1 after 10,000 updates": _NEW,
    "out_o2 after 10,000 updates": _NEW,
}


class Pass(NamedTuple):
    """What one forward and backward pass computes; columns of two, and the gradients of the weights."""

    net_h: Array
    out_h: Array
    net_o: Array
    out_o: Array
    dW0: Array  # noqa: N815
    dW1: Array  # noqa: N815


Method = Callable[[Array, Array, bool], Pass]


def engine(W0: Array, W1: Array, new_weights: bool) -> Pass:
    """By nanonet. With `new_weights` dW0 comes from a second backward pass, through the output weights of after."""
    w0, w1 = nt.tensor(W0, requires_grad=True), nt.tensor(W1, requires_grad=True)
    b0, b1, x, target = (nt.tensor(one) for one in (NET.b[0], NET.b[1], NET.X, NET.Y))
    net_h = w0 @ x + b0
    out_h = nt.sigmoid(net_h)
    net_o = w1 @ out_h + b1
    out_o = nt.sigmoid(net_o)
    if new_weights:
        net_o.retain_grad()
    (0.5 * nt.sum((target - out_o) ** 2)).backward()
    dW1 = _grad(w1)
    if new_weights:
        w0.grad = None
        again = nt.tensor(W1 - NET.alpha * dW1) @ nt.sigmoid(w0 @ x + b0)
        again.backward(net_o.grad)
    return Pass(net_h.numpy(), out_h.numpy(), net_o.numpy(), out_o.numpy(), _grad(w0), dW1)


def pseudocode(W0: Array, W1: Array, new_weights: bool) -> Pass:
    """By the documents' layered pass."""
    W, b = [W0, W1], list(NET.b)
    Z, A = doc.forward(NET.X, W, b, NET.g, NET.out)
    _, dW, _ = doc.backward(NET.Y, W, Z, A, NET.g, NET.out)
    dW0 = dW[0]
    if new_weights:
        dW0 = doc.backward(NET.Y, [W0, W1 - NET.alpha * dW[1]], Z, A, NET.g, NET.out)[1][0]
    return Pass(Z[1], A[1], Z[2], A[2], dW0, dW[1])


def hand(W0: Array, W1: Array, new_weights: bool) -> Pass:
    """From the article's formulas: δ_o = (out - target) out (1 - out), δ_h = (Σ_o δ_o w_ho) out_h (1 - out_h)."""
    net_h = W0 @ NET.X + NET.b[0]
    out_h = 1 / (1 + np.exp(-net_h))
    net_o = W1 @ out_h + NET.b[1]
    out_o = 1 / (1 + np.exp(-net_o))
    delta_o = (out_o - NET.Y) * out_o * (1 - out_o)
    dW1 = np.outer(delta_o, out_h)
    W = W1 - NET.alpha * dW1 if new_weights else W1
    delta_h = (delta_o[0] * W[0] + delta_o[1] * W[1])[:, None] * out_h * (1 - out_h)
    return Pass(net_h, out_h, net_o, out_o, np.outer(delta_h, NET.X), dW1)


def outputs(method: Method, updates: tuple[int, ...], new_weights: bool = False) -> dict[int, Array]:
    """{n: (out_o1, out_o2) after n updates}; the biases stay, as in the article."""
    W0, W1 = NET.W
    found: dict[int, Array] = {}
    for n in range(max(updates) + 1):
        done = method(W0, W1, new_weights)
        if n in updates:
            found[n] = done.out_o[:, 0].copy()
        W0, W1 = W0 - NET.alpha * done.dW0, W1 - NET.alpha * done.dW1
    return found


def values(method: Method) -> dict[str, float]:
    """Every published number, by the rule that it belongs to."""
    first = method(NET.W[0], NET.W[1], False)
    plain = outputs(method, (9999,))
    new = outputs(method, (1, 10_000), new_weights=True)
    later = {
        "E after 1 update": error(new[1]),
        "E after 10,000 updates": error(plain[9999]),
        "E after 10,000 updates, as first printed": error(new[10_000]),
        "out_o1 after 10,000 updates": float(new[10_000][0]),
        "out_o2 after 10,000 updates": float(new[10_000][1]),
    }
    return _first_numbers(first) | later


def _first_numbers(first: Pass) -> dict[str, float]:
    """Those of the first forward and backward pass."""
    (W0, W1), target = NET.W, NET.Y[:, 0]
    net_h, h, net_o, out = (x[:, 0] for x in (first.net_h, first.out_h, first.net_o, first.out_o))
    errors = (target - out) ** 2 / 2
    slope = out * (1 - out)
    delta = (out - target) * slope
    found = {
        "net_h1": net_h[0], "out_h1": h[0], "out_h2": h[1], "net_o1": net_o[0], "out_o1": out[0], "out_o2": out[1],
        "E_o1": errors[0], "E_o2": errors[1], "E_total": errors.sum(),
        "∂E/∂out_o1": out[0] - target[0], "∂out_o1/∂net_o1": slope[0], "∂E/∂w5": first.dW1[0, 0],
        "∂E_o1/∂net_o1": delta[0], "∂E_o1/∂out_h1": delta[0] * W1[0, 0], "∂E_o2/∂out_h1": delta[1] * W1[1, 0],
        "∂E/∂out_h1": delta @ W1[:, 0], "∂out_h1/∂net_h1": h[0] * (1 - h[0]), "∂E/∂w1": first.dW0[0, 0],
    }  # fmt: skip
    after = [*(W0 - NET.alpha * first.dW0).ravel(), *(W1 - NET.alpha * first.dW1).ravel()]
    found |= {f"w{i}+": w for i, w in enumerate(after, start=1)}
    return {name: float(value) for name, value in found.items()}


def error(out: Array) -> float:
    """E = ½ Σ (target - out)²."""
    return float(np.sum((NET.Y[:, 0] - out) ** 2) / 2)


def by_engine() -> dict[str, float]:
    return values(engine)


def _grad(w: Any) -> Array:
    return w.grad.numpy().copy()
