"""Forward mode against reverse mode, with the multiplications counted."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

import nanonet as nt
from nanonet.backends.base import installed
from nanonet.teach.ideas.counting import Counter, CountingBackend
from nanonet.teach.ideas.idea import Idea, Table, gradient

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Forward mode against reverse mode"
SENTENCE = (
    "Forward mode carries ∂/∂(one input) along with the computation: one pass for each input. Reverse mode carries "
    "∂(one output)/∂ backwards: one pass for each output. A loss is one output of a million inputs."
)
HIDDEN = 16
SIZES = (1, 4, 16, 64)


def idea() -> Idea:
    """The whole Jacobian of y = W₃ tanh(W₂ tanh(W₁ x)) in both ways, for many inputs and for many outputs."""
    wide = {n: counted(n, 1) for n in SIZES}
    tall = {m: counted(1, m) for m in SIZES}
    header = ("multiplications", "forward mode", "reverse mode", "largest difference")

    def draw(page: Figure) -> None:
        axes = page.subplots(1, 2, sharey=True)
        for ax, counts, label in zip(axes, (wide, tall), ("inputs, 1 output", "outputs, 1 input"), strict=True):
            for k, (mode, marker) in enumerate((("forward mode", "o-"), ("reverse mode", "s--"))):
                ax.loglog(list(counts), [found[k] for found in counts.values()], marker, label=mode)
            ax.set_xticks(list(counts), [str(size) for size in counts])
            ax.minorticks_off()
            ax.set_xlabel(label)
            ax.legend()
        axes[0].set_ylabel("multiplications for the Jacobian")

    return Idea(
        "modes",
        TITLE,
        SENTENCE,
        [
            Table(header, [[f"{n} → 1", *found] for n, found in wide.items()], "From many inputs to one output:"),
            Table(header, [[f"1 → {m}", *found] for m, found in tall.items()], "From one input to many outputs:"),
        ],
        {"wide": wide, "tall": tall},
        "Both give the same Jacobian. Training has one loss and many parameters, so it goes backwards: backpropagation "
        "is reverse mode.",
        draw,
    )


def counted(n: int, m: int) -> tuple[int, int, float]:
    """Multiplications of forward mode and of reverse mode for the Jacobian of an n → m net, and how far they differ."""
    rng = np.random.default_rng(0)
    sizes = [n, HIDDEN, HIDDEN, m]
    ws = [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in itertools.pairwise(sizes)]
    x = rng.standard_normal(n)
    forward, reverse = forward_mode(ws, x), reverse_mode(ws, x)
    return forward[1], reverse[1], float(np.max(np.abs(forward[0] - reverse[0])))


def forward_mode(ws: list[np.ndarray], x: np.ndarray) -> tuple[np.ndarray, int]:
    """(J, multiplications): for each input a tangent t = ∂a/∂xⱼ goes along. t ← W t, then t ← (1 - a²) ⊙ t.

    The a are there already: what is counted is the price of the derivatives.
    """
    layers = [x]
    for w in ws[:-1]:
        layers.append(np.tanh(w @ layers[-1]))
    counter = Counter()
    columns: list[np.ndarray] = []
    for j in range(len(x)):
        t = counter.lift(np.eye(len(x))[j])
        for w, a in zip(ws[:-1], layers[1:], strict=True):
            t = w @ t
            t = (1 - counter.lift(a) * a) * t
        columns.append(np.asarray(ws[-1] @ t))
    return np.stack(columns, axis=1), counter.multiplications


def reverse_mode(ws: list[np.ndarray], x: np.ndarray) -> tuple[np.ndarray, int]:
    """(J, multiplications) of the engine's own backward, once for each output."""
    leaf = nt.tensor(x, requires_grad=True)
    y = leaf
    for k, w in enumerate(ws):
        y = nt.matmul(nt.tensor(w), y)
        y = nt.tanh(y) if k < len(ws) - 1 else y
    rows: list[np.ndarray] = []
    backend = CountingBackend()
    with installed(backend):
        for unit in np.eye(y.shape[0]):
            leaf.grad = None
            y.backward(nt.tensor(unit), retain_graph=True)
            rows.append(np.array(gradient(leaf)))
    return np.stack(rows), backend.counter.multiplications
