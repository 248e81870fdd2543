"""D4, 004_271eb3d4b1487a41.txt: its attention divides each entry by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet.teach.documents.checks import claim, gradient
from nanonet.teach.documents.erratum import Erratum, Numbers, closer_look

Array = np.ndarray

# Three tokens, d_k = 2
Q = np.array([[1.0, 0.5], [-0.5, 1.0], [0.2, -1.0]])
K = np.array([[0.8, -0.2], [0.1, 0.9], [-1.0, 0.4]])
V = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, -0.5]])


def weights(Q: Array, K: Array, by_row: bool = True) -> Array:
    """The attention weights: e^S over its row's sum, or, as written, over itself."""
    E = np.exp(Q @ K.T / np.sqrt(Q.shape[1]))
    return E / (E.sum(axis=1, keepdims=True) if by_row else E)


def attention(Q: Array, K: Array, V: Array) -> Array:
    return weights(Q, K) @ V


def attention_back(dy: Array, Q: Array, K: Array, V: Array) -> tuple[Array, Array, Array]:
    P = weights(Q, K)
    dP = dy @ V.T
    dS = P * (dP - np.sum(P * dP, axis=1, keepdims=True)) / np.sqrt(Q.shape[1])
    return dS @ K, dS.T @ Q, P.T @ dy


def right_back(dy: Array, Q: Array, K: Array) -> tuple[Array, Array]:
    return attention_back(dy, Q, K, V)[:2]


def written_back(dy: Array, Q: Array, K: Array) -> tuple[Array, Array]:
    """The gradient of what is written: its weights are 1 whatever Q and K are."""
    return np.zeros_like(Q), np.zeros_like(K)


def numbers_of(by_row: bool) -> Callable[[], Numbers]:
    def program() -> Numbers:
        P = weights(Q, K, by_row)
        ours = F.scaled_dot_product_attention(nt.tensor(Q), nt.tensor(K), nt.tensor(V)).numpy()
        return {"weights": P, "sums of the rows": P.sum(axis=1), "output": P @ V, "nanonet's attention": ours}

    return program


def is_average(n: Numbers) -> bool:
    return np.allclose(n["sums of the rows"], 1) and np.allclose(n["output"], n["nanonet's attention"])


ERRATA = [
    Erratum(
        "D4", 1, "Attention divides each entry by itself",
        "exp(QKᵀ/√d) / exp(QKᵀ/√d) · V", "softmax(QKᵀ/√d_k) · V, row by row",
        "A number divided by itself is 1: every token would get the plain sum of all values, and nothing would ever "
        "flow back to Q and K. The divisor must be the sum along the row.",
        "three tokens, d_k = 2", numbers_of(False), numbers_of(True),
        claim("each row of weights sums to 1, and the output is that of nanonet's attention", is_average),
        r"$P_{ij} = \frac{e^{S_{ij}}}{\sum_k e^{S_{ik}}}$ with $S = QK^\top/\sqrt{d_k}$; output $O = PV$. Backward: "
        r"$dV = P^\top dO$, $dP = dO V^\top$, $dS = P\odot\left(dP - \mathrm{rowsum}(P\odot dP)\right)$, "
        r"$dQ = dS K/\sqrt{d_k}$, $dK = dS^\top Q/\sqrt{d_k}$.",
        (closer_look("the gradient that reaches Q and K", "the same, V fixed", written_back, right_back,
                     gradient(lambda Q, K: attention(Q, K, V), {"Q": Q, "K": K})),),
    ),
]  # fmt: skip
