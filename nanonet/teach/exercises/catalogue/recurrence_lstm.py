"""The LSTM cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.teach.exercises.build import backward_exercise, normal
from nanonet.teach.exercises.catalogue.recurrence import sigmoid
from nanonet.teach.exercises.measure import Slip


def gates(a: Any) -> tuple[Any, Any, Any, Any]:
    """i, f, g, o of the pre-activations."""
    i, f, g, o = np.split(a, 4, axis=1)
    return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)


def lstm(
    held: Any, a: Any, c: Any, straight: str = "", keep: str = "", through: bool = True, outer: bool = True
) -> Any:
    """[h', c'] with parts changed: a gate without its slope, a gate held fixed, no path from h' to c', no tanh'."""
    i, f, g, o = gates(a)
    fixed = dict(zip("ifgo", gates(held[0]), strict=True))
    plain = dict(zip("ifgo", np.split(a - held[0], 4, axis=1), strict=True))
    now = {"i": i, "f": f, "g": g, "o": o}
    now = {n: fixed[n] if n in keep else fixed[n] + plain[n] if n in straight else v for n, v in now.items()}
    new = now["f"] * c + now["i"] * now["g"]
    old = fixed["f"] * held[1] + fixed["i"] * fixed["g"]
    shown = np.tanh(new) if through and outer else np.tanh(old) + through * (new - old)
    return np.concatenate([now["o"] * shown, new], axis=1)


COLUMNS = "The forward splits a into i, f, g, o, in this order: join their gradients in the same order."
LSTM = backward_exercise(
    name="lstm-cell",
    title="The LSTM cell",
    topic="recurrence",
    level=5,
    statement=r"""
    The pre-activations a (N, 4H) are given (they come from x and h by a matrix product, as in `linear`), with the old
    cell c (N, H). The columns of a are four blocks of H, in this order: i, f, g, o.

    i = σ(a_i), f = σ(a_f), g = tanh(a_g), o = σ(a_o),

    c' = f ⊙ c + i ⊙ g,  h' = o ⊙ tanh(c')

    `forward(a, c)` returns `(y, cache)`, where y (N, 2H) is h' beside c'. The cache is `(i, f, g, o, c, c_new)`.
    Write `backward(dy, cache)` and return `(da, dc)`. The first H columns of dy belong to h', the others to c': c' has
    two uses, as an output and in h', so its gradient has two terms.
    """,
    given="""
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))


    def forward(a, c):
        ai, af, ag, ao = np.split(a, 4, axis=1)
        i, f, g, o = sigmoid(ai), sigmoid(af), np.tanh(ag), sigmoid(ao)
        c_new = f * c + i * g
        h_new = o * np.tanh(c_new)
        return np.concatenate([h_new, c_new], axis=1), (i, f, g, o, c, c_new)
    """,
    stub='''
    def backward(dy, cache):
        """The gradients (da, dc), in the shapes (N, 4H) and (N, H)."""
        i, f, g, o, c, c_new = cache
        dh_new, dc_new = np.split(dy, 2, axis=1)
    ''',
    cases=[
        ("ordinary inputs", normal((3, 8), (3, 2))),
        ("a batch of one", normal((1, 8), (1, 2))),
        ("a single unit", normal((2, 4), (2, 1))),
    ],
    rules={
        "a": "Each gate is a factor of its product: its gradient is that product's upstream times the other factor, "
        "times the gate's own slope (σ: y(1 - y), tanh: 1 - y²). The order of the columns is i, f, g, o.",
        "c": "The old c is multiplied by f: dc is the whole gradient of c' times f.",
    },
    rule="First the whole gradient of c' (two paths), then the product rule, then the gates' slopes.",
    cache=True,
    slips=[
        Slip(
            "missing-term",
            "the gradient that comes to c' from h' is missing: c' has two uses",
            lambda held, a, c: lstm(held, a, c, through=False),
        ),
        Slip(
            "missing-term",
            "the gradient that comes to c' directly is missing: c' is an output, too",
            lambda held, a, c: lstm(held, a, c) * np.repeat([1.0, 0.0], c.shape[1]),
        ),
        Slip(
            "missing-factor",
            "the slope 1 - tanh²(c') is missing on the way from h' to c'",
            lambda held, a, c: lstm(held, a, c, outer=False),
        ),
        *(
            Slip(
                "missing-factor",
                f"the gate {gate} lacks its own slope",
                lambda held, a, c, gate=gate: lstm(held, a, c, straight=gate),
            )
            for gate in "ifgo"
        ),
        Slip(
            "missing-factor",
            "the gates lack their own slopes",
            lambda held, a, c: lstm(held, a, c, straight="ifgo"),
        ),
        *(
            Slip(
                "missing-term",
                f"nothing flows back to the gate {gate}",
                lambda held, a, c, gate=gate: lstm(held, a, c, keep=gate),
            )
            for gate in "ifgo"
        ),
        Slip(
            "swapped-operands",
            "the columns of i and f",
            lambda held, a, c: lstm(held, exchanged(held[0], a, 0, 1), c),
            COLUMNS,
        ),
        Slip(
            "swapped-operands",
            "the columns of g and o",
            lambda held, a, c: lstm(held, exchanged(held[0], a, 2, 3), c),
            COLUMNS,
        ),
        Slip(
            "missing-factor",
            "dc lacks the factor f: the old c enters c' through it",
            lambda held, a, c: lstm(held, held[0], held[1] + (c - held[1]) / gates(held[0])[1]),
        ),
    ],
)


def exchanged(held: Any, a: Any, first: int, second: int) -> Any:
    """Two blocks of columns move each other's values."""
    blocks = np.split(a - held, 4, axis=1)
    blocks[first], blocks[second] = blocks[second], blocks[first]
    return held + np.concatenate(blocks, axis=1)


EXERCISES = [LSTM]
