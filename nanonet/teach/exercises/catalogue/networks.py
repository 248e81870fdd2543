"""Small networks: two layers, dropout, an embedding, and the documents' layered pseudocode."""

from __future__ import annotations

import numpy as np

from nanonet.teach.exercises.build import backward_exercise, normal
from nanonet.teach.exercises.measure import Slip

MLP = backward_exercise(
    name="two-layer-mlp",
    title="A network of two layers",
    topic="networks",
    level=3,
    statement=r"""
    Rows are samples; x (N, D), w1 (D, H), b1 (H,), w2 (H, M), b2 (M,):

    Z₁ = x·w1 + b1,  A₁ = max(Z₁, 0),  y = A₁·w2 + b2

    Write `backward(dy, x, w1, b1, w2, b2)` and return `(dx, dw1, db1, dw2, db2)`. Compute Z₁ and A₁ again, then walk
    back: dA₁ from dy, dZ₁ from dA₁ through the ReLU, and at each layer the gradients of its parameters.
    """,
    given="""
    def forward(x, w1, b1, w2, b2):
        Z1 = x @ w1 + b1
        A1 = np.maximum(Z1, 0)
        return A1 @ w2 + b2
    """,
    stub='''
    def backward(dy, x, w1, b1, w2, b2):
        """The gradients (dx, dw1, db1, dw2, db2), each in the shape of its array; dy is (N, M)."""
    ''',
    cases=[
        ("ordinary inputs", normal((4, 3), (3, 5), (5,), (5, 2), (2,))),
        ("square matrices", normal((3, 3), (3, 3), (3,), (3, 3), (3,))),
        ("a batch of one", normal((1, 3), (3, 4), (4,), (4, 2), (2,))),
    ],
    rules={
        "x": "x reaches y through Z₁: dx = dZ₁·w1ᵀ, once dZ₁ is right.",
        "w1": "w1 meets x in Z₁: its gradient pairs x with dZ₁, summed over the batch.",
        "b1": "b1 is added to every row of Z₁: sum dZ₁ over the batch.",
        "w2": "w2 meets A₁, the output of the ReLU: its gradient pairs A₁ with dy, summed over the batch.",
        "b2": "b2 is added to every row of y: sum dy over the batch.",
    },
    rule="Chain rule, layer by layer: dA = dZ_next·wᵀ, dZ = dA where Z > 0, and dw, db from dZ.",
    slips=[
        Slip(
            "input-for-output",
            "Z₁, the input of the ReLU, stands where its output A₁ belongs",
            lambda held, x, w1, b1, w2, b2: (held[0] @ held[1] + held[2]) @ w2,
        ),
        Slip(
            "mask",
            "the ReLU is left out on the way back: what was stopped in the forward gets a gradient",
            lambda held, x, w1, b1, w2, b2: (x @ w1 + b1) @ w2 + b2,
        ),
    ],
)

DROPOUT = backward_exercise(
    name="dropout",
    title="Dropout, with the mask given",
    topic="networks",
    level=2,
    statement=r"""
    With probability p each entry of x is dropped, and the others are scaled up, so that the mean stays the same:

    y = x ⊙ mask / (1 - p), where mask is 1 for what is kept and 0 for what is dropped.

    `forward(x, mask, p)` returns `(y, cache)` with the cache `(mask, p)`. Write `backward(dy, cache)` and return dx.
    """,
    given="""
    def forward(x, mask, p):
        y = x * mask / (1 - p)
        return y, (mask, p)
    """,
    stub='''
    def backward(dy, cache):
        """The gradient dx, in the shape of x; mask holds 0 and 1, p is the probability to drop."""
        mask, p = cache
    ''',
    cases=[
        ("ordinary inputs", lambda rng: (rng.normal(size=(3, 4)), (rng.random((3, 4)) > 0.4).astype(float), 0.4)),
        ("nothing dropped (p = 0)", lambda rng: (rng.normal(size=(2, 3)), np.ones((2, 3)), 0.0)),
        ("nearly all dropped", lambda rng: (rng.normal(size=(2, 3)), np.eye(2, 3), 0.8)),
    ],
    rules={"x": "mask / (1 - p) is a constant factor for each entry: the same factor is in the gradient."},
    rule="A product with a constant: its gradient is dy times the same constant.",
    cache=True,
    slips=[
        Slip("mask", "the mask is left out: what was dropped gets a gradient", lambda held, x, mask, p: x / (1 - p)),
        Slip("missing-factor", "the scale 1 / (1 - p) is missing", lambda held, x, mask, p: x * mask),
        Slip("extra-factor", "the scale is there twice", lambda held, x, mask, p: x * mask / (1 - p) ** 2),
        Slip("mask", "dropped and kept are exchanged", lambda held, x, mask, p: x * (1 - mask) / (1 - p)),
        Slip("scale", "the scale divides by p, the share that is dropped", lambda held, x, mask, p: x * mask / p),
        Slip("scale", "it is multiplied by 1 - p and not divided", lambda held, x, mask, p: x * mask * (1 - p)),
    ],
)

EMBEDDING = backward_exercise(
    name="embedding",
    title="Embedding: rows chosen by index",
    topic="networks",
    level=3,
    statement=r"""
    y = w[idx] with a table w (V, D) and indices idx (N,), integers: y (N, D).

    Write `backward(dy, w, idx)` and return dw, in the shape of w. A row that is chosen several times gets the sum of
    all its gradients; a row that is never chosen gets 0.

    $$\frac{\partial L}{\partial w_v} = \sum_{n:\,idx_n = v} \frac{\partial L}{\partial y_n}$$
    """,
    given="""
    def forward(w, idx):
        return w[idx]
    """,
    stub='''
    def backward(dy, w, idx):
        """The gradient dw, in the shape of w (V, D); dy is (N, D), idx (N,)."""
    ''',
    cases=[
        ("ordinary inputs", lambda rng: (rng.normal(size=(5, 3)), np.array([2, 0, 2, 4, 2]))),
        ("no index twice", lambda rng: (rng.normal(size=(4, 2)), np.array([3, 1, 0]))),
        ("a single index", lambda rng: (rng.normal(size=(3, 2)), np.array([1]))),
    ],
    rules={"w": "Row v of w is used once for each n with idx[n] = v: its gradient adds up dy[n] over these."},
    rule="Each use adds one term: add at the indices, do not assign. (`a[idx] += b` counts a double index once.)",
    slips=[
        Slip(
            "overwritten",
            "of an index that comes several times only one use counts (`dw[idx] = …` and `dw[idx] += …` do this)",
            lambda held, w, idx: w[idx] * last_use(idx)[:, None],
        ),
        Slip(
            "overwritten",
            "of an index that comes several times only the first use counts",
            lambda held, w, idx: w[idx] * last_use(idx[::-1])[::-1, None],
        ),
        Slip(
            "mean-for-sum",
            "the gradients of an index that comes several times are averaged; they must be added",
            lambda held, w, idx: w[idx] / np.bincount(idx)[idx][:, None],
        ),
        Slip(
            "mean-for-sum",
            "the gradients are divided by the number of indices",
            lambda held, w, idx: w[idx] / len(idx),
        ),
        Slip(
            "off-by-one",
            "each gradient lands one row after its own",
            lambda held, w, idx: w[(idx + 1) % len(w)],
        ),
    ],
)


def last_use(idx: np.ndarray) -> np.ndarray:
    """1 where no later index is the same, else 0."""
    return np.array([float(v not in idx[n + 1 :]) for n, v in enumerate(idx)])


EXERCISES = [DROPOUT, EMBEDDING, MLP]
