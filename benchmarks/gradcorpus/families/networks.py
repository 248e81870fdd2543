"""Small networks with their gradients by hand: a two-layer net, a recurrent net, attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import Case, right, wrong
from nanonet_benchmarks.gradcorpus.families.functions import relu, sigmoid, softmax, softmax_dx

CAUSAL = np.tri(4) > 0


def net(x: Any, w1: Any, b1: Any, w2: Any) -> Any:
    return relu(x @ w1 + b1) @ w2


def net_gradients(dy: Any, x: Any, w1: Any, b1: Any, w2: Any, mask: bool = True, through: Any = None) -> Any:
    """`through`: what stands for w2.T in the way back."""
    z = x @ w1 + b1
    dz = dy @ (w2.T if through is None else through) * (z > 0 if mask else 1)
    return dz @ w1.T, x.T @ dz, dz.sum(0), relu(z).T @ dy


def rnn(x: Any, w: Any, u: Any) -> Any:
    """x: (T, D), h_t = tanh(x_t w + h_{t-1} u) -> h: (T, H)"""
    states = [np.tanh(x[0] @ w)]
    for row in x[1:]:
        states.append(np.tanh(row @ w + states[-1] @ u))
    return np.stack(states)


def rnn_gradients(
    dy: Any, x: Any, w: Any, u: Any, through_time: bool = True, add: bool = True, back: Any = None, late: int = 1
) -> Any:
    """With its mistakes: nothing handed to the step before; `=` for `+=`; u not transposed; h_t for h_{t-1}."""
    h = rnn(x, w, u)
    dx, dw, du, dh = np.zeros_like(x), np.zeros_like(w), np.zeros_like(u), np.zeros_like(h[0])
    for t in reversed(range(len(x))):
        dz = (dy[t] + dh) * (1 - h[t] ** 2)
        dx[t] = dz @ w.T
        dw = add * dw + np.outer(x[t], dz)
        if t >= late:
            du = add * du + np.outer(h[t - late], dz)
        dh = dz @ (u.T if back is None else back(u)) * through_time
    return dx, dw, du


def attention(q: Any, k: Any, v: Any, causal: bool = False) -> Any:
    scores = q @ k.T / 2
    return softmax(np.where(CAUSAL, scores, -1000) if causal else scores) @ v


def attention_gradients(dy: Any, q: Any, k: Any, v: Any, causal: bool = False, scaled: bool = True) -> Any:
    scores = q @ k.T / 2
    a = softmax(np.where(CAUSAL, scores, -1000) if causal else scores)
    ds = softmax_dx(dy @ v.T, a) / (2 if scaled else 1)
    return ds @ k, ds.T @ q, a.T @ dy


def causal_attention(q: Any, k: Any, v: Any) -> Any:
    return attention(q, k, v, causal=True)


def gate(x: Any, w: Any, v: Any) -> Any:
    """A gated linear unit."""
    return x @ w * sigmoid(x @ v)


def gate_gradients(dy: Any, x: Any, w: Any, v: Any, both: bool = True, slope: bool = True) -> Any:
    a, s = x @ w, sigmoid(x @ v)
    ds = dy * a * (s * (1 - s) if slope else 1)
    return dy * s @ w.T + both * ds @ v.T, x.T @ (dy * s), x.T @ ds


def residual(x: Any, w: Any) -> Any:
    return x + np.tanh(x @ w)


def residual_gradients(dy: Any, x: Any, w: Any, skip: float = 1.0, branch: float = 1.0) -> Any:
    dz = dy / np.cosh(x @ w) ** 2
    return skip * dy + branch * dz @ w.T, x.T @ dz


def tied(x: Any, w: Any) -> Any:
    """An autoencoder with tied weights."""
    return np.tanh(x @ w) @ w.T


def tied_gradients(dy: Any, x: Any, w: Any, encoder: float = 1.0, decoder: float = 1.0) -> Any:
    h = np.tanh(x @ w)
    dz = dy @ w * (1 - h**2)
    return dz @ w.T, encoder * x.T @ dz + decoder * dy.T @ h


def _right() -> list[Case]:
    layers, sequence, heads, gated, square = _inputs()
    return [
        right("two layers", net, net_gradients, layers),
        right("recurrent", rnn, rnn_gradients, sequence),
        right("attention", attention, attention_gradients, heads),
        right("causal attention", causal_attention, lambda dy, *a: attention_gradients(dy, *a, causal=True), heads),
        right("gate", gate, gate_gradients, gated),
        right("residual", residual, residual_gradients, square),
        right("tied weights", tied, tied_gradients, square),
    ]


def _inputs() -> tuple[list[Any], ...]:
    rng = np.random.default_rng(60)
    shapes = (
        [(3, 4), (4, 4), 4, (4, 2)],
        [(4, 2), (2, 3), (3, 3)],
        [(4, 4), (4, 4), (4, 3)],
        [(3, 4), (4, 2), (4, 2)],
        [(3, 4), (4, 4)],
    )
    return tuple([rng.normal(size=shape) for shape in group] for group in shapes)


def _wrong() -> list[Case]:
    layers, sequence, heads, gated, square = _inputs()
    layers[3] = np.random.default_rng(61).normal(size=(4, 4))

    def of(gradients: Any, **mistake: Any) -> Any:
        return lambda dy, *inputs: gradients(dy, *inputs, **mistake)

    def untransposed(dy: Any, x: Any, w1: Any, b1: Any, w2: Any) -> Any:
        return net_gradients(dy, x, w1, b1, w2, through=w2)

    def input_for_hidden(dy: Any, x: Any, w1: Any, b1: Any, w2: Any) -> Any:
        return *net_gradients(dy, x, w1, b1, w2)[:3], x.T @ dy

    return [
        wrong("two layers, no mask", "mask", net, of(net_gradients, mask=False), layers),
        wrong("two layers, w2 not transposed", "transpose", net, untransposed, layers),
        wrong(
            "two layers, input for hidden", "input-for-output unknown swapped-operands", net, input_for_hidden, layers
        ),
        wrong(
            "recurrent, one step back",
            "missing-term missing-coupling unknown",
            rnn,
            of(rnn_gradients, through_time=False),
            sequence,
        ),
        wrong("recurrent, overwritten", "overwritten", rnn, of(rnn_gradients, add=False), sequence),
        wrong("recurrent, u not transposed", "transpose unknown", rnn, of(rnn_gradients, back=lambda u: u), sequence),
        wrong("recurrent, state of now", "off-by-one unknown", rnn, of(rnn_gradients, late=0), sequence),
        wrong("recurrent, state of two before", "off-by-one unknown", rnn, of(rnn_gradients, late=2), sequence),
        wrong("attention, not scaled", "scale", attention, of(attention_gradients, scaled=False), heads),
        wrong("attention, mask in forward only", "mask unknown", causal_attention, attention_gradients, heads),
        wrong(
            "attention, q and k exchanged",
            "swapped-operands unknown",
            attention,
            lambda dy, *a: [attention_gradients(dy, *a)[i] for i in (1, 0, 2)],
            heads,
        ),
        wrong("gate held fixed", "missing-term", gate, of(gate_gradients, both=False), gated),
        wrong("gate without slope", "missing-factor", gate, of(gate_gradients, slope=False), gated),
        wrong(
            "residual, skip forgotten", "missing-term overwritten", residual, of(residual_gradients, skip=0.0), square
        ),
        wrong(
            "residual, branch forgotten",
            "missing-term overwritten",
            residual,
            of(residual_gradients, branch=0.0),
            square,
        ),
        wrong("tied weights, decoder only", "missing-term overwritten", tied, of(tied_gradients, encoder=0.0), square),
        wrong(
            "tied weights, averaged", "scale mean-for-sum", tied, of(tied_gradients, encoder=0.5, decoder=0.5), square
        ),
    ]


def cases() -> list[Case]:
    return [*_right(), *_wrong()]
