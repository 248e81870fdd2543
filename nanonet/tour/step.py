"""The tour's second part: D2's worked example, 3 inputs, 5 hidden units, 2 outputs, with the engine's own numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim
from nanonet.gradcheck import Report, gradcheck
from nanonet.teach.steps import Step, recorded_steps

RATE = 0.01  # D2's α
X, Y = [[1.0, 2.0, 3.0]], [[1.0, 0.0]]  # D2 gives three labels for two outputs; these are two


@dataclass(frozen=True)
class OneStep:
    """The recorded steps of forward and backward, the loss before and after one step of gradient descent, the check of
    the whole network's gradient, and the network in words."""

    network: str
    steps: list[Step]
    before: float
    after: float
    report: Report


def one_step() -> OneStep:
    """Forward, backward and an update of the sigmoid network, in float64; nothing here is computed a second time."""
    rng = np.random.default_rng(3)
    model = nn.Sequential(
        nn.Linear(3, 5, dtype="float64"), nn.Sigmoid(), nn.Linear(5, 2, dtype="float64"), nn.Sigmoid()
    )
    model.load_state_dict({name: rng.uniform(-0.9, 0.9, p.shape).round(1) for name, p in model.state_dict().items()})
    optimizer = optim.SGD(model.parameters(), lr=RATE)
    x, y = nt.tensor(np.array(X)), nt.tensor(np.array(Y))
    with recorded_steps() as steps:
        loss = F.binary_cross_entropy(model(x), y)
        loss.backward()
    report = gradcheck(lambda *w: F.binary_cross_entropy(_forward(x, *w), y), list(model.parameters()))
    optimizer.step()
    with nt.no_grad():
        after = F.binary_cross_entropy(model(x), y).item()
    words = "3 inputs → 5 sigmoid units → 2 sigmoid outputs, cross-entropy, α = 0.01"
    return OneStep(words, steps, loss.item(), after, report)


def _forward(x: nt.Tensor, w1: nt.Tensor, b1: nt.Tensor, w2: nt.Tensor, b2: nt.Tensor) -> nt.Tensor:
    """The same network as a function of its weights, for the check."""
    return F.sigmoid(F.linear(F.sigmoid(F.linear(x, w1, b1)), w2, b2))


def matrix(value: np.ndarray) -> list[list[str]]:
    """Its numbers as texts of one width, a list for each row, with as many decimals as they need, at most four."""
    rows = np.atleast_2d(value)
    decimals = next(d for d in range(5) if d == 4 or np.allclose(rows, rows.round(d), rtol=0, atol=1e-9))
    texts = [[f"{number + 0.0:.{decimals}f}" for number in row.round(decimals)] for row in rows]  # + 0.0: no -0
    width = max((len(text) for row in texts for text in row), default=0)
    return [[text.rjust(width) for text in row] for row in texts]
