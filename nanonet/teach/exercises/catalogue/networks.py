"""Small networks: two layers, dropout, an embedding, and the documents' layered pseudocode."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.teach.exercises.backward import BackwardJudge
from nanonet.teach.exercises.build import backward_exercise, normal, run, template
from nanonet.teach.exercises.exercise import WRONG, Exercise
from nanonet.teach.exercises.guard import mishap
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
    rule="Each use adds one term: add at the indices, do not assign. (NumPy: `a[idx] += b` counts a double index once.)",
    slips=[
        Slip(
            "overwritten",
            "of an index that comes several times only one use counts (`dw[idx] = dy` and `dw[idx] += dy` both do this)",
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


LAYERS = '''
def g(Z):
    return np.maximum(Z, 0)


def g_slope(Z):
    return (Z > 0).astype(float)


def forward(X, W, b):
    """Z[1 … L] and A[0 … L]; the last layer is linear: A[L] = Z[L] is the prediction."""
    L = len(W)
    Z, A = [None] * (L + 1), [X] + [None] * L
    for l in range(1, L + 1):
        Z[l] = W[l - 1] @ A[l - 1] + b[l - 1]
        A[l] = g(Z[l]) if l < L else Z[l]
    return Z, A


def loss(Y, Y_hat):
    return np.sum((Y - Y_hat) ** 2) / Y.shape[1]
'''
LAYERS_STUB = '''
def backward(Y, W, Z, A):
    """The lists (dW, db), as long as W; dW[l - 1] and db[l - 1] belong to layer l = 1 … L.

    Columns are samples: A[0] = X is (inputs × m), W[l - 1] (outputs × inputs), db[l - 1] (outputs × 1).
    """
    L, m = len(W), Y.shape[1]
'''
LAYERS_RULE = "Chain rule from the last layer to the first: dZ[l] = (W[l]ᵀ·dZ[l+1]) ⊙ g'(Z[l]), dW and db from dZ[l]."


def layered_loss(Y: Any, X: Any, W0: Any, b0: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> tuple[Any, Any]:
    """(loss, cache): a network of three layers, its parameters one by one, as the gradient checker wants them."""
    given = GIVEN
    W = [W0, W1, W2]
    Z, A = given["forward"](X, W, [b0, b1, b2])
    return given["loss"](Y, A[-1]), (W, Z, A)


def layered_call(function: Any, dy: Any, inputs: Any, cache: Any) -> Any:
    """The learner's backward gives the gradients of the loss itself: dy times them is what the checker asks for."""
    W, Z, A = cache
    found = function(inputs[0], W, Z, A)
    at = "Return (dW, db): two lists with one array for each layer."
    if not isinstance(found, tuple | list) or len(found) != 2 or any(not isinstance(part, list) for part in found):
        raise mishap(WRONG, "backward does not return two lists.", f"It returns {type(found).__name__}.", at, "unknown")
    dW, db = found
    if len(dW) != len(W) or len(db) != len(W):
        got = f"dW has {len(dW)} entries and db {len(db)}, where there are {len(W)} layers."
        raise mishap(WRONG, got, "The lists count from 0: dW[l - 1] belongs to layer l.", at, "off-by-one")
    missing = [f"{n}[{i}]" for n, part in (("dW", dW), ("db", db)) for i, one in enumerate(part) if one is None]
    if missing:
        raise mishap(WRONG, f"{missing[0]} is None.", "The loop does not reach that layer.", at, "off-by-one")
    return tuple(dy * np.asarray(part) for pair in zip(dW, db, strict=True) for part in pair)


def slower_biases(held: Any, parameters: Any) -> list[Any]:
    """Biases that move 1/m of the way."""
    m = held[0].shape[1]
    pairs = zip(held[1:], parameters, strict=True)
    return [old + (new - old) / m if i % 2 == 0 and i > 0 else new for i, (old, new) in enumerate(pairs)]


def straight_loss(held: Any, Y: Any, X: Any, *parameters: Any) -> Any:
    """The loss with layers whose slope is 1 everywhere, and whose values are those of the ReLU."""
    Z0, A0 = GIVEN["forward"](X, list(held[2::2]), list(held[3::2]))
    A = X
    for layer, (W, b) in enumerate(zip(parameters[::2], parameters[1::2], strict=True), start=1):
        A = A0[layer] + W @ A + b - Z0[layer]
    return GIVEN["loss"](Y, A)


GIVEN = run(LAYERS)
SIZES = ("W0", "b0", "W1", "b1", "W2", "b2")


def layers(n: int, h: int, k: int, out: int, m: int) -> Any:
    return normal((out, m), (n, m), (h, n), (h, 1), (k, h), (k, 1), (out, k), (out, 1))


LAYERED = Exercise(
    name="layered-backward",
    title="Backward through any number of layers, as the documents write it",
    topic="networks",
    level=4,
    statement=(
        "Columns are samples. For l = 1 … L: Z[l] = W[l-1]·A[l-1] + b[l-1], A[l] = g(Z[l]) with g = ReLU; the last\n"
        "layer is linear, and the loss is J = 1/m Σ (Y - A[L])².\n\n"
        "Write `backward(Y, W, Z, A)` and return the lists `(dW, db)` of ∂J/∂W[l] and ∂J/∂b[l]. Start with\n"
        "dZ[L] = ∂J/∂Z[L], then for l = L … 1 find dW[l-1] and db[l-1] from dZ[l], and dZ[l-1] from dZ[l].\n\n"
        "The document D0 has this pass with five errors. Do not copy it: check every index and every transpose."
    ),
    template=template("layered-backward", "Backward through any number of layers", LAYERS.strip(), LAYERS_STUB),
    functions=("backward",),
    judge=BackwardJudge(
        forward=layered_loss,
        inputs=("Y", "X", *SIZES),
        wanted=SIZES,
        cases=(
            ("ordinary inputs", layers(3, 4, 5, 2, 6)),
            ("square matrices", layers(3, 3, 3, 3, 3)),
            ("a batch of one", layers(2, 4, 3, 1, 1)),
        ),
        rules={name: LAYERS_RULE for name in SIZES},
        rule=LAYERS_RULE,
        cache=True,
        call=layered_call,
        results=tuple(f"d{name[0]}[{name[1]}]" for name in SIZES),
        slips=(
            Slip(
                "mask",
                "g'(Z) is left out: the ReLU stops what is negative, and its gradient must be stopped there, too",
                lambda held, Y, *rest: straight_loss(held, Y, *rest),
            ),
            Slip(
                "sum-for-mean",
                "the 1/m of the loss is lost: the errors of the samples are summed",
                lambda held, Y, *rest: layered_loss(Y, *rest)[0] * Y.shape[1],
            ),
            Slip(
                "mean-for-sum",
                "db is averaged over the samples; the 1/m of the loss is in dZ already",
                lambda held, Y, *rest: layered_loss(Y, *slower_biases(held, rest))[0],
            ),
        ),
    ),
    rule=LAYERS_RULE,
)

EXERCISES = [DROPOUT, EMBEDDING, MLP, LAYERED]
