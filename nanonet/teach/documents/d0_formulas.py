# ruff: noqa: E741 (the documents call a layer l)
"""D0's formulas as code: each as it is written, and its correction. The errata in d0.py say what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet.teach import pseudocode as doc
from nanonet.teach.documents.checks import gradient
from nanonet.teach.documents.erratum import Check, Numbers
from nanonet.teach.documents.networks import IDENTITY, RELU

Array = np.ndarray
X, Y, NAMES = RELU.X, RELU.Y, ("W0", "b0", "W1", "b1", "W2", "b2")
m, L = 3, 3
PARAMETERS = dict(zip(NAMES, RELU.parameters(), strict=True))


def J(*layers: Array) -> Array:
    """J = 1/m Σ (Y - Ŷ)² of the network."""
    _, A = doc.forward(X, list(layers[0::2]), list(layers[1::2]))
    return np.asarray(doc.loss(Y, A[L], m))


def from_output(hidden: Array, Y_hat: Array) -> Array:
    """dZ[L], right: ∂J/∂Ŷ."""
    return 2 / m * (Y_hat - Y)


def from_hidden(hidden: Array, Y_hat: Array) -> Array:
    """As written in (1)."""
    return 2 / m * (hidden - Y)


def without_factor(hidden: Array, Y_hat: Array) -> Array:
    """As written in (4)."""
    return Y_hat - Y


def pass_back(
    output: Callable[[Array, Array], Array] = from_output,
    hidden: Callable[[int, Any, Any, Any], Array] = lambda l, W, Z, dZ: W[l].T @ dZ[l + 1] * doc.slope(Z[l], "relu"),
    weight: Callable[[Array, Array], Array] = lambda dZ, A: dZ @ A.T,
) -> Callable[..., tuple[Array, ...]]:
    """The backward pass of the pseudocode, corrected, but for the line that is given."""

    def backward(dy: Array, *layers: Array) -> tuple[Array, ...]:
        W, b = list(layers[0::2]), list(layers[1::2])
        Z, A = doc.forward(X, W, b)
        dZ: list[Any] = [None] * (L + 1)
        gradients: list[Array] = []
        for l in range(L, 0, -1):
            dZ[l] = output(A[L - 1], A[L]) if l == L else hidden(l, W, Z, dZ)
            gradients = [dy * weight(dZ[l], A[l - 1]), dy * dZ[l].sum(axis=1, keepdims=True), *gradients]
        return tuple(gradients)

    return backward


RIGHT = pass_back()
CHECK = gradient(J, PARAMETERS, "W0 W2")

# (1) the loss alone, as a function of Ŷ, beside the last hidden activation A


def loss_alone(Y_hat: Array, A: Array) -> Array:
    return np.asarray(np.sum((Y - Y_hat) ** 2) / m + 0 * np.sum(A))


def loss_back(output: Callable[[Array, Array], Array]) -> Callable[..., tuple[Array, Array]]:
    return lambda dy, Y_hat, A: (dy * output(A, Y_hat), np.zeros_like(A))


Z_RELU, A_RELU = doc.forward(X, *RELU.lists())
LOSS_INPUTS = {"Ŷ": A_RELU[L], "A": A_RELU[L - 1]}

# (2) as written the first turn needs W[L], which there is not; from the second on g' and W are the next layer's


def one_layer_off(l: int, W: Any, Z: Any, dZ: Any) -> Array:
    if l == L - 1:
        return W[l].T @ dZ[l + 1] * doc.slope(Z[l], "relu")
    return W[l + 1].T @ dZ[l + 1] * doc.slope(Z[l + 1], "relu")


B1, B2 = RELU.b[1], RELU.b[2]
TWO_LAYERS = {"Z1": Z_RELU[1], "W1": RELU.W[1], "W2": RELU.W[2]}


def two_layers(Z1: Array, W1: Array, W2: Array) -> Array:
    """Z3 from Z1: two turns of the loop, without the loss."""
    return W2 @ np.maximum(W1 @ np.maximum(Z1, 0) + B1, 0) + B2


def two_layers_back(weight: int = 1, slope: int = 1) -> Callable[..., tuple[Array, Array, Array]]:
    """Backward of `two_layers`, where dZ1 takes the weight and the slope of these layers; 1 and 1 are right."""

    def backward(dZ3: Array, Z1: Array, W1: Array, W2: Array) -> tuple[Array, Array, Array]:
        Z2 = W1 @ np.maximum(Z1, 0) + B1
        dZ2 = W2.T @ dZ3 * (Z2 > 0)
        dZ1 = (W1, W2)[weight - 1].T @ dZ2 * ((Z1, Z2)[slope - 1] > 0)
        return dZ1, dZ2 @ np.maximum(Z1, 0).T, dZ3 @ np.maximum(Z2, 0).T

    return backward


TWO_CHECK = gradient(two_layers, TWO_LAYERS, "Z1")

# (3) one layer Z = W·A, square and not


def layer_back(W_gradient: Callable[[Array, Array], Array]) -> Callable[..., tuple[Array, Array]]:
    return lambda dZ, W, A: (W_gradient(dZ, A), W.T @ dZ)


def layer_check(m: int, rows: int) -> Check:
    W = np.array([[0.5, -0.2], [0.3, 0.4], [0.1, 0.6]])[:rows]
    return gradient(lambda W, A: W @ A, {"W": W, "A": X[:, :m]}, "W")


def written_dW(dZ: Array, A: Array) -> Array:
    if A.shape[0] != dZ.shape[0]:
        raise ValueError(f"Aᵀ·dZ needs as many rows in A as in dZ, got A {A.shape} and dZ {dZ.shape}")
    return A.T @ dZ


def right_dW(dZ: Array, A: Array) -> Array:
    return dZ @ A.T


# (4) db for l = L … 0


def db_down_to(last: int) -> Callable[[], Numbers]:
    def program() -> Numbers:
        W, b = RELU.lists()
        dZ, _, _ = doc.backward(Y, W, *doc.forward(X, W, b))
        found = {f"db[{l - 1}]": None if dZ[l] is None else dZ[l].sum(axis=1) for l in range(L, last - 1, -1)}
        return {name: "dZ[0] does not exist: X has no error" if one is None else one for name, one in found.items()}

    return program


def all_exist(numbers: Numbers) -> bool:
    return not any(isinstance(value, str) for value in numbers.values())


# (5) dW[l], made from dZ[l] and A[l-1], belongs to W[l-1]; subtracted from W[l] it leaves W[0] without one


def next_weight(dy: Array, *layers: Array) -> tuple[Array, ...]:
    gradients = RIGHT(dy, *layers)
    return (np.zeros_like(layers[0]), np.zeros_like(layers[1]), *gradients[:-2])


# (6) the last layer alone, Ŷ = Z or Ŷ = ReLU(Z), with the backward of Ŷ = Z

LAST = {"W2": RELU.W[2], "b2": RELU.b[2]}


def last_linear(W2: Array, b2: Array) -> Array:
    return np.asarray(np.sum((Y - (W2 @ A_RELU[2] + b2)) ** 2) / m)


def last_relu(W2: Array, b2: Array) -> Array:
    return np.asarray(np.sum((Y - np.maximum(W2 @ A_RELU[2] + b2, 0)) ** 2) / m)


def last_back(output: Callable[[Array], Array]) -> Callable[..., tuple[Array, Array]]:
    def backward(dy: Array, W2: Array, b2: Array) -> tuple[Array, Array]:
        dZ = dy * 2 / m * (output(W2 @ A_RELU[2] + b2) - Y)
        return dZ @ A_RELU[2].T, dZ.sum(axis=1, keepdims=True)

    return backward


# (7), (8) the worked example: X = I₂, one ReLU unit, L = ½ Σ (Y - A)², Y = (1, 0)

ONE_UNIT = {"W": IDENTITY.W[0], "b": IDENTITY.b[0]}
Y2 = IDENTITY.Y


def half_squares(W: Array, b: Array) -> Array:
    return np.asarray(0.5 * np.sum((Y2 - np.maximum(W @ IDENTITY.X + b, 0)) ** 2))


def unit_back(slope: Callable[[Array, Array], Any]) -> Callable[..., tuple[Array, Array]]:
    """dZ = (A - Y) ⊙ slope(Z, W), then dW and db."""

    def backward(dy: Array, W: Array, b: Array) -> tuple[Array, Array]:
        Z = W @ IDENTITY.X + b
        dZ = dy * (np.maximum(Z, 0) - Y2) * slope(Z, W)
        return dZ @ IDENTITY.X.T, dZ.sum(axis=1, keepdims=True)

    return backward


UNIT_RIGHT = unit_back(lambda Z, W: Z > 0)
UNIT_CHECK = gradient(half_squares, ONE_UNIT)


def loss_of(rows: int) -> Callable[[], Numbers]:
    """The example with a W of so many rows."""

    def program() -> Numbers:
        W, b = np.array([[-0.3, 0.4], [0.2, 0.5]])[:rows], np.full((rows, 1), 0.1)
        Z, A = doc.forward(IDENTITY.X, [W], [b], "relu", "relu half squares")
        doc.backward(Y2, [W], Z, A, "relu", "relu half squares")
        return {"shape of W": W.shape, "shape of A": A[1].shape, "shape of Y": Y2.shape}

    return program
