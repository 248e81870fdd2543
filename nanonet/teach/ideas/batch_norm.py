"""Batch norm's three paths: an input changes its own output, the mean of all, and the variance of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import nanonet as nt
from nanonet.functional import batch_norm
from nanonet.teach.ideas.idea import Idea, Table, gradient

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Batch norm's three paths"
SENTENCE = (
    "An input of batch norm reaches the loss on three paths: directly, through the batch's mean, and through its "
    "variance. Its gradient is the sum of the three; leave one out, and the rule is wrong."
)
X = np.array([1.0, 2.0, 4.0, 7.0])
DY = np.array([0.3, -0.2, 0.5, -0.4])
WEIGHT, EPS = 1.5, 1e-5
PATHS = ("direct", "mean", "variance")


def idea() -> Idea:
    """Each path alone, by the tape with the others cut; by its formula; their sum, and the engine's rule."""
    taped = {path: path_alone(path) for path in PATHS}
    written = by_formula()
    total, rule = sum(taped.values()), engine_rule()
    columns = [X, DY, *taped.values(), total, rule]
    rows = [list(row) for row in zip(*columns, strict=True)]
    xhat = (X - X.mean()) / np.sqrt(X.var() + EPS)
    rows.append(["sum", *(float(np.sum(column)) for column in columns[1:])])
    rows.append(["· x̂", *(float(column @ xhat) for column in columns[1:])])

    def draw(page: Figure) -> None:
        ax = page.subplots()
        for k, (path, dx) in enumerate(taped.items()):
            ax.bar(np.arange(len(X)) + 0.2 * k, dx, 0.2, label=f"path: {path}")
        ax.plot(np.arange(len(X)) + 0.2, rule, "kD", label="the engine's dx")
        ax.set_xticks(np.arange(len(X)) + 0.2, [f"x[{i}] = {x:g}" for i, x in enumerate(X)])
        ax.axhline(0, color="0.5", linewidth=0.8)
        page.legend(loc="outside upper center", ncols=4)

    return Idea(
        "batch_norm",
        TITLE,
        SENTENCE,
        [
            Table(
                ("x", "dy", "direct", "mean", "variance", "sum", "engine"),
                rows,
                f"One channel, four samples, w = {WEIGHT}; below, each column's sum and its product with x̂:",
            )
        ],
        {"taped": taped, "written": written, "total": total, "rule": rule, "xhat": xhat},
        "The sum over the batch is 0, because adding one number to all x changes nothing: the mean takes it away. The "
        "product with x̂ is nearly 0 (but for ε), because stretching x changes nothing: the variance takes it away.",
        draw,
    )


def path_alone(path: str) -> np.ndarray:
    """dx on one path: the tape's, with the other two cut by `detach()`."""
    x = nt.tensor(X, requires_grad=True)
    own = x if path == "direct" else x.detach()
    mean = nt.mean(x if path == "mean" else x.detach())
    center = x - nt.mean(x).detach() if path == "variance" else x.detach() - nt.mean(x).detach()
    variance = nt.mean(center * center)
    y = WEIGHT * (own - mean) / nt.sqrt(variance + EPS)
    y.backward(nt.tensor(DY))
    return gradient(x)


def by_formula() -> dict[str, np.ndarray]:
    """The same three, as they stand in the textbook: g = w dy, r = 1/√(var + ε), x̂ = (x - mean) r."""
    r = 1 / np.sqrt(X.var() + EPS)
    xhat, g = (X - X.mean()) * r, WEIGHT * DY
    return {
        "direct": g * r,
        "mean": np.full(len(X), -np.mean(g) * r),
        "variance": -xhat * np.mean(g * xhat) * r,
    }


def engine_rule() -> np.ndarray:
    """dx by the op's own backward, all paths in one formula."""
    x = nt.tensor(X[:, None], requires_grad=True)
    y = batch_norm(x, None, None, nt.tensor(np.array([WEIGHT])), training=True, eps=EPS)
    y.backward(nt.tensor(DY[:, None]))
    return gradient(x)[:, 0]
