# ruff: noqa: E741 (the documents call a layer l)
"""The forward and backward pass as the documents write them, corrected: plain NumPy, lists, one loop each way.

A network of L layers has the lists W[0 … L-1] and b[0 … L-1]. With A[0] = X, layer l = 1 … L computes

    Z[l] = W[l-1]·A[l-1] + b[l-1]        A[l] = g(Z[l]), but the last one  A[L] = Ŷ = output(Z[L])

and the backward pass, where dZ[l] stands for ∂J/∂Z[l], and so on,

    dZ[L] = ∂J/∂Z[L]                     dZ[l] = (W[l]ᵀ·dZ[l+1]) ⊙ g'(Z[l])
    dW[l-1] = dZ[l]·A[l-1]ᵀ              db[l-1] = dZ[l]·1

Columns are samples: X is (in × m), W (out × in), b (out × 1), Y (out × m). In `forward_rows` and `backward_rows`
rows are samples: X is (m × in), b (out), Y (m × out), and the same W serves as X·Wᵀ.

The pass is that of D0, 000_2e963d5db8266ded.txt. Where D0 is wrong as written, the line that does it right says what
stood there, numbered: D0 (1) … D0 (8). D2 and D3 are 002_b6389a1c971fe113.txt and 003_aa244bc8dadf1168.txt, whose
worked examples are 3-5-2 and 1-3-1 networks of sigmoids.

    Z, A = forward(X, W, b)
    dZ, dW, db = backward(Y, W, Z, A)
    update(W, b, dW, db, alpha=0.01)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, xlogy

Array = np.ndarray
Layers = list[Any]  # an array for each layer, None for a layer that has none


# Columns are samples


def forward(X: Array, W: Layers, b: Layers, g: str = "relu", out: str = "squares") -> tuple[Layers, Layers]:
    """(Z, A), with Z[0] = None, A[0] = X and A[L] = Ŷ. `g` is one of ACTIVATIONS, `out` one of OUTPUTS."""
    _check(X, W, b, g, out, features=0)
    L = len(W)
    Z: Layers = [None] * (L + 1)
    A: Layers = [X] + [None] * L
    for l in range(1, L + 1):
        Z[l] = W[l - 1] @ A[l - 1] + b[l - 1]
        # D0 (6): its text later sends the output through a ReLU too; then Ŷ could never be negative
        A[l] = activate(Z[l], g) if l < L else output(Z[l], out, axis=0)
    return Z, A


def backward(
    Y: Array, W: Layers, Z: Layers, A: Layers, g: str = "relu", out: str = "squares"
) -> tuple[Layers, Layers, Layers]:
    """(dZ, dW, db) for what `forward` returned, with dZ[0] = None; dW and db are in the shapes of W and b."""
    L, m = len(W), Y.shape[1]
    dZ: Layers = [None] * (L + 1)
    dW: Layers = [None] * L
    db: Layers = [None] * L
    for l in range(L, 0, -1):
        if l == L:
            dZ[l] = output_error(Y, A[L], m, out)  # D0 (1): from A[L-1], the last hidden activation, for Ŷ
        else:
            dZ[l] = (W[l].T @ dZ[l + 1]) * slope(Z[l], g)  # D0 (2): dZ[l-1] with g'(Z[l]): g' and W one layer off
        # D3 takes the weight gradient ∇W_o for W_oᵀ·dZ, and σ' of the output for the hidden one; D2 leaves out w_kj
        dW[l - 1] = dZ[l] @ A[l - 1].T  # D0 (3): A[l-1]ᵀ·dZ[l], which does not conform; D2 sums it over the outputs
        db[l - 1] = dZ[l].sum(axis=1, keepdims=True)  # D0 (4): for one layer too many
    return dZ, dW, db


def update(W: Layers, b: Layers, dW: Layers, db: Layers, alpha: float) -> None:
    """Gradient descent, θ ← θ - α ∂J/∂θ: puts new arrays into the lists W and b."""
    for l in range(len(W)):
        W[l] = W[l] - alpha * dW[l]  # D0 (5): W[l] is paired with another layer's dW
        b[l] = b[l] - alpha * db[l]


# Rows are samples: every product is the transpose of the one above


def forward_rows(X: Array, W: Layers, b: Layers, g: str = "relu", out: str = "squares") -> tuple[Layers, Layers]:
    """`forward` where X is (m × in), b (out)."""
    _check(X, W, b, g, out, features=1)
    L = len(W)
    Z: Layers = [None] * (L + 1)
    A: Layers = [X] + [None] * L
    for l in range(1, L + 1):
        Z[l] = A[l - 1] @ W[l - 1].T + b[l - 1]
        A[l] = activate(Z[l], g) if l < L else output(Z[l], out, axis=1)
    return Z, A


def backward_rows(
    Y: Array, W: Layers, Z: Layers, A: Layers, g: str = "relu", out: str = "squares"
) -> tuple[Layers, Layers, Layers]:
    """`backward` where Y is (m × out)."""
    L, m = len(W), Y.shape[0]
    dZ: Layers = [None] * (L + 1)
    dW: Layers = [None] * L
    db: Layers = [None] * L
    for l in range(L, 0, -1):
        dZ[l] = output_error(Y, A[L], m, out) if l == L else (dZ[l + 1] @ W[l]) * slope(Z[l], g)
        dW[l - 1] = dZ[l].T @ A[l - 1]
        db[l - 1] = dZ[l].sum(axis=0)
    return dZ, dW, db


# The hidden layers' g, and g'

ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "relu": (lambda Z: np.maximum(Z, 0), lambda Z: (Z > 0).astype(Z.dtype)),  # g'(0) = 0
    "sigmoid": (expit, lambda Z: expit(Z) * expit(-Z)),  # σ' = σ (1 - σ), and 1 - σ(Z) = σ(-Z)
    "tanh": (np.tanh, lambda Z: 1 - np.tanh(Z) ** 2),
}


def activate(Z: Array, g: str) -> Array:
    """g(Z)."""
    return ACTIVATIONS[g][0](Z)


def slope(Z: Array, g: str) -> Array:
    """g'(Z). D0 (8): its worked example takes ∂Z/∂X for it, which is W; and that W is 2 × 2 for one output."""
    return ACTIVATIONS[g][1](Z)


