"""The documents' worked examples as nanonet code: one line for each line of the forward pass, in their notation.

Each function takes Tensors and returns all it computed, by name; the loss is the last. Columns are samples in D0, D2,
D3 and Mazur's network; rows are in D1, D4 and the regression.
"""

from __future__ import annotations

from typing import Any

import nanonet as nt
from nanonet import functional as F

Named = dict[str, Any]


def relu_network(X: Any, Y: Any, W0: Any, b0: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Named:
    """D0's pseudocode: two hidden ReLU layers, a linear output, J = 1/m Σ (Y - Ŷ)²."""
    Z1 = W0 @ X + b0
    A1 = F.relu(Z1)
    Z2 = W1 @ A1 + b1
    A2 = F.relu(Z2)
    Y_hat = W2 @ A2 + b2
    J = nt.sum((Y - Y_hat) ** 2) / X.shape[1]
    return {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2, "Ŷ": Y_hat, "J": J}


def identity_example(X: Any, Y: Any, W: Any, b: Any) -> Named:
    """D0's worked example: X = I₂, one ReLU unit, L = ½ Σ (Y - A)²."""
    Z = W @ X + b
    A = F.relu(Z)
    L = 0.5 * nt.sum((Y - A) ** 2)
    return {"Z1": Z, "Ŷ": A, "J": L}


def three_five_two(X: Any, Y: Any, W0: Any, b0: Any, W1: Any, b1: Any) -> Named:
    """D2: 3 inputs, 5 hidden sigmoids, 2 output sigmoids, J = -Σ (Y log Ŷ + (1 - Y) log(1 - Ŷ))."""
    Z1 = W0 @ X + b0
    A1 = nt.sigmoid(Z1)
    Z2 = W1 @ A1 + b1
    Y_hat = nt.sigmoid(Z2)
    J = -nt.sum(Y * nt.log(Y_hat) + (1 - Y) * nt.log(1 - Y_hat))
    return {"Z1": Z1, "A1": A1, "Z2": Z2, "Ŷ": Y_hat, "J": J}


def one_three_one(X: Any, Y: Any, W0: Any, b0: Any, W1: Any, b1: Any) -> Named:
    """D3: 1 input, 3 hidden sigmoids, 1 output sigmoid, J = (Y - Ŷ)²."""
    Z1 = W0 @ X + b0
    A1 = nt.sigmoid(Z1)
    Z2 = W1 @ A1 + b1
    Y_hat = nt.sigmoid(Z2)
    J = nt.sum((Y - Y_hat) ** 2)
    return {"Z1": Z1, "A1": A1, "Z2": Z2, "Ŷ": Y_hat, "J": J}


def mazur_network(X: Any, Y: Any, W0: Any, b0: Any, W1: Any, b1: Any) -> Named:
    """Mazur: 2 inputs, 2 hidden sigmoids, 2 output sigmoids, E = ½ Σ (target - out)²."""
    net_h = W0 @ X + b0
    out_h = nt.sigmoid(net_h)
    net_o = W1 @ out_h + b1
    out_o = nt.sigmoid(net_o)
    E = 0.5 * nt.sum((Y - out_o) ** 2)
    return {"Z1": net_h, "A1": out_h, "Z2": net_o, "Ŷ": out_o, "J": E}


def line(x: Any, y: Any, w: Any, b: Any) -> Named:
    """D2's regression: ŷ = x·wᵀ + b, J = the mean of (y - ŷ)²."""
    y_hat = x @ w.T + b
    J = nt.mean((y - y_hat) ** 2)
    return {"Ŷ": y_hat, "J": J}


def attention_example(Q: Any, K: Any, V: Any, T: Any) -> Named:
    """D4: P = softmax(Q·Kᵀ/√d_k) row by row, O = P·V, and a loss so that something flows back: J = Σ (T - O)²."""
    S = Q @ K.T / Q.shape[1] ** 0.5
    P = F.softmax(S, 1)
    O = P @ V  # noqa: E741
    J = nt.sum((T - O) ** 2)
    return {"S": S, "P": P, "O": O, "J": J}
