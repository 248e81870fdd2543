"""Products: matrices, a linear layer, the outer product."""

from __future__ import annotations

from nanonet.teach.exercises.build import backward_exercise, normal

MATMUL = backward_exercise(
    name="matmul",
    title="Matrix product",
    topic="products",
    level=2,
    statement=r"""
    y = x·w with x (N, D), w (D, M) and y (N, M).

    Write `backward(dy, x, w)` and return `(dx, dw)`, in the shapes of x and w.

    $$y_{nm} = \sum_d x_{nd}\,w_{dm}$$

    Derive one entry: x[n, d] moves the whole row n of y, with the slopes w[d, :]. The shapes leave only one way to
    write the sums as products of matrices.
    """,
    given="""
    def forward(x, w):
        return x @ w
    """,
    stub='''
    def backward(dy, x, w):
        """The gradients (dx, dw), in the shapes of x (N, D) and w (D, M); dy is (N, M)."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 4), (4, 2))),
        ("square matrices", normal((3, 3), (3, 3))),
        ("a batch of one", normal((1, 3), (3, 2))),
    ],
    rules={
        "x": "x[n, d] has the slope w[d, m] in y[n, m]: dx[n, d] sums dy[n, m]·w[d, m] over m.",
        "w": "w[d, m] has the slope x[n, d] in y[n, m]: dw[d, m] sums x[n, d]·dy[n, m] over the batch n.",
    },
    rule="An entry of a matrix moves a whole row or column of the product: sum over it.",
)

OUTER = backward_exercise(
    name="outer-product",
    title="Outer product",
    topic="products",
    level=2,
    statement=r"""
    y = a·bᵀ with a (N,), b (M,) and y (N, M).

    Write `backward(dy, a, b)` and return `(da, db)`, in the shapes of a and b.

    $$y_{nm} = a_n\,b_m$$

    Each a[n] moves the whole row n of y; each b[m] moves the whole column m.
    """,
    given="""
    def forward(a, b):
        return np.outer(a, b)
    """,
    stub='''
    def backward(dy, a, b):
        """The gradients (da, db), in the shapes (N,) and (M,); dy is (N, M)."""
    ''',
    cases=[
        ("ordinary inputs", normal((4,), (3,))),
        ("two vectors of one length", normal((3,), (3,))),
        ("a vector of one entry", normal((1,), (3,))),
    ],
    rules={
        "a": "a[n] has the slope b[m] in y[n, m]: da[n] sums dy[n, m]·b[m] over m.",
        "b": "b[m] has the slope a[n] in y[n, m]: db[m] sums dy[n, m]·a[n] over n.",
    },
    rule="An entry that moves a whole row gets a sum over that row.",
)

LINEAR = backward_exercise(
    name="linear",
    title="Linear layer with a bias",
    topic="products",
    level=2,
    statement=r"""
    y = x·wᵀ + b with x (N, D), w (M, D), b (M,) and y (N, M): rows are samples, and w is stored as in PyTorch.

    Write `backward(dy, x, w, b)` and return `(dx, dw, db)`, in the shapes of x, w and b.

    $$y_{nm} = \sum_d x_{nd}\,w_{md} + b_m$$
    """,
    given="""
    def forward(x, w, b):
        return x @ w.T + b
    """,
    stub='''
    def backward(dy, x, w, b):
        """The gradients (dx, dw, db), in the shapes (N, D), (M, D) and (M,); dy is (N, M)."""
    ''',
    cases=[
        ("ordinary inputs", normal((5, 3), (4, 3), (4,))),
        ("square matrices", normal((3, 3), (3, 3), (3,))),
        ("a batch of one", normal((1, 3), (2, 3), (2,))),
    ],
    rules={
        "x": "x[n, d] has the slope w[m, d] in y[n, m]: sum over the outputs m.",
        "w": "w[m, d] has the slope x[n, d] in y[n, m], once for each row n: sum over the batch.",
        "b": "b was stretched along the batch axis: sum over it.",
    },
    rule="A parameter is used once for every sample: its gradient is a sum over the batch.",
)

EXERCISES = [MATMUL, OUTER, LINEAR]
