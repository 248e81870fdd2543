"""D2's linear regression, y = 2x + 1 + U(0, 1): slope 2, intercept 1.5, and a loss of 1/12, the noise's variance."""

from __future__ import annotations

import numpy as np

import nanonet as nt
from nanonet import data, optim

Array = np.ndarray


def points(n: int = 100, seed: int = 0) -> tuple[Array, Array]:
    """x and y, (n, 1), in float64."""
    x, y = data.linear(n=n, seed=seed)
    return x.astype(np.float64), y.astype(np.float64)


def least_squares(x: Array, y: Array) -> tuple[float, float, float]:
    """(slope, intercept, loss) of the best line: slope = cov(x, y) / var(x), intercept = ȳ - slope · x̄."""
    slope = np.sum((x - x.mean()) * (y - y.mean())) / np.sum((x - x.mean()) ** 2)
    intercept = y.mean() - slope * x.mean()
    return float(slope), float(intercept), float(np.mean((y - slope * x - intercept) ** 2))


def path(x: Array, y: Array) -> dict[str, tuple[float, float, float]]:
    """(slope, intercept, loss) on the way: after some epochs, of the best line, and as the data was drawn."""
    found = {f"gradient descent, α = 0.1, epoch {epochs}": descend(x, y, epochs) for epochs in (1, 10, 100, 1000)}
    return found | {"least squares, closed form": least_squares(x, y), "as drawn: 2, 1 + ½, 1/12": (2, 1.5, 1 / 12)}


def descend(x: Array, y: Array, epochs: int = 100, lr: float = 0.1) -> tuple[float, float, float]:
    """(slope, intercept, loss) after so many epochs of gradient descent from (0, 0), by the engine."""
    w, b = nt.tensor(np.zeros((1, 1)), requires_grad=True), nt.tensor(np.zeros(1), requires_grad=True)
    xs, ys = nt.tensor(x), nt.tensor(y)
    optimizer = optim.SGD([w, b], lr=lr)
    for _ in range(epochs):
        optimizer.zero_grad()
        nt.mean((ys - (xs @ w.T + b)) ** 2).backward()
        optimizer.step()
    with nt.no_grad():
        loss = nt.mean((ys - (xs @ w.T + b)) ** 2)
    return w.item(), b.item(), loss.item()
