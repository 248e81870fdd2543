"""Numbers: a chain, and a variable that is used several times."""

from __future__ import annotations

import numpy as np

from nanonet.teach.exercises.build import backward_exercise
from nanonet.teach.exercises.measure import Slip

POSITIVE = (np.array([0.7, 0.4, 1.2]), np.array([1.3, 0.9, 0.6]))
MIXED = (np.array([-0.6, 0.5, -1.1]), np.array([1.1, -0.8, -0.7]))

CHAIN = backward_exercise(
    name="scalar-chain",
    title="A chain of scalars",
    topic="scalars",
    level=1,
    statement=r"""
    The forward is a chain of three steps:

    u = w·x,  v = u²,  y = sin(v)

    Write `backward(dy, x, w)`: given dy = ∂L/∂y, return `(dx, dw)`. Walk the chain from the end: dv from dy, du from
    dv, then dx and dw from du.

    All of them are numbers. The check gives several at once, as arrays of one shape, which changes nothing as long as
    you use NumPy's functions (`np.cos`, not `math.cos`).

    $$\frac{\partial L}{\partial x} = \frac{\partial L}{\partial y}\,\frac{\partial y}{\partial v}\,
    \frac{\partial v}{\partial u}\,\frac{\partial u}{\partial x}$$
    """,
    given="""
    def forward(x, w):
        u = w * x
        v = u**2
        return np.sin(v)
    """,
    stub='''
    def backward(dy, x, w):
        """The gradients (dx, dw) for dy = ∂L/∂y."""
    ''',
    cases=[("ordinary inputs", lambda rng: POSITIVE), ("negative inputs", lambda rng: MIXED)],
    rules={
        "x": "The steps between x and y are w·x, u², sin v: their slopes w, 2u, cos v are multiplied.",
        "w": "In u = w·x, the slope with respect to w is x. The rest of the chain is the same as for x.",
    },
    rule="Chain rule: the slopes of the steps are multiplied.",
    slips=[
        Slip(
            "input-for-output",
            "the slope of sin is taken at u, the input of the square, and not at v",
            lambda held, x, w: np.cos(held[0] * held[1]) * (w * x) ** 2,
        )
    ],
)

SHARED = backward_exercise(
    name="shared-variable",
    title="A variable used several times",
    topic="scalars",
    level=1,
    statement=r"""
    x is used in three places:

    y = x·w + exp(x)·x

    Write `backward(dy, x, w)` and return `(dx, dw)`. Each use of x is a path from x to y. The gradient is the sum of
    what comes back along the paths. (The check gives several numbers at once, as arrays of one shape.)

    $$\frac{\partial y}{\partial x} = \sum_{\text{uses}} \frac{\partial y}{\partial\,\text{use}}$$
    """,
    given="""
    def forward(x, w):
        return x * w + np.exp(x) * x
    """,
    stub='''
    def backward(dy, x, w):
        """The gradients (dx, dw) for dy = ∂L/∂y."""
    ''',
    cases=[("ordinary inputs", lambda rng: POSITIVE), ("negative inputs", lambda rng: MIXED)],
    rules={
        "x": "x has three uses, so its gradient has three terms: as a factor of w, inside exp, and as a factor of exp.",
        "w": "w is used once: its slope is the other factor of that product.",
    },
    rule="Sum of paths: each use of a variable adds one term to its gradient.",
)

EXERCISES = [CHAIN, SHARED]
