"""Recurrence: one step of a plain recurrent network, of an LSTM and of a GRU."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.teach.exercises.build import backward_exercise, normal
from nanonet.teach.exercises.measure import Slip

RNN = backward_exercise(
    name="rnn-step",
    title="One step of a recurrent network",
    topic="recurrence",
    level=3,
    statement=r"""
    h' = tanh(x·w + h·u + b) with x (N, D), h (N, H), w (D, H), u (H, H), b (H,).

    Write `backward(dy, x, h, w, u, b)` with dy = ∂L/∂h' and return `(dx, dh, dw, du, db)`.

    First dz, the gradient at the argument of tanh; all five follow from it. dh is what is handed to the step before.
    """,
    given="""
    def forward(x, h, w, u, b):
        return np.tanh(x @ w + h @ u + b)
    """,
    stub='''
    def backward(dy, x, h, w, u, b):
        """The gradients (dx, dh, dw, du, db), each in the shape of its array; dy is (N, H)."""
    ''',
    cases=[
        ("ordinary inputs", normal((4, 2), (4, 3), (2, 3), (3, 3), (3,))),
        ("square matrices", normal((2, 2), (2, 2), (2, 2), (2, 2), (2,))),
        ("a batch of one", normal((1, 2), (1, 3), (2, 3), (3, 3), (3,))),
    ],
    rules={
        "x": "x meets w: dx = dz·wᵀ.",
        "h": "h meets u: dh = dz·uᵀ, and this goes to the step before.",
        "w": "w pairs x with dz, summed over the batch.",
        "u": "u pairs the old h with dz, summed over the batch.",
        "b": "b is added in every row: sum dz over the batch.",
    },
    rule="Chain rule through tanh first, dz = dy·(1 - h'²); then two matrix products and a bias.",
    slips=[
        Slip(
            "missing-factor",
            "the slope 1 - h'² of tanh is missing: dy is used where dz belongs",
            lambda held, x, h, w, u, b: x @ w + h @ u + b,
        ),
        Slip(
            "transpose",
            "u is not transposed on the way back",
            lambda held, x, h, w, u, b: slope(held) * (h @ held[3].T),
        ),
        Slip(
            "off-by-one",
            "the new h stands where the old h belongs: u met the old one",
            lambda held, x, h, w, u, b: slope(held) * (state(held) @ u),
        ),
        Slip(
            "input-for-output",
            "the slope of tanh is computed from the old h, and not from the new one",
            lambda held, x, h, w, u, b: (1 - held[1] ** 2) * (x @ w + h @ u + b),
        ),
    ],
)


def state(held: Any) -> Any:
    x, h, w, u, b = held
    return np.tanh(x @ w + h @ u + b)


def slope(held: Any) -> Any:
    return 1 - state(held) ** 2


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


GRU = backward_exercise(
    name="gru-cell",
    title="The GRU cell",
    topic="recurrence",
    level=5,
    statement=r"""
    The gates' pre-activations r̂, ẑ and the two parts of the candidate, p (from x) and q (from h), are given, with the
    old state h; all are (N, H). This is PyTorch's order of things:

    r = σ(r̂), z = σ(ẑ), n = tanh(p + r ⊙ q), h' = (1 - z) ⊙ n + z ⊙ h

    `forward(rh, zh, p, q, h)` returns `(h', cache)` with the cache `(r, z, n, q, h)`. Write `backward(dy, cache)` and
    return `(drh, dzh, dp, dq, dh)`.
    """,
    given="""
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))


    def forward(rh, zh, p, q, h):
        r, z = sigmoid(rh), sigmoid(zh)
        n = np.tanh(p + r * q)
        return (1 - z) * n + z * h, (r, z, n, q, h)
    """,
    stub='''
    def backward(dy, cache):
        """The gradients (drh, dzh, dp, dq, dh), all (N, H)."""
        r, z, n, q, h = cache
    ''',
    cases=[
        ("ordinary inputs", normal(*[(2, 3)] * 5)),
        ("a batch of one", normal(*[(1, 2)] * 5)),
        ("large and negative inputs", lambda rng: tuple(2 * rng.normal(size=(5, 2, 2)) - 1)),
    ],
    rules={
        "rh": "r multiplies q inside tanh: its gradient is that of tanh's argument times q, times r(1 - r).",
        "zh": "z is in both terms: h' changes by h - n with it, times z(1 - z).",
        "p": "p is added inside tanh: dp is the gradient of tanh's argument itself.",
        "q": "q is multiplied by r inside tanh.",
        "h": "Here h is in one term only, z ⊙ h. (Its way through q is another input's business.)",
    },
    rule="Backwards through h', then through tanh, then through r ⊙ q, then through the gates' σ.",
    cache=True,
    slips=[
        Slip(
            "missing-term",
            "z is in both terms of h', and only the term with h is there",
            lambda held, rh, zh, p, q, h: sigmoid(zh) * held[4],
        ),
        Slip(
            "missing-term",
            "z is in both terms of h', and only the term with n is there",
            lambda held, rh, zh, p, q, h: -sigmoid(zh) * candidate(held),
        ),
        Slip(
            "swapped-operands",
            "1 - z and z",
            lambda held, rh, zh, p, q, h: sigmoid(held[1]) * np.tanh(p + sigmoid(rh) * q) + sigmoid(-held[1]) * h,
            "In h' = (1 - z) ⊙ n + z ⊙ h each of n and h has its own factor: that factor is its slope.",
        ),
        Slip(
            "missing-factor",
            "the slope 1 - n² of tanh is missing",
            lambda held, rh, zh, p, q, h: sigmoid(-held[1]) * (p + sigmoid(rh) * q),
        ),
        Slip(
            "missing-factor",
            "the factor 1 - z of n is missing",
            lambda held, rh, zh, p, q, h: np.tanh(p + sigmoid(rh) * q),
        ),
        Slip(
            "missing-factor",
            "r lacks the slope of its sigmoid, r(1 - r)",
            lambda held, rh, zh, p, q, h: sigmoid(-held[1]) * np.tanh(held[2] + (sigmoid(held[0]) + rh - held[0]) * q),
        ),
        Slip(
            "missing-factor",
            "z lacks the slope of its sigmoid, z(1 - z)",
            lambda held, rh, zh, p, q, h: zh * (held[4] - candidate(held)),
        ),
        Slip(
            "missing-factor",
            "the factor r of q is missing",
            lambda held, rh, zh, p, q, h: (
                sigmoid(-held[1]) * np.tanh(held[2] + sigmoid(held[0]) * held[3] + q - held[3])
            ),
        ),
        Slip(
            "missing-factor",
            "the factor q of r is missing",
            lambda held, rh, zh, p, q, h: (
                sigmoid(-held[1]) * np.tanh(held[2] + sigmoid(held[0]) * held[3] + sigmoid(rh) - sigmoid(held[0]))
            ),
        ),
    ],
)


def candidate(held: Any) -> Any:
    rh, _, p, q, _ = held
    return np.tanh(p + sigmoid(rh) * q)


EXERCISES = [RNN, GRU]
