"""Activations: one number in, one number out, for every entry."""

from __future__ import annotations

import numpy as np

from nanonet.teach.exercises.build import backward_exercise, normal
from nanonet.teach.exercises.measure import Slip

SIGMOID = backward_exercise(
    name="sigmoid",
    title="Sigmoid",
    topic="activations",
    level=1,
    statement=r"""
    y = σ(x) = 1 / (1 + e⁻ˣ), for every entry of x.

    Write `backward(dy, x)`: given dy = ∂L/∂y, in the shape of x, return dx.

    $$\sigma'(x) = \sigma(x)\,(1 - \sigma(x))$$

    Its slope is largest at 0, where it is ¼: a deep stack of sigmoids multiplies many such numbers.
    """,
    given="""
    def forward(x):
        return 1 / (1 + np.exp(-x))
    """,
    stub='''
    def backward(dy, x):
        """The gradient dx, in the shape of x."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 4))),
        ("large and negative inputs", lambda rng: (4 * rng.normal(size=(5,)) - 2,)),
    ],
    rules={"x": "The slope of σ at x is σ(x)·(1 - σ(x)): compute y = σ(x) first."},
    rule="Chain rule, entry by entry: dx = dy · σ'(x).",
)

TANH = backward_exercise(
    name="tanh",
    title="Tanh, from what forward kept",
    topic="activations",
    level=1,
    statement=r"""
    y = tanh(x), for every entry. `forward` returns `(y, cache)`, and the cache is y itself: backward
    needs nothing else.

    Write `backward(dy, cache)` and return dx.

    $$\tanh'(x) = 1 - \tanh^2(x)$$
    """,
    given="""
    def forward(x):
        y = np.tanh(x)
        return y, y
    """,
    stub='''
    def backward(dy, cache):
        """The gradient dx, in the shape of y; the cache is y = tanh(x)."""
        y = cache
    ''',
    cases=[("ordinary inputs", normal((3, 4))), ("negative inputs", lambda rng: (-np.abs(rng.normal(size=6)),))],
    rules={"x": "The slope of tanh at x is 1 - tanh²(x), and tanh(x) is the y of the cache."},
    rule="Chain rule, entry by entry: dx = dy · tanh'(x), written with the output y.",
    cache=True,
    slips=[
        Slip("missing-factor", "y stands where its square belongs", lambda held, x: (1 - np.tanh(held[0])) * x),
        Slip(
            "unknown",
            "This is the slope of the sigmoid, in its output; that of tanh is another one",
            lambda held, x: np.tanh(held[0]) * (1 - np.tanh(held[0])) * x,
        ),
    ],
)

RELU = backward_exercise(
    name="relu",
    title="ReLU",
    topic="activations",
    level=1,
    statement=r"""
    y = max(x, 0), for every entry.

    Write `backward(dy, x)` and return dx. Where x > 0 the slope is 1, where x < 0 it is 0. At x = 0 there is no slope:
    any number from 0 to 1 will do, and most libraries take 0.
    """,
    given="""
    def forward(x):
        return np.maximum(x, 0)
    """,
    stub='''
    def backward(dy, x):
        """The gradient dx, in the shape of x."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 4))),
        ("inputs that are exactly 0", lambda rng: (np.array([-1.5, 0.0, 0.7, 0.0, 2.1]),)),
        ("small inputs", lambda rng: (0.2 * rng.normal(size=(2, 3)),)),
    ],
    rules={"x": "ReLU hands x on where x > 0, with slope 1, and stops it elsewhere, with slope 0."},
    rule="A function in pieces has in each piece the slope of that piece.",
)

EXERCISES = [SIGMOID, TANH, RELU]
