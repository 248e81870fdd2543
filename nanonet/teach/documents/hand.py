"""The worked examples by hand: every formula written out with its sums, in NumPy, without a layered loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet.teach.documents.networks import Network

Array = np.ndarray
Values = dict[str, Any]


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def layer(W: Array, A: Array, b: Array) -> Array:
    """Z_kj = Σ_i W_ki A_ij + b_k."""
    return np.einsum("ki,ij->kj", W, A) + b


def weight_gradient(dZ: Array, A: Array) -> Array:
    """dW_ki = Σ_j dZ_kj A_ij: each sample j adds its share."""
    return np.einsum("kj,ij->ki", dZ, A)


def back(W: Array, dZ: Array) -> Array:
    """dA_ij = Σ_k W_ki dZ_kj: the error of every unit k that A_i feeds."""
    return np.einsum("ki,kj->ij", W, dZ)


def relu_network(net: Network) -> Values:
    """D0: dZ3 = 2/m (Ŷ - Y), dZ2 = dA2 [Z2 > 0], dZ1 = dA1 [Z1 > 0]."""
    (W0, W1, W2), (b0, b1, b2), m = net.W, net.b, net.X.shape[1]
    Z1 = layer(W0, net.X, b0)
    A1 = np.where(Z1 > 0, Z1, 0)
    Z2 = layer(W1, A1, b1)
    A2 = np.where(Z2 > 0, Z2, 0)
    Y_hat = layer(W2, A2, b2)
    J = np.sum((net.Y - Y_hat) ** 2) / m
    dZ3 = 2 * (Y_hat - net.Y) / m
    dZ2 = np.where(Z2 > 0, back(W2, dZ3), 0)
    dZ1 = np.where(Z1 > 0, back(W1, dZ2), 0)
    found = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2, "Ŷ": Y_hat, "J": J}
    return found | _gradients_and_step(net, [(dZ1, net.X), (dZ2, A1), (dZ3, A2)])


def identity_example(net: Network) -> Values:
    """D0, X = I₂: Z = W + b, A = max(Z, 0), dZ = (A - Y) [Z > 0], and as X = I₂, dW = dZ."""
    Z = net.W[0] + net.b[0]
    A = np.maximum(Z, 0)
    dZ = (A - net.Y) * (Z > 0)
    return {"Z1": Z, "Ŷ": A, "J": np.sum((net.Y - A) ** 2) / 2} | _gradients_and_step(net, [(dZ, net.X)])


def two_layers(loss: str) -> Callable[[Network], Values]:
    """Sigmoids in both layers: dZ2 by the loss, then dZ1_j = h_j (1 - h_j) Σ_k W_kj dZ2_k."""

    def by_hand(net: Network) -> Values:
        (W0, W1), (b0, b1), Y = net.W, net.b, net.Y
        Z1 = layer(W0, net.X, b0)
        h = sigmoid(Z1)
        Z2 = layer(W1, h, b1)
        y = sigmoid(Z2)
        if loss == "cross-entropy":
            J, dZ2 = -np.sum(Y * np.log(y) + (1 - Y) * np.log(1 - y)), y - Y
        else:
            factor = 0.5 if loss == "half squares" else 1
            J, dZ2 = factor * np.sum((Y - y) ** 2), 2 * factor * (y - Y) * y * (1 - y)
        dZ1 = back(W1, dZ2) * h * (1 - h)
        found = {"Z1": Z1, "A1": h, "Z2": Z2, "Ŷ": y, "J": J}
        return found | _gradients_and_step(net, [(dZ1, net.X), (dZ2, h)])

    return by_hand


def line(net: Network) -> Values:
    """J = 1/m Σ (y - w x - b)²: dw = -2/m Σ (y - w x - b) x, db = -2/m Σ (y - w x - b)."""
    x, y, w, b = net.X[0], net.Y[0], net.W[0][0, 0], net.b[0][0, 0]
    m = x.size
    error = y - w * x - b
    dw, db = -2 / m * np.sum(error * x), -2 / m * np.sum(error)
    found = {"Ŷ": w * x + b, "J": np.sum(error**2) / m, "dW0": dw, "db0": db}
    return found | {"W0+": w - net.alpha * dw, "b0+": b - net.alpha * db}


def _gradients_and_step(net: Network, layers: list[tuple[Array, Array]]) -> Values:
    """dW and db from each layer's (dZ, A), and the parameters after one step down."""
    found: Values = {}
    for i, (dZ, A) in enumerate(layers):
        dW, db = weight_gradient(dZ, A), np.sum(dZ, axis=1)[:, None]
        found |= {f"dW{i}": dW, f"db{i}": db}
        found |= {f"W{i}+": net.W[i] - net.alpha * dW, f"b{i}+": net.b[i] - net.alpha * db}
    return found
