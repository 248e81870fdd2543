# ruff: noqa: E741 (the documents call a layer l)
"""D0, 000_2e963d5db8266ded.txt: eight errors of its backward pass, and of its worked example with X = I₂."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet.teach import pseudocode as doc
from nanonet.teach.documents.checks import Pair, claim, gradient
from nanonet.teach.documents.erratum import Erratum, Numbers, closer_look
from nanonet.teach.documents.networks import IDENTITY, RELU

Array = np.ndarray
X, Y, NAMES = RELU.X, RELU.Y, ("W0", "b0", "W1", "b1", "W2", "b2")
m, L = 3, 3
PARAMETERS = dict(zip(NAMES, RELU.parameters(), strict=True))
NETWORK = "the ReLU network 2-2-2-2 with three samples"


def J(*layers: Array) -> Array:
    """J = 1/m Σ (Y - Ŷ)² of the network."""
    return np.asarray(doc.loss(Y, doc.forward(X, layers[0::2], layers[1::2])[1][L], m))  # pyright: ignore


def pass_back(
    output: Callable[[Array, Array], Array] = lambda hidden, Y_hat: 2 / m * (Y_hat - Y),
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


def layer_check(m: int, rows: int) -> Any:
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
UNIT = "X = I₂, W = (-0.3, 0.4), b = 0.1, Y = (1, 0)"


def loss_of(rows: int) -> Callable[[], Numbers]:
    """The example with a W of so many rows."""

    def program() -> Numbers:
        W, b = np.array([[-0.3, 0.4], [0.2, 0.5]])[:rows], np.full((rows, 1), 0.1)
        Z, A = doc.forward(IDENTITY.X, [W], [b], "relu", "relu half squares")
        doc.backward(Y2, [W], Z, A, "relu", "relu half squares")
        return {"shape of W": W.shape, "shape of A": A[1].shape, "shape of Y": Y2.shape}

    return program


ERRATA = [
    Erratum(
        "D0", 1, "The output error starts from the last hidden activation",
        "dZ[L-1] = A[L-1] - Y", "dZ[L] = ∂J/∂Ŷ = 2/m (Ŷ - Y)",
        "The loss compares Y with the prediction Ŷ. A[L-1] is what goes into the last layer, not what comes out.",
        NETWORK, pass_back(output=lambda hidden, Y_hat: 2 / m * (hidden - Y)), RIGHT, CHECK,
        r"With $J = \frac1m\sum(Y-\hat Y)^2$ and a linear last layer, $\hat Y = Z_L$, so "
        r"$dZ_L = \frac{\partial J}{\partial Z_L} = \frac2m(\hat Y - Y)$.",
        (closer_look(
            "the loss alone, as a function of Ŷ", "Ŷ and A[L-1] of the same network",
            lambda dy, Y_hat, A: (dy * 2 / m * (A - Y), np.zeros_like(A)),
            lambda dy, Y_hat, A: (dy * 2 / m * (Y_hat - Y), np.zeros_like(A)),
            gradient(loss_alone, LOSS_INPUTS, "Ŷ"),
        ),),
    ),
    Erratum(
        "D0", 2, "g' and W are taken one layer off",
        "dZ[l-1] = g'(Z[l]) * (W[l]ᵀ·dZ[l])", "dZ[l] = (W[l]ᵀ·dZ[l+1]) ⊙ g'(Z[l])",
        "W[l] leads from layer l to l+1, so its transpose carries dZ[l+1] back to layer l, and g' is taken there, at "
        "Z[l]. As written, the first turn would even need W[L], which there is not; here it is put right, and the "
        "second runs as written. Two mistakes at once have no name; each alone has one.",
        NETWORK, pass_back(hidden=one_layer_off), RIGHT, CHECK,
        r"From $Z_{l+1} = W_l A_l + b_l$ and $A_l = g(Z_l)$ the chain rule gives "
        r"$dA_l = W_l^\top dZ_{l+1}$ and $dZ_l = dA_l \odot g'(Z_l)$.",
        (
            closer_look("W alone", "two layers, from Z[1] to Z[3]",
                        two_layers_back(weight=2), two_layers_back(), TWO_CHECK),
            closer_look("g' alone", "two layers, from Z[1] to Z[3]",
                        two_layers_back(slope=2), two_layers_back(), TWO_CHECK),
        ),
    ),
    Erratum(
        "D0", 3, "dW does not conform where columns are samples",
        "dW[l] = A[l-1]ᵀ·dZ[l]", "dW[l-1] = dZ[l]·A[l-1]ᵀ",
        "dW has the shape of W, (out × in): (out × m) times (m × in). As written the product sums over the units and "
        "leaves the samples.",
        NETWORK, pass_back(weight=written_dW), RIGHT, CHECK,
        r"$Z_{ij} = \sum_k W_{ik}A_{kj} + b_i$, so "
        r"$\frac{\partial J}{\partial W_{ik}} = \sum_j dZ_{ij}\,A_{kj} = (dZ\,A^\top)_{ik}$.",
        (
            closer_look("where a layer is not square", "Z = W·A with W (3×2), A (2×2)",
                        layer_back(written_dW), layer_back(right_dW), layer_check(2, 3)),
            closer_look("where all is square it runs, and is wrong", "Z = W·A with W (2×2), A (2×2)",
                        layer_back(written_dW), layer_back(right_dW), layer_check(2, 2)),
        ),
    ),
    Erratum(
        "D0", 4, "The factor of the loss is lost, and db runs one layer too far",
        "dZ = Ŷ - Y, and db[l] = dZ[l]ᵀ·1 down to l = 0", "dZ[L] = 2/m (Ŷ - Y); db[l-1] = dZ[l]·1 for l = L … 1",
        "The loss has the factor 1/m and its square the factor 2; both belong to the gradient. Layer 0 is the input: "
        "it has no bias and no error.",
        NETWORK, pass_back(output=lambda hidden, Y_hat: Y_hat - Y), RIGHT, CHECK,
        r"$\frac{\partial}{\partial\hat Y}\frac1m\sum(Y-\hat Y)^2 = \frac2m(\hat Y-Y)$. With $m = 3$ the gradient as "
        r"written is $\frac m2 = 1.5$ times the right one. And from $Z_l = W_{l-1}A_{l-1} + b_{l-1}$, "
        r"$db_{l-1} = \sum_j dZ_{l,\cdot j}$ for $l = L,\dots,1$.",
        (closer_look("db down to which layer?", "the same network", db_down_to(0), db_down_to(1),
                     claim("every db that is asked for exists", all_exist)),),
    ),
    Erratum(
        "D0", 5, "The update pairs W[l] with the dW of another layer",
        "W[l] = W[l] - α dW[l]  with  dW[l] from dZ[l]", "W[l-1] = W[l-1] - α dZ[l]·A[l-1]ᵀ",
        "What is made from dZ[l] and A[l-1] belongs to the weights between layers l-1 and l, and these are W[l-1]. As "
        "written W[0] is never updated: no dW[0] is made. The others go down the slope of their neighbour.",
        NETWORK, next_weight, RIGHT, CHECK,
        r"$Z_l = W_{l-1}A_{l-1} + b_{l-1}$ has the gradient $\frac{\partial J}{\partial W_{l-1}} = dZ_l A_{l-1}^\top$: "
        r"its index is that of the weights, so $W_{l-1} \leftarrow W_{l-1} - \alpha\, dZ_l A_{l-1}^\top$.",
    ),
    Erratum(
        "D0", 6, "The text sends the output through a ReLU too",
        "Ŷ = ReLU(Z[L]), with the backward pass of Ŷ = Z[L]", "Ŷ = Z[L]",
        "The pseudocode's last layer is linear, and its output error is right for that only. A ReLU there needs its "
        "own g', and Ŷ could never be negative, while labels are.",
        "the last layer of the same network", Pair(last_relu, last_back(lambda Z: np.maximum(Z, 0))),
        Pair(last_linear, last_back(lambda Z: Z)), gradient(last_linear, LAST),
        r"With $\hat Y = Z_L$: $dZ_L = \frac2m(\hat Y-Y)$. With $\hat Y = g(Z_L)$ it would be "
        r"$dZ_L = \frac2m(\hat Y-Y)\odot g'(Z_L)$, which is $0$ wherever $Z_L<0$: no such output learns.",
    ),
    Erratum(
        "D0", 7, "The error with respect to A is taken for that with respect to Z",
        "δ = ∂L/∂A = A - Y", "dZ = ∂L/∂Z = (A - Y) ⊙ g'(Z)",
        "Between A and Z lies g. Its slope is the factor that is missing: where the unit is off it is 0, and the right "
        "gradient too.",
        UNIT, unit_back(lambda Z, W: 1), UNIT_RIGHT, UNIT_CHECK,
        r"$\frac{\partial L}{\partial Z} = \frac{\partial L}{\partial A}\cdot\frac{\partial A}{\partial Z} = "
        r"(A-Y)\odot g'(Z)$, and $g'(Z) = [Z>0]$ for the ReLU.",
    ),
    Erratum(
        "D0", 8, "∂Z/∂X stands for g'(Z), and W has a row too many",
        "dZ = (A - Y) ⊙ ∂Z/∂X = (A - Y) ⊙ W", "dZ = (A - Y) ⊙ g'(Z)",
        "∂Z/∂X is W: it leads from the error of Z to that of X, one layer further. And with W of 2×2 there are two "
        "outputs, for a Y of one.",
        UNIT, unit_back(lambda Z, W: W), UNIT_RIGHT, UNIT_CHECK,
        r"$Z = WX + b$, $A = g(Z)$: $\frac{\partial A}{\partial Z} = g'(Z)$, while $\frac{\partial Z}{\partial X} = W$ "
        r"enters only $dX = W^\top dZ$. Here $X = I_2$, so $dW = dZ\,X^\top = dZ$.",
        (closer_look("the shape of W", "X = I₂ and Y = (1, 0)", loss_of(2), loss_of(1),
                     claim("A has the shape of Y", lambda n: n["shape of A"] == n["shape of Y"])),),
    ),
]  # fmt: skip
