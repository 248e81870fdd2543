"""D2, 002_b6389a1c971fe113.txt: Adam, the worked example 3-5-2, and the regression's printed loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

import nanonet as nt
from nanonet import optim
from nanonet.teach import pseudocode as doc
from nanonet.teach.documents import regression
from nanonet.teach.documents.checks import Pair, claim, gradient
from nanonet.teach.documents.erratum import Erratum, Numbers, closer_look
from nanonet.teach.documents.networks import THREE_FIVE_TWO as NET

Array = np.ndarray
NETWORK = "the network 3-5-2, x = (1, 2, 3), Y = (1, 0)"
X, Y = NET.X, NET.Y
H = doc.forward(X, *NET.lists(), "sigmoid", "sigmoid")[1][1]  # the hidden units
HIDDEN = {"W0": NET.W[0], "b0": NET.b[0]}
LAST = {"W1": NET.W[1], "b1": NET.b[1]}


# (1) Adam for a constant gradient

ALPHA, BETA1, BETA2, EPS = 0.01, 0.9, 0.999, 1e-8
G = np.array([1.0, -0.01, 100.0])


def written_adam() -> Numbers:
    m, v = np.zeros(3), np.zeros(3)
    steps: Numbers = {}
    for t in range(1, 11):
        m = BETA1 * m + (1 - BETA1) * G
        v = BETA2 * v + (1 - BETA2) * G**2
        steps[f"step {t} / α"] = m / (np.sqrt(v) + EPS)
    return _some(steps)


def right_adam() -> Numbers:
    """nanonet's Adam, which divides m by 1 - β₁ᵗ and v by 1 - β₂ᵗ."""
    p = nt.tensor(np.zeros(3), requires_grad=True)
    optimizer = optim.Adam([p], lr=ALPHA, betas=(BETA1, BETA2), eps=EPS)
    steps: Numbers = {}
    for t in range(1, 11):
        before = p.numpy().copy()
        p.grad = nt.tensor(G)
        optimizer.step()
        steps[f"step {t} / α"] = (before - p.numpy()) / ALPHA
    return _some(steps)


def none_too_long(steps: Numbers) -> bool:
    return max(np.abs(step).max() for step in steps.values()) < 1.001


def _some(steps: Numbers) -> Numbers:
    return {f"step {t} / α": steps[f"step {t} / α"] for t in (1, 2, 3, 10)}


# (2) the labels


def output_error_for(*labels: float) -> Callable[[], Numbers]:
    def program() -> Numbers:
        Z, A = doc.forward(X, *NET.lists(), "sigmoid", "sigmoid")
        dZ, _, _ = doc.backward(np.array(labels)[:, None], list(NET.W), Z, A, "sigmoid", "sigmoid")
        return {"shape of Ŷ": A[2].shape, "shape of Y": (len(labels), 1), "dZ[2]": dZ[2]}

    return program


# (3), (5) the last layer, behind the hidden units H


def two_sided(W1: Array, b1: Array) -> Array:
    """J = -Σ_k (y_k log ŷ_k + (1 - y_k) log(1 - ŷ_k)), one sample."""
    y = expit(W1 @ H + b1)
    return np.asarray(-np.sum(Y * np.log(y) + (1 - Y) * np.log(1 - y)))


def one_sided(W1: Array, b1: Array) -> Array:
    """J = -Σ_k y_k log ŷ_k."""
    return np.asarray(-np.sum(Y * np.log(expit(W1 @ H + b1))))


def last_back(dy: Array, W1: Array, b1: Array) -> tuple[Array, Array]:
    dZ = dy * (expit(W1 @ H + b1) - Y)
    return dZ @ H.T, dZ


def summed_back(dy: Array, W1: Array, b1: Array) -> tuple[Array, Array]:
    """∂J/∂w_kj = Σ_k (ŷ_k - y_k) h_j: the same for every k."""
    dZ = dy * (expit(W1 @ H + b1) - Y)
    return np.ones_like(dZ) @ (dZ.sum() * H.T), dZ


