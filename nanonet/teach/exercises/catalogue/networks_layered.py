"""The backward pass of the documents' layered pseudocode, without its errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.teach.exercises.backward import BackwardJudge
from nanonet.teach.exercises.build import normal, run, template
from nanonet.teach.exercises.exercise import WRONG, Exercise
from nanonet.teach.exercises.guard import mishap
from nanonet.teach.exercises.measure import Slip

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

    Columns are samples: A[0] = X is (inputs × m), W[l - 1] (outputs × inputs), and
    db[l - 1] (outputs × 1).
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
    title="Backward, layer by layer",
    topic="networks",
    level=4,
    statement=(
        "Columns are samples. For l = 1 … L: Z[l] = W[l-1]·A[l-1] + b[l-1], A[l] = g(Z[l]) with g = ReLU; the last\n"
        "layer is linear, and the loss is J = 1/m Σ (Y - A[L])².\n\n"
        "Write `backward(Y, W, Z, A)` and return the lists `(dW, db)` of ∂J/∂W[l] and ∂J/∂b[l]. Start with\n"
        "dZ[L] = ∂J/∂Z[L], then for l = L … 1 find dW[l-1] and db[l-1] from dZ[l], and dZ[l-1] from dZ[l].\n\n"
        "The document D0 has this pass with five errors. Do not copy it: check every index and every transpose."
    ),
    template=template("layered-backward", "Backward, layer by layer", LAYERS.strip(), LAYERS_STUB),
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
        rules=dict.fromkeys(SIZES, LAYERS_RULE),
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

EXERCISES = [LAYERED]
