"""A VAE that fits on a page, in NumPy and as nanonet code: linear encoder and decoder, two latent numbers.

Rows are samples, as in D1. mean and logvar are (N, 2), eps (N, 2), x and the logits (N, D).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet import optim

Array = np.ndarray

# The worked example: two samples of four pixels
X = np.array([[1, 0, 1, 0], [0, 1, 1, 0.5]])
MEAN, LOGVAR = np.array([[0.5, -0.4], [-0.3, 0.8]]), np.array([[-0.6, 0.2], [0.4, -1.0]])
EPS = np.array([[0.3, -1.2], [0.9, 0.4]])
W = np.array([[0.7, -0.2], [-0.5, 0.4], [0.3, 0.6], [-0.1, -0.8]])  # the decoder's, (D × 2)


def sample(mean: Array, logvar: Array) -> Array:
    """z = mean + e^(½ logvar) ε: the noise comes from outside, so that mean and logvar have a gradient."""
    return mean + np.exp(logvar / 2) * EPS


def reconstruction(mean: Array, logvar: Array) -> Array:
    """-log p(x|z) = Σ (log(1 + e^a) - x a), the binary cross-entropy of the logits a = z·Wᵀ."""
    a = sample(mean, logvar) @ W.T
    return np.sum(np.log(1 + np.exp(a)) - X * a)


def kl(mean: Array, logvar: Array) -> Array:
    """KL(q(z|x) ‖ N(0, I)) = -½ Σ (1 + logvar - mean² - e^logvar)."""
    return -0.5 * np.sum(1 + logvar - mean**2 - np.exp(logvar))


def reconstruction_back(mean: Array, logvar: Array) -> tuple[Array, Array]:
    """Gradients of `reconstruction`: dz = (σ(a) - x)·W, dmean = dz, dlogvar = dz ⊙ ε ⊙ ½ e^(½ logvar)."""
    a = sample(mean, logvar) @ W.T
    dz = (1 / (1 + np.exp(-a)) - X) @ W
    return dz, dz * EPS * np.exp(logvar / 2) / 2


def vae_loss(x: Any, We: Any, Wv: Any, eps: Any, Wd: Any, bd: Any) -> Any:
    """The loss of a whole VAE as nanonet code: x (N, D), We and Wv (2, D), eps (N, 2), Wd (D, 2), bd (D)."""
    mean = x @ We.T
    logvar = x @ Wv.T
    z = mean + nt.exp(0.5 * logvar) * eps
    logits = z @ Wd.T + bd
    likelihood = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    divergence = -0.5 * nt.sum(1 + logvar - mean**2 - nt.exp(logvar))
    return likelihood + divergence


# Four patterns of twelve pixels, each with three pixels of its own
PATTERNS = np.kron(np.eye(4), np.ones(3))


def train(jointly: bool, steps: int = 300) -> dict[str, float]:
    """Train on PATTERNS with Adam: encoder and decoder by one loss, or the encoder first, by what it has alone (KL).

    Returns the reconstruction error and the KL term, per sample, at z = mean.
    """
    rng = np.random.default_rng(0)
    We, Wv, Wd = (nt.tensor(rng.normal(0, 0.3, shape), requires_grad=True) for shape in ((2, 12), (2, 12), (12, 2)))
    bd = nt.tensor(np.zeros(12), requires_grad=True)
    x = nt.tensor(PATTERNS)

    def terms(eps: Any) -> tuple[Any, Any]:
        mean, logvar = x @ We.T, x @ Wv.T
        logits = (mean + nt.exp(0.5 * logvar) * eps) @ Wd.T + bd
        likelihood = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / 4
        return likelihood, -0.125 * nt.sum(1 + logvar - mean**2 - nt.exp(logvar))

    def descend(parameters: list[Any], use: tuple[int, int]) -> None:
        optimizer = optim.Adam(parameters, lr=0.05)
        for _ in range(steps):
            likelihood, divergence = terms(rng.standard_normal((4, 2)))
            optimizer.zero_grad()
            (use[0] * likelihood + use[1] * divergence).backward()
            optimizer.step()

    if jointly:
        descend([We, Wv, Wd, bd], (1, 1))
    else:
        descend([We, Wv], (0, 1))
        descend([Wd, bd], (1, 0))
    likelihood, divergence = terms(np.zeros((4, 2)))
    return {"reconstruction error": likelihood.item(), "KL": divergence.item()}
