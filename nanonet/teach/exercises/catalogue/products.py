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

EXERCISES = [MATMUL]