# (3), (4) the layer z = W·h alone

LAYER = {"W1": NET.W[1], "h": H}


def layer_back(written_W: bool = False, written_h: bool = False) -> Callable[..., tuple[Array, Array]]:
    def backward(dz: Array, W1: Array, h: Array) -> tuple[Array, Array]:
        dW = np.ones_like(dz) @ (dz.sum() * h.T) if written_W else dz @ h.T
        return dW, np.full_like(h, dz.sum()) if written_h else W1.T @ dz

    return backward


# (4) the hidden layer, with the last one as it is


def through_the_hidden(W0: Array, b0: Array) -> Array:
    y = expit(NET.W[1] @ expit(W0 @ X + b0) + NET.b[1])
    return np.asarray(-np.sum(Y * np.log(y) + (1 - Y) * np.log(1 - y)))


def hidden_back(carry: Callable[[Array], Array]) -> Callable[..., tuple[Array, Array]]:
    """`carry` brings the output error (2 × 1) back to the hidden units."""

    def backward(dy: Array, W0: Array, b0: Array) -> tuple[Array, Array]:
        h = expit(W0 @ X + b0)
        dZ2 = dy * (expit(NET.W[1] @ h + NET.b[1]) - Y)
        dZ1 = carry(dZ2) * h * (1 - h)
        return dZ1 @ X.T, dZ1

    return backward


# (6) the regression


def regression_loss(final: Callable[[Array, Array], float]) -> Callable[[], Numbers]:
    def program() -> Numbers:
        x, y = regression.points()
        many = regression.least_squares(*regression.points(100_000))[2]
        best = regression.least_squares(x, y)[2]
        return {"final loss": final(x, y), "best line's loss, 100 points": best, "100,000 points": many, "1/12": 1 / 12}

    return program


