"""D3, 003_aa244bc8dadf1168.txt: three errors of its worked example 1-3-1 with J = (Y - Ŷ)²."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from nanonet.teach import pseudocode as doc
from nanonet.teach.documents.checks import gradient
from nanonet.teach.documents.erratum import Erratum, closer_look
from nanonet.teach.documents.networks import ONE_THREE_ONE as NET

Array = np.ndarray
NETWORK = "the network 1-3-1, x = 0.5, Y = 1"
X, Y = NET.X, NET.Y
Z, A = doc.forward(X, *NET.lists(), "sigmoid", "sigmoid squares")
OUTPUT = {"Wo": NET.W[1], "bo": NET.b[1]}
HIDDEN = {"Wh": NET.W[0], "bh": NET.b[0]}
INNER = {"Z1": Z[1], "Wo": NET.W[1], "bo": NET.b[1]}


def slope(a: Array) -> Array:
    """σ'(Z) = a (1 - a) where a = σ(Z)."""
    return a * (1 - a)


# (1) the output layer, behind the hidden units A[1]


def loss_of_output(Wo: Array, bo: Array) -> Array:
    return np.asarray(np.sum((Y - expit(Wo @ A[1] + bo)) ** 2))


def output_back(with_slope: bool) -> Callable[..., tuple[Array, Array]]:
    def backward(dy: Array, Wo: Array, bo: Array) -> tuple[Array, Array]:
        y = expit(Wo @ A[1] + bo)
        dZ2 = dy * 2 * (y - Y) * (slope(y) if with_slope else 1)
        return dZ2 @ A[1].T, dZ2

    return backward


THREE_Z = {"Z2": np.array([[0.4, -0.9, 1.5]])}  # one weight and one number alone cannot tell a factor from a scale


def loss_of_three(Z2: Array) -> Array:
    return np.asarray(np.sum((1 - expit(Z2)) ** 2))


def three_back(with_slope: bool) -> Callable[[Array, Array], Array]:
    return lambda dy, Z2: dy * -2 * (1 - expit(Z2)) * (slope(expit(Z2)) if with_slope else 1)


# (2) from Z[1] to the loss


def loss_of_inner(Z1: Array, Wo: Array, bo: Array) -> Array:
    return np.asarray(np.sum((Y - expit(Wo @ expit(Z1) + bo)) ** 2))


def inner_back(carry: str = "W", at: int = 1, fits: bool = True) -> Callable[..., tuple[Array, Array, Array]]:
    """dZ1 = (what `carry` names) ⊙ σ'(Z[at]); "W" and 1 are right. Unless it `fits`, ∇W_o stays a row."""

    def backward(dy: Array, Z1: Array, Wo: Array, bo: Array) -> tuple[Array, Array, Array]:
        h = expit(Z1)
        y = expit(Wo @ h + bo)
        dZ2 = dy * 2 * (y - Y) * slope(y)
        dWo = dZ2 @ h.T
        back = Wo.T @ dZ2 if carry == "W" else (dWo.T if fits else dWo)
        return back * slope(h if at == 1 else y), dWo, dZ2

    return backward


INNER_CHECK = gradient(loss_of_inner, INNER, "Z1")
THREE_OUTPUTS = {"Z1": Z[1], "W": np.array([[0.5, -0.3, 0.7], [0.2, 0.4, -0.6], [-0.3, 0.1, 0.8]])}


def three_outputs_back(at: int) -> Callable[..., tuple[Array, Array]]:
    """Of σ(W·σ(Z1)): where there are as many outputs as hidden units, σ' at Z2 has the shape of Z1 too."""

    def backward(dY: Array, Z1: Array, W: Array) -> tuple[Array, Array]:
        h = expit(Z1)
        y = expit(W @ h)
        dZ2 = dY * slope(y)
        return W.T @ dZ2 * slope(h if at == 1 else y), dZ2 @ h.T

    return backward


# (3) the hidden layer


def loss_of_hidden(Wh: Array, bh: Array) -> Array:
    return np.asarray(np.sum((Y - expit(NET.W[1] @ expit(Wh @ X + bh) + NET.b[1])) ** 2))


