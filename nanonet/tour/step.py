"""The tour's second part: D2's worked example, 3 inputs, 5 hidden units, 2 outputs, with the engine's own numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim
from nanonet.gradcheck import Report, gradcheck
from nanonet.teach.trace import Step, Trace

RATE = 0.01  # D2's α
X, Y = [[1.0, 2.0, 3.0]], [[1.0, 0.0]]  # D2 gives three labels for two outputs; these are two


@dataclass(frozen=True)
class OneStep:
    """The trace of forward, backward and update, the loss before and after the update, the check of the whole network's
    gradient, and the network in words."""

    network: str
    trace: Trace
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
    report = gradcheck(lambda *w: F.binary_cross_entropy(_forward(x, *w), y), list(model.parameters()))
    with nt.tracing() as trace:
        loss = F.binary_cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    with nt.no_grad():
        after = F.binary_cross_entropy(model(x), y).item()
    words = "3 inputs → 5 sigmoid units → 2 sigmoid outputs, cross-entropy, α = 0.01"
    return OneStep(words, trace, loss.item(), after, report)


@dataclass(frozen=True)
class Reading:
    """One computation as it is printed: `values` are (name, array) pairs in the order of reading."""

    phase: str
    title: str
    formula: str
    values: list[tuple[str, np.ndarray]]


def readings(trace: Trace) -> list[Reading]:
    """The computations of a trace, with their numbers."""
    return [_reading(trace, step) for step in trace.steps if step.call is not None]


def _reading(trace: Trace, step: Step) -> Reading:
    assert step.call is not None
    arrays, results = step.call.arrays, step.call.results
    if step.op is None:
        names = ("w", "dw") if step.kind == "update" else ("so far", "term")
        formula = "w ← w - α dw" if step.kind == "update" else step.title
        return Reading(step.phase, step.title, formula, [*zip(names, arrays, strict=False), ("result", results[0])])
    formulas = step.op.formulas()
    if step.kind == "forward":
        given = zip(step.op.input_names(), arrays, strict=True)
        values = [*((name, x) for name, x in given if isinstance(x, np.ndarray)), ("y", results[0])]
        return Reading(step.phase, step.title, f"y = {formulas['y']}", values)
    gradients = [(f"d{name}", dx) for name, dx in zip(step.op.input_names(), results, strict=True) if dx is not None]
    formula = "; ".join(f"{name} = {formulas[name]}" for name, _ in gradients if name in formulas)
    return Reading(step.phase, step.title, formula, [("dy", arrays[0]), *gradients])


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