ERRATA = [
    Erratum(
        "D2", 1, "Adam without bias correction",
        "θ ← θ - α m / (√v + ε)", "θ ← θ - α m̂ / (√v̂ + ε) with m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ)",
        "m and v start at 0 and remember it: after one step m is a tenth of the gradient, and v a thousandth of its "
        "square. Their quotient is 0.1 / √0.001 = 3.16 where it should be 1, and the first steps are too long.",
        "a constant gradient (1, -0.01, 100), β₁ = 0.9, β₂ = 0.999; steps as multiples of α", written_adam, right_adam,
        claim("for a constant gradient no step is longer than α", none_too_long),
        r"For a constant gradient $g$: $m_t = (1-\beta_1)\sum_{i=1}^{t}\beta_1^{t-i} g = (1-\beta_1^t) g$ and "
        r"$v_t = (1-\beta_2^t) g^2$. Divided by these factors $\hat m_t = g$, $\hat v_t = g^2$, and the step is "
        r"$\alpha g/(|g|+\varepsilon)$. Source: Kingma and Ba 2015, section 3.",
    ),
    Erratum(
        "D2", 2, "Three labels for two outputs",
        "Y = (1, 0, 1)", "Y = (1, 0)",
        "Every output has one label. Ŷ - Y has no meaning for vectors of two and three numbers.",
        "the network 3-5-2, x = (1, 2, 3)", output_error_for(1, 0, 1), output_error_for(1, 0),
        claim("Y has the shape of Ŷ", lambda n: n["shape of Y"] == n["shape of Ŷ"]),
        r"$W_1$ is $2\times5$, so $\hat Y = \sigma(W_1 H + b_1)$ is $2\times1$, and so must $Y$ be.",
    ),
    Erratum(
        "D2", 3, "∂J/∂w_kj is summed over the outputs",
        "∂J/∂w_kj = Σ_k (Ŷ_k - Y_k) h_j", "∂J/∂w_kj = (Ŷ_k - Y_k) h_j",
        "The weight w_kj reaches the output k alone. Summed over k, all outputs get the same gradient.",
        NETWORK + ", its last layer", summed_back, last_back, gradient(two_sided, LAST),
        r"$z_k = \sum_j w_{kj}h_j + b_k$, so $\frac{\partial z_{k'}}{\partial w_{kj}} = h_j$ for $k'=k$ and $0$ for "
        r"the others: of the chain rule's sum over $k'$ one term is left. In matrices $dW_1 = dZ_2 H^\top$.",
        (closer_look("the layer z = W·h alone", "the same W and h", layer_back(written_W=True), layer_back(),
                     gradient(lambda W1, h: W1 @ h, LAYER, "W1")),),
    ),
    Erratum(
        "D2", 4, "The factor w_kj is missing in the hidden layer's gradients",
        "∂J/∂w_ij = Σ_k (Ŷ_k - Y_k) h_j (1 - h_j) x_i, and ∂J/∂b_j = Σ_k (Ŷ_k - Y_k) h_j (1 - h_j)",
        "∂J/∂w_ij = Σ_k (Ŷ_k - Y_k) w_kj h_j (1 - h_j) x_i, and ∂J/∂b_j likewise",
        "The error of output k comes back to the hidden unit j by the weight that connects them.",
        NETWORK + ", its hidden layer", hidden_back(lambda dZ2: np.full((5, 1), dZ2.sum())),
        hidden_back(lambda dZ2: NET.W[1].T @ dZ2), gradient(through_the_hidden, HIDDEN),
        r"$\frac{\partial J}{\partial h_j} = \sum_k \frac{\partial J}{\partial z_k}\frac{\partial z_k}{\partial h_j} = "
        r"\sum_k (\hat y_k-y_k) w_{kj}$, then $\sigma'(z_j) = h_j(1-h_j)$, and "
        r"$\frac{\partial z_j}{\partial w_{ij}} = x_i$, $\frac{\partial z_j}{\partial b_j} = 1$.",
        (closer_look("the layer z = W·h alone", "the same W and h", layer_back(written_h=True), layer_back(),
                     gradient(lambda W1, h: W1 @ h, LAYER, "h")),),
    ),
    Erratum(
        "D2", 5, "Ŷ - Y is not the gradient of the one-sided cross-entropy",
        "J = -Σ Y log Ŷ, dZ = Ŷ - Y", "J = -Σ (Y log Ŷ + (1 - Y) log(1 - Ŷ)), dZ = Ŷ - Y",
        "With sigmoid outputs each output is a decision of its own: the loss needs both sides. The one-sided loss has "
        "the gradient Y (Ŷ - 1), which a label of 0 masks: nothing pushes Ŷ down there, and Ŷ = 1 has no loss at all.",
        NETWORK + ", its last layer", Pair(one_sided, last_back), Pair(two_sided, last_back), gradient(two_sided, LAST),
        r"With $\hat y = \sigma(z)$: $\frac{\partial}{\partial z}(-y\log\hat y) = -y(1-\hat y)$ and "
        r"$\frac{\partial}{\partial z}(-(1-y)\log(1-\hat y)) = (1-y)\hat y$. The sum is $\hat y - y$; the first alone "
        r"is not. (With a softmax output the one-sided form is right, as $\sum_k y_k = 1$.)",
    ),
    Erratum(
        "D2", 6, "The regression's printed loss is below the noise",
        "after 100 epochs: loss 0.0035", "the loss goes to 1/12 = 0.0833",
        "y = 2x + 1 + U(0, 1): no line can foresee the noise. The best has slope 2 and intercept 1.5, and its squared "
        "error is the noise's variance.",
        "100 points of y = 2x + 1 + U(0, 1), and gradient descent for 100 epochs",
        regression_loss(lambda x, y: 0.0035), regression_loss(lambda x, y: regression.descend(x, y)[2]),
        claim("no line has a smaller loss than the least-squares line",
              lambda n: n["final loss"] >= n["best line's loss, 100 points"] * (1 - 1e-9)),
        r"$\min_{w,b} E(y-wx-b)^2 = \mathrm{Var}(U) = \int_0^1 (u-\frac{1}{2})^2 du = \frac{1}{12}$, with $w = 2$ and "
        r"$b = 1 + E U = 1.5$.",
    ),
]  # fmt: skip
