"""What the engine adds to one small operation, forward and backward, on top of NumPy's own time.

A chain of 1,000 operations on 4 numbers, recorded and walked, against the same NumPy calls written by hand.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import nanonet as nt
from nanonet_benchmarks.timing import Timing, interleaved, measure

LENGTH = 1000
X = np.linspace(0.1, 0.9, 4)
ONES = np.ones(4)


def engine(op: Callable[[nt.Tensor], nt.Tensor]) -> np.ndarray:
    x = nt.tensor(X, requires_grad=True)
    y = x
    for _ in range(LENGTH):
        y = op(y)
    y.backward(ONES)
    assert x.grad is not None
    return x.grad.array


def tanh_by_hand() -> np.ndarray:
    y, saved, dy = X, [], ONES
    for _ in range(LENGTH):
        y = np.tanh(y)
        saved.append(y)
    for y in reversed(saved):
        dy = dy * (1 - y * y)
    return dy


def multiply_by_hand() -> np.ndarray:
    y, saved, dy = X, [], ONES
    for _ in range(LENGTH):
        saved.append(y)
        y = y * X
    for _ in reversed(saved):
        dy = dy * X
    return dy


def add_by_hand() -> np.ndarray:
    y = X
    for _ in range(LENGTH):
        y = y + X
    return ONES


def run(rounds: int = 10, calls: int = 5) -> dict[str, tuple[Timing, Timing]]:
    """{op: (engine, NumPy by hand)} for one operation, after their gradients were found equal."""
    c = nt.tensor(X)
    cases: dict[str, tuple[Callable[[], np.ndarray], Callable[[], np.ndarray]]] = {
        "tanh": (lambda: engine(nt.tanh), tanh_by_hand),
        "multiply": (lambda: engine(lambda y: y * c), multiply_by_hand),
        "add": (lambda: engine(lambda y: y + c), add_by_hand),
    }
    found: dict[str, tuple[Timing, Timing]] = {}
    for name, (ours, by_hand) in cases.items():
        np.testing.assert_allclose(ours(), by_hand(), rtol=1e-12, err_msg=name)
        contenders = {
            "engine": lambda n, f=ours: [s / LENGTH for s in measure(f, n)],
            "by hand": lambda n, f=by_hand: [s / LENGTH for s in measure(f, n)],
        }
        timings = interleaved(contenders, rounds, calls)
        found[name] = (timings["engine"], timings["by hand"])
    return found