def hidden_back(written: bool) -> Callable[..., tuple[Array, Array]]:
    def backward(dy: Array, Wh: Array, bh: Array) -> tuple[Array, Array]:
        h = expit(Wh @ X + bh)
        y = expit(NET.W[1] @ h + NET.b[1])
        if written:  # (1): ∇W_o without σ'; (2): it stands for W_oᵀ·dZ2, and σ' of the output for the hidden one
            dZ1 = slope(y) * (dy * 2 * (y - Y) @ h.T).T
        else:
            dZ1 = NET.W[1].T @ (dy * 2 * (y - Y) * slope(y)) * slope(h)
        return dZ1 @ X.T, dZ1

    return backward


ERRATA = [
    Erratum(
        "D3", 1, "The gradient of the output weights lacks σ'",
        "∇W_o = -2 (Y - Ŷ)·A_1ᵀ", "∇W_o = -2 (Y - Ŷ) σ'(Z_2)·A_1ᵀ",
        "Between Ŷ and W_o·A_1 + b_o lies the sigmoid. Its slope, at most 1/4, is the factor that is missing.",
        NETWORK + ", its output layer", output_back(False), output_back(True), gradient(loss_of_output, OUTPUT),
        r"$J = (Y-\hat Y)^2$, $\hat Y = \sigma(Z_2)$, $Z_2 = W_oA_1 + b_o$: "
        r"$dZ_2 = \frac{\partial J}{\partial\hat Y} \sigma'(Z_2) = -2(Y-\hat Y) \hat Y(1-\hat Y)$, then "
        r"$\nabla W_o = dZ_2 A_1^\top$ and $\nabla b_o = dZ_2$.",
        (closer_look("the loss as a function of Z_2, at three values", "Z_2 = 0.4, -0.9, 1.5 and Y = 1",
                     three_back(False), three_back(True), gradient(loss_of_three, THREE_Z)),),
    ),
    Erratum(
        "D3", 2, "The hidden error takes ∇W_o for W_oᵀ·dZ_2, and the output's σ' for the hidden one's",
        "∇Z_1 = σ'(W_o·A_1 + b_o)·∇W_o", "dZ_1 = (W_oᵀ·dZ_2) ⊙ σ'(Z_1)",
        "The error comes back through the weights, not through their gradient; and the sigmoid it passes is that of "
        "the hidden units. ∇W_o is a row of three, Z_1 a column: only turned round does it fit at all.",
        NETWORK + ", from Z_1 to the loss", inner_back("gradient", at=2, fits=False), inner_back(), INNER_CHECK,
        r"$Z_2 = W_oA_1 + b_o$, so $dA_1 = W_o^\top dZ_2$; $A_1 = \sigma(Z_1)$, so "
        r"$dZ_1 = dA_1\odot\sigma'(Z_1) = (W_o^\top dZ_2)\odot A_1\odot(1-A_1)$.",
        (
            closer_look("turned round, both mistakes", "the same", inner_back("gradient", at=2), inner_back(),
                        INNER_CHECK),
            closer_look("∇W_o for W_oᵀ·dZ_2 alone", "the same", inner_back("gradient"), inner_back(), INNER_CHECK),
            closer_look("σ'(Z_2) for σ'(Z_1) alone", "three outputs, so that the shapes agree", three_outputs_back(2),
                        three_outputs_back(1), gradient(lambda Z1, W: expit(W @ expit(Z1)), THREE_OUTPUTS, "Z1")),
        ),
    ),
    Erratum(
        "D3", 3, "∇W_h and ∇b_h inherit both",
        "∇W_h = ∇Z_1·Xᵀ, ∇b_h = ∇Z_1, with ∇Z_1 as in (2)", "∇W_h = dZ_1·Xᵀ, ∇b_h = dZ_1",
        "These two lines are right in themselves: what goes into them is not. Three mistakes at once have no name.",
        NETWORK + ", its hidden layer", hidden_back(True), hidden_back(False), gradient(loss_of_hidden, HIDDEN),
        r"$Z_1 = W_hX + b_h$, so $\nabla W_h = dZ_1X^\top$ and $\nabla b_h = dZ_1$, with "
        r"$dZ_1 = (W_o^\top dZ_2)\odot\sigma'(Z_1)$ and $dZ_2 = -2(Y-\hat Y)\odot\sigma'(Z_2)$.",
    ),
]  # fmt: skip