# The last layer: Ŷ, the loss J over m samples, and ∂J/∂Z[L]

OUTPUTS = {
    "squares": "Ŷ = Z, J = 1/m Σ (Y - Ŷ)²",
    "half squares": "Ŷ = Z, J = ½ Σ (Y - Ŷ)²",
    "relu half squares": "Ŷ = ReLU(Z), J = ½ Σ (Y - Ŷ)²",
    "sigmoid squares": "Ŷ = σ(Z), J = 1/m Σ (Y - Ŷ)²",
    "sigmoid half squares": "Ŷ = σ(Z), J = ½ Σ (Y - Ŷ)²",
    "sigmoid": "Ŷ = σ(Z), J = -1/m Σ (Y log Ŷ + (1 - Y) log(1 - Ŷ))",
    "softmax": "Ŷ = softmax(Z), J = -1/m Σ Y log Ŷ, where ΣY = 1 for each sample",
}


def output(Z: Array, out: str, axis: int) -> Array:
    """Ŷ. Along `axis` lie the outputs of one sample."""
    if out == "softmax":
        E = np.exp(Z - Z.max(axis, keepdims=True))
        return E / E.sum(axis, keepdims=True)
    if out.startswith("relu"):
        return np.maximum(Z, 0)
    return expit(Z) if out.startswith("sigmoid") else Z


def loss(Y: Array, Y_hat: Array, m: int, out: str = "squares") -> float:
    """J. In the cross-entropies 0 log 0 = 0."""
    if out == "softmax":
        return -np.sum(xlogy(Y, Y_hat)) / m
    if out == "sigmoid":  # summed over outputs; D2 has Y log Ŷ alone, to which its gradient Ŷ - Y does not belong
        return -np.sum(xlogy(Y, Y_hat) + xlogy(1 - Y, 1 - Y_hat)) / m
    return np.sum((Y - Y_hat) ** 2) * (0.5 if out.endswith("half squares") else 1 / m)


def output_error(Y: Array, Y_hat: Array, m: int, out: str = "squares") -> Array:
    """dZ[L]. D0 (4): its Ŷ - Y, without the 1/m of its loss and the 2 of the square, is that of ½ Σ (Y - Ŷ)²."""
    if Y.shape != Y_hat.shape:  # D2: three labels (1, 0, 1) for two outputs
        raise ValueError(f"pseudocode: Ŷ is {Y_hat.shape}, so Y must be, got {Y.shape}")
    if not out.endswith("squares"):
        return (Y_hat - Y) / m  # sigmoid, softmax: σ' cancels the denominator of the cross-entropy's derivative
    dY_hat = (Y_hat - Y) * (1 if out.endswith("half squares") else 2 / m)
    if out.startswith("sigmoid"):  # D0 (7), D3: between ∂J/∂A and ∂J/∂Z lies σ'(Z) = Ŷ (1 - Ŷ),
        return dY_hat * Y_hat * (1 - Y_hat)
    return dY_hat * (Y_hat > 0) if out.startswith("relu") else dY_hat  # or ReLU'(Z)


def _check(X: Array, W: Layers, b: Layers, g: str, out: str, features: int) -> None:
    if g not in ACTIVATIONS or out not in OUTPUTS:
        raise ValueError(
            f"pseudocode: expected g to be one of {', '.join(ACTIVATIONS)} and out one of {', '.join(OUTPUTS)}, "
            f"got g = {g!r}, out = {out!r}"
        )
    n = X.shape[features]
    for l, (Wl, bl) in enumerate(zip(W, b, strict=True)):
        rows = Wl.shape[0]
        expected = (rows, 1) if features == 0 else (rows,)
        if Wl.shape != (rows, n) or bl.shape != expected:
            raise ValueError(
                f"pseudocode: layer {l + 1} takes {n} inputs, so W[{l}] must be (out × {n}) and b[{l}] {expected}, "
                f"got {Wl.shape} and {bl.shape}"
            )
        n = rows
