"""Dead ReLUs: units that fire for no sample, and whose gradients are exactly 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import nanonet as nt
from nanonet.functional import leaky_relu, mse_loss, relu
from nanonet.optim import SGD
from nanonet.teach.ideas.idea import Idea, Table, gradient

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Dead ReLUs"
SENTENCE = (
    "A ReLU passes nothing back where its input is negative. A unit that is negative for every sample gets a gradient "
    "of exactly 0: no step of gradient descent will ever move it again."
)
UNITS, SAMPLES, STEPS = 100, 64, 20
BIASES = (0.0, -1.0, -2.0, -4.0, -8.0)
RATES = (0.01, 0.05, 0.1, 0.12)
Activation = Callable[[Any], Any]


@dataclass(frozen=True)
class Census:
    """Of one hidden layer: the share of units that fire for no sample, and of those whose gradient is exactly 0."""

    silent: float
    no_gradient: float
    loss: float


def idea() -> Idea:
    """What kills units: a bias far below zero, and a step that is too large; and that a leak keeps them alive."""
    biased = {b: (census(b, relu), census(b, leaky_relu)) for b in BIASES}
    stepped = {rate: census(0.0, relu, rate) for rate in RATES}

    def draw(page: Figure) -> None:
        left, right = page.subplots(1, 2, sharey=True)
        left.plot(BIASES, [found.silent for found, _ in biased.values()], "o-")
        left.set_xlabel("bias at the start")
        left.set_ylabel("share of dead units")
        right.semilogx(RATES, [found.silent for found in stepped.values()], "o-")
        right.set_xlabel(f"learning rate, after {STEPS} steps")

    return Idea(
        "dead_relu",
        TITLE,
        SENTENCE,
        [
            Table(
                ("bias", "silent", "gradient exactly 0", "with a leak: gradient exactly 0"),
                [[b, f.silent, f.no_gradient, leak.no_gradient] for b, (f, leak) in biased.items()],
                f"Shares of {UNITS} units, {SAMPLES} samples, before any training:",
            ),
            Table(
                ("learning rate", "silent", "gradient exactly 0", "loss"),
                [[rate, f.silent, f.no_gradient, f.loss] for rate, f in stepped.items()],
                f"After {STEPS} steps of gradient descent from bias 0:",
            ),
        ],
        {"biased": biased, "stepped": stepped},
        "Keep the biases near 0 and the steps small enough; or use a leaky ReLU, whose slope on the negative side is "
        "small but not 0.",
        draw,
    )


def census(bias: float, act: Activation, rate: float = 0.0) -> Census:
    """Count the units of a hidden layer that starts at this bias, after some steps if there is a learning rate."""
    rng = np.random.default_rng(0)
    x = nt.tensor(rng.standard_normal((SAMPLES, 4)))
    y = nt.tensor(np.sin(x.numpy()[:, :1]))
    w1 = nt.tensor(rng.standard_normal((4, UNITS)) / 2, requires_grad=True)
    b1 = nt.tensor(np.full(UNITS, bias), requires_grad=True)
    w2 = nt.tensor(rng.standard_normal((UNITS, 1)) / np.sqrt(UNITS), requires_grad=True)
    parameters = [w1, b1, w2]
    optimizer = SGD(parameters, lr=rate)
    for _ in range(STEPS if rate else 0):
        optimizer.zero_grad()
        mse_loss(nt.matmul(act(nt.matmul(x, w1) + b1), w2), y).backward()
        optimizer.step()
    optimizer.zero_grad()
    z = nt.matmul(x, w1) + b1
    loss = mse_loss(nt.matmul(act(z), w2), y)
    loss.backward()
    silent = np.all(z.numpy() <= 0, axis=0)
    still = np.all(gradient(w1) == 0, axis=0) & (gradient(b1) == 0)
    return Census(float(silent.mean()), float(still.mean()), loss.item())
