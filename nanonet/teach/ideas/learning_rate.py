"""A learning rate that is too high: on a parabola, where it can be said in one factor, and on a small net."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

import nanonet as nt
from nanonet.functional import mse_loss
from nanonet.optim import SGD
from nanonet.teach.ideas.idea import Idea, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "A learning rate that is too high"
SENTENCE = (
    "On L = ½ h w² a step of gradient descent is w ← w - α h w = (1 - α h) w. If that factor lies within ±1, w "
    "shrinks; if it is negative, w jumps from side to side; beyond α = 2/h each step makes it larger."
)
CURVATURE, STEPS = 4.0, 20
PRODUCTS = (0.1, 0.5, 1.0, 1.5, 1.9, 2.0, 2.1, 3.0)  # α h
SHARES = (0.1, 0.5, 0.9, 1.1, 1.5)  # α λ / 2
NET_STEPS, PUSH = 100, 0.01


def idea() -> Idea:
    """The factor 1 - αh beside what the optimizer does; then a net, whose limit comes from its own Hessian."""
    paths = {p: parabola(p / CURVATURE) for p in PRODUCTS}
    rows = [[p, p / CURVATURE, 1 - p, w[-1], (1 - p) ** STEPS, regime(p)] for p, w in paths.items()]
    sharpness, steepest = sharpest()
    limit = 2 / sharpness
    growth = {share: net_growth(share * limit, steepest) for share in SHARES}
    losses = {share: net_loss(share * limit, steepest) for share in SHARES}
    net = [[share, share * limit, 1 - 2 * share, growth[share], losses[share]] for share in SHARES]

    def draw(page: Figure) -> None:
        ax = page.subplots()
        for p in (0.5, 1.5, 1.9, 2.1):
            ax.plot(paths[p], label=f"α h = {p}")
        ax.set_ylim(-4, 4)
        ax.set_xticks(range(0, STEPS + 1, 5))
        ax.set_xlabel("step")
        ax.set_ylabel("w")
        ax.legend()

    return Idea(
        "learning_rate",
        TITLE,
        SENTENCE,
        [
            Table(
                ("α h", "α", "1 - α h", f"w after {STEPS}", f"(1 - α h)^{STEPS}", "what happens"),
                rows,
                f"L = ½ · {CURVATURE:g} w², from w = 1, with the engine's SGD:",
            ),
            Table(
                ("α λ / 2", "α", "1 - α λ", "factor per step", f"loss after {NET_STEPS} steps"),
                net,
                "A net of two layers, settled in a minimum. There the largest eigenvalue λ of its Hessian is the "
                f"curvature in the steepest direction, and 2/λ = {limit:.4g}. What a step makes of a tiny push in that "
                f"direction, and the loss some time after a push of {PUSH}:",
            ),
        ],
        {"paths": paths, "limit": limit, "growth": growth, "losses": losses},
        "The steepest direction sets the limit for all. Beyond it a push grows, until the net is thrown to a place "
        "that is flatter, or far off. That is why badly scaled inputs train slowly, and why the learning rate is the "
        "first thing to lower when a loss explodes.",
        draw,
    )


def regime(product: float) -> str:
    """In words, for α h."""
    if product == 1:
        return "there in one step"
    if product < 1:
        return "converges"
    if product < 2:
        return "oscillates, converges"
    return "oscillates for ever" if product == 2 else "diverges"


def parabola(rate: float) -> np.ndarray:
    """w at the start and after each step."""
    w = nt.tensor(np.float64(1.0), requires_grad=True)
    optimizer = SGD([w], lr=rate)
    path = [w.item()]
    for _ in range(STEPS):
        optimizer.zero_grad()
        (0.5 * CURVATURE * w * w).backward()
        optimizer.step()
        path.append(w.item())
    return np.array(path)


# The net: y = w₂ᵀ tanh(W₁ x), 2 → 3 → 1, its nine numbers in one vector θ


def _loss(theta: nt.Tensor) -> nt.Tensor:
    x, y = _data()
    hidden = nt.tanh(nt.matmul(x, nt.reshape(theta[:6], (2, 3))))
    return mse_loss(nt.matmul(hidden, theta[6:]), y)


def _data() -> tuple[nt.Tensor, nt.Tensor]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((32, 2))
    return nt.tensor(x), nt.tensor(np.tanh(x @ [1.0, -2.0]) + np.tanh(x @ [0.5, 1.0]))


@functools.cache
def settled() -> np.ndarray:
    """θ after long, careful training."""
    theta = nt.tensor(np.random.default_rng(1).standard_normal(9), requires_grad=True)
    return descend(theta, 0.1, 4000)


def descend(theta: nt.Tensor, rate: float, steps: int) -> np.ndarray:
    """θ after so many steps of gradient descent; or after the step that made it larger than can be computed with."""
    optimizer = SGD([theta], lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        _loss(theta).backward()
        optimizer.step()
        if not np.all(np.abs(theta.numpy()) < 1e100):
            break
    return np.array(theta.numpy())


def sharpest() -> tuple[float, np.ndarray]:
    """(λ, v): the largest eigenvalue of ∂²L/∂θ∂θ where the net has settled, and its direction."""
    values, vectors = np.linalg.eigh(nt.hessian(_loss)(nt.tensor(settled())).numpy())
    return float(values[-1]), vectors[:, -1]


def net_growth(rate: float, direction: np.ndarray, push: float = 1e-7) -> float:
    """By which factor a step changes the distance between two runs, one of them pushed a little."""
    runs = [nt.tensor(settled() + size * direction, requires_grad=True) for size in (0.0, push)]
    still, pushed = (descend(theta, rate, 1) for theta in runs)
    return float(direction @ (pushed - still)) / push


def net_loss(rate: float, direction: np.ndarray) -> float:
    """The loss, `NET_STEPS` steps after a push."""
    theta = nt.tensor(settled() + PUSH * direction, requires_grad=True)
    return _loss(nt.tensor(descend(theta, rate, NET_STEPS))).item()
