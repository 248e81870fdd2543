"""Softmax and cross-entropy, composed and fused: the long chain collapses to (p - y)/N."""

from __future__ import annotations

import numpy as np

import nanonet as nt
from nanonet.functional import cross_entropy, softmax
from nanonet.op import REGISTRY
from nanonet.teach.cards.jacobian import local_jacobian
from nanonet.teach.ideas.idea import Idea, Table, gradient

TITLE = "Softmax and cross-entropy collapse to (p - y) / N"
SENTENCE = (
    "The gradient of the cross-entropy has a 1/p in it, the Jacobian of softmax a p. Multiplied out on paper, before "
    "any number is put in, they cancel, and what is left is prediction minus label."
)
Z = np.array([[2.0, 1.0, 0.1], [0.5, 2.5, 0.3], [1.2, 0.2, 3.0]])
LABELS = np.array([0, 2, 1])
FAR = np.array([[0.0, 800.0]])


def idea() -> Idea:
    """The chain with softmax's full Jacobian, the short rule, and the engine's fused one; then with large logits."""
    p, dp, chained = through_the_jacobian(Z, LABELS)
    short = (p - np.eye(3)[LABELS]) / len(Z)
    fused = engine_gradient(Z, LABELS)
    difference = float(np.max(np.abs(chained - short)))
    names = [f"{i}, {j}{' (label)' if LABELS[i] == j else ''}" for i in range(3) for j in range(3)]
    columns = (names, *(a.ravel() for a in (p, dp, chained, short, fused)))
    far = far_away()
    return Idea(
        "softmax_cross_entropy",
        TITLE,
        SENTENCE,
        [
            Table(
                ("sample, class", "p", "dp = -y/(N p)", "Jᵀdp", "(p - y)/N", "fused rule"),
                list(zip(*columns, strict=True)),
                f"Three samples, three classes, N = 3. The largest difference between Jᵀdp and (p - y)/N is "
                f"{difference:.1e}:",
            ),
            Table(
                ("logits (0, 800), label 0", "loss", "dz₀", "dz₁"),
                [[name, *values] for name, values in far.items()],
                "Where p underflows to 0, nothing is left to cancel:",
            ),
        ],
        {"p": p, "dp": dp, "chained": chained, "short": short, "fused": fused, "difference": difference, "far": far},
        "A loss that takes logits is not only shorter. It is the one that still works when the network is very sure "
        "and very wrong.",
    )


def through_the_jacobian(z: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(p, dp, dz) for L = -1/N Σ log p[label], step by step: dz = Jᵀdp with all of softmax's Jacobian."""
    p = softmax(nt.tensor(z), dim=-1).numpy()
    dp = -np.eye(z.shape[1])[labels] / (len(z) * p)
    return p, dp, local_jacobian(REGISTRY["network.softmax"], [z], {"dim": -1}).product(dp)


def engine_gradient(z: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """∂L/∂z by the fused rule."""
    leaf = nt.tensor(z, requires_grad=True)
    cross_entropy(leaf, nt.tensor(labels)).backward()
    return gradient(leaf)


def far_away() -> dict[str, tuple[float, float, float]]:
    """(loss, dz₀, dz₁), composed and fused, at logits so far apart that exp(-800) is 0."""
    found: dict[str, tuple[float, float, float]] = {}
    for name in ("composed", "fused"):
        z = nt.tensor(FAR, requires_grad=True)
        with np.errstate(divide="ignore", invalid="ignore"):  # log 0, and then 0 · ∞: it is what is to be seen
            loss = cross_entropy(z, nt.tensor(np.array([0]))) if name == "fused" else -nt.log(softmax(z, dim=-1))[0, 0]
            loss.backward()
        found[name] = (loss.item(), *gradient(z)[0].tolist())
    return found
