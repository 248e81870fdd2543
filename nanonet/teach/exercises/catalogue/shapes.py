"""Broadcasting, sums, means and maxima: where an entry goes, and how often."""

from __future__ import annotations

import numpy as np

from nanonet.teach.exercises.build import backward_exercise, normal
from nanonet.teach.exercises.measure import Slip

BIAS_ADD = backward_exercise(
    name="bias-add",
    title="Adding a bias to every row",
    topic="shapes",
    level=2,
    statement=r"""
    y = x + b with x (N, D) and b (D,): NumPy stretches b along the batch, so that every row gets the same b.

    Write `backward(dy, x, b)` and return `(dx, db)`, in the shapes of x and b.

    $$y_{nd} = x_{nd} + b_d$$

    b[d] is used N times, once in each row. What the forward stretches, the backward sums.
    """,
    given="""
    def forward(x, b):
        return x + b
    """,
    stub='''
    def backward(dy, x, b):
        """The gradients (dx, db), in the shapes (N, D) and (D,); dy is (N, D)."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 4), (4,))),
        ("as many rows as columns", normal((3, 3), (3,))),
        ("a batch of one", normal((1, 3), (3,))),
    ],
    rules={
        "x": "Each x[n, d] is used once, with slope 1.",
        "b": "b was stretched along the batch axis: its gradient is the sum over that axis, one term for each use.",
    },
    rule="Un-broadcasting: sum the gradient over the axes along which the input was stretched.",
)

ROW_TIMES_COLUMN = backward_exercise(
    name="row-times-column",
    title="A column times a row",
    topic="shapes",
    level=2,
    statement=r"""
    y = c * r with a column c (N, 1) and a row r (1, M): broadcasting makes y (N, M).

    Write `backward(dy, c, r)` and return `(dc, dr)`, in the shapes of c and r (both keep their axis of length 1).

    $$y_{nm} = c_n\,r_m$$
    """,
    given="""
    def forward(c, r):
        return c * r
    """,
    stub='''
    def backward(dy, c, r):
        """The gradients (dc, dr), in the shapes (N, 1) and (1, M); dy is (N, M)."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 1), (1, 4))),
        ("as many rows as columns", normal((3, 1), (1, 3))),
        ("a single row", normal((1, 1), (1, 4))),
    ],
    rules={
        "c": "c was stretched along axis 1. c[n] has the slope r[m] in y[n, m]: multiply first, then sum over m.",
        "r": "r was stretched along axis 0. r[m] has the slope c[n] in y[n, m]: multiply first, then sum over n.",
    },
    rule="Product rule first, in the large shape; then sum over the axes that were stretched.",
)

SUM_AXIS = backward_exercise(
    name="sum-over-axis",
    title="A sum along an axis",
    topic="shapes",
    level=2,
    statement=r"""
    y = x.sum(axis=1) with x (N, D) and y (N,).

    Write `backward(dy, x)` and return dx, in the shape of x. Each entry of row n is added to y[n] with slope 1, so the
    one number dy[n] goes to all of them. (The gradient of a sum is a broadcast, and that of a broadcast is a sum.)

    $$y_n = \sum_d x_{nd}$$
    """,
    given="""
    def forward(x):
        return x.sum(axis=1)
    """,
    stub='''
    def backward(dy, x):
        """The gradient dx, in the shape of x (N, D); dy is (N,)."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 4))),
        ("as many rows as columns", normal((3, 3))),
        ("a batch of one", normal((1, 4))),
    ],
    rules={"x": "Every entry of row n has slope 1 in y[n]: dx[n, d] is dy[n], whatever d is."},
    rule="A sum hands its gradient to each of its terms, undivided.",
)

MEAN_AXIS = backward_exercise(
    name="mean-over-axis",
    title="A mean over the batch",
    topic="shapes",
    level=2,
    statement=r"""
    y = x.mean(axis=0) with x (N, D) and y (D,).

    Write `backward(dy, x)` and return dx, in the shape of x.

    $$y_d = \frac1N \sum_n x_{nd}$$
    """,
    given="""
    def forward(x):
        return x.mean(axis=0)
    """,
    stub='''
    def backward(dy, x):
        """The gradient dx, in the shape of x (N, D); dy is (D,)."""
    ''',
    cases=[
        ("ordinary inputs", normal((5, 3))),
        ("as many rows as columns", normal((3, 3))),
        ("a batch of one", normal((1, 4))),
    ],
    rules={"x": "The mean over N entries is their sum divided by N: each of them has the slope 1/N."},
    rule="A mean hands each of its N terms the share 1/N of its gradient.",
)

MAXIMUM = backward_exercise(
    name="max-with-ties",
    title="A maximum with ties",
    topic="shapes",
    level=3,
    statement=r"""
    y = x.max(axis=1) with x (N, D) and y (N,).

    Write `backward(dy, x)` and return dx, in the shape of x. Only the largest entry of a row moves y[n]: it gets dy[n],
    the others get 0. Where several entries of a row tie, they may share dy[n] in any way (equally, or all to the
    first), but what they get together must be dy[n].
    """,
    given="""
    def forward(x):
        return x.max(axis=1)
    """,
    stub='''
    def backward(dy, x):
        """The gradient dx, in the shape of x (N, D); dy is (N,)."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 4))),
        ("negative inputs", lambda rng: (-np.abs(rng.normal(size=(3, 3))) - 0.1,)),
        ("rows with ties", lambda rng: (np.array([[0.4, 1.3, 1.3], [-0.6, 0.2, -1.1], [0.9, 0.9, 0.9]]),)),
    ],
    rules={
        "x": "max hands on one entry of a row, with slope 1. Tied entries share one dy, so their parts add up to dy."
    },
    rule="A selection hands its gradient to the entry that was selected, and nothing to the others.",
    slips=[
        Slip(
            "wrong-axis",
            "the largest entry of each column is taken, where the forward takes that of each row",
            lambda held, x: (x * (held[0] == held[0].max(axis=0))).sum(axis=1),
        ),
        Slip(
            "mask",
            "only the largest entry of the whole array gets a gradient, and not that of each row",
            lambda held, x: (x * (held[0] == held[0].max())).sum(axis=1),
        ),
        Slip(
            "mask",
            "every positive entry gets a gradient, as in a ReLU",
            lambda held, x: (x * (held[0] > 0)).sum(axis=1),
        ),
        Slip(
            "mask",
            "the smallest entry gets the gradient of the largest",
            lambda held, x: (x * (held[0] == held[0].min(axis=1, keepdims=True))).sum(axis=1),
        ),
        Slip(
            "mask",
            "every entry of a row gets dy, as in a sum; the maximum hands on only one of them",
            lambda held, x: x.sum(axis=1),
        ),
    ],
)

EXERCISES = [BIAS_ADD, ROW_TIMES_COLUMN, SUM_AXIS, MEAN_AXIS, MAXIMUM]
