"""Vanishing gradients in a deep sigmoid net, with tanh and ReLU beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import nanonet as nt
from nanonet.functional import relu
from nanonet.teach.ideas.idea import Idea, Table, gradient

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Vanishing gradients"
SENTENCE = (
    "Each sigmoid layer multiplies the gradient by σ'(z), which is at most 1/4. After a dozen layers hardly anything "
    "of it is left, and the first layers do not learn."
)
LAYERS, WIDTH, SAMPLES = 12, 64, 32
ACTIVATIONS = {"sigmoid": nt.sigmoid, "tanh": nt.tanh, "relu": relu}
GAIN = {"sigmoid": 1.0, "tanh": 1.0, "relu": np.sqrt(2.0)}  # Glorot's for the first two, He's for ReLU


def idea() -> Idea:
    """‖∂L/∂W‖ of each of twelve layers, for three activations, and how far it falls from the last to the first."""
    norms = {name: gradient_norms(name) for name in ACTIVATIONS}
    ratios = {name: float(found[0] / found[-1]) for name, found in norms.items()}
    rows = [[layer + 1, *(float(found[layer]) for found in norms.values())] for layer in range(LAYERS)]
    rows.append(["first / last", *ratios.values()])

    def draw(page: Figure) -> None:
        ax = page.subplots()
        for (name, found), marker in zip(norms.items(), ("o-", "s--", "^:"), strict=True):
            ax.semilogy(np.arange(1, LAYERS + 1), found, marker, label=name)
        ax.set_xlabel("layer")
        ax.set_ylabel("norm of ∂L/∂W")
        ax.legend()

    says = f"‖∂L/∂W‖ in {LAYERS} layers of {WIDTH} units, before any training, for {SAMPLES} random samples:"
    return Idea(
        "vanishing",
        TITLE,
        SENTENCE,
        [Table(("layer", *norms), rows, says)],
        {"norms": norms, "ratios": ratios},
        f"From the last layer to the first the gradient passes {LAYERS - 1} sigmoids, and (1/4)^{LAYERS - 1} is "
        f"{0.25 ** (LAYERS - 1):.2g}. tanh has slope 1 at 0, ReLU wherever it is open: with weights of the right size "
        "their gradients come through. That, residual connections and normalisation made deep nets trainable.",
        draw,
    )


def gradient_norms(activation: str) -> np.ndarray:
    """The norm of ∂L/∂W for every layer of a net of this activation, L = mean of squares of the output."""
    rng = np.random.default_rng(0)
    act = ACTIVATIONS[activation]
    a = nt.tensor(rng.standard_normal((SAMPLES, WIDTH)))
    scale = GAIN[activation] / np.sqrt(WIDTH)
    ws = [nt.tensor(scale * rng.standard_normal((WIDTH, WIDTH)), requires_grad=True) for _ in range(LAYERS)]
    for w in ws:
        a = act(nt.matmul(a, w))
    nt.mean(a * a).backward()
    return np.array([np.linalg.norm(gradient(w)) for w in ws])
