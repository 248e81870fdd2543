"""One training step of the documents' 784-128-64-10 network (batch 32, Adam, eager), beside PyTorch's.

Each contender lives in a process of its own, so that the thread pools do not disturb each other; they take turns.
Before anything is timed, both train from the same weights on the same batches, and their losses must agree.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from nanonet_benchmarks.timing import Timing, interleaved, measure

SIZES = (784, 128, 64, 10)
BATCH = 32
CHECKED_STEPS = 20


def data() -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, np.ndarray]:
    """Weights, biases, inputs and labels, the same for everybody."""
    rng = np.random.default_rng(0)
    shapes = [(n_out, n_in) for n_in, n_out in pairwise(SIZES)]
    weights = [(rng.standard_normal(shape) * np.sqrt(2 / shape[1])).astype(np.float32) for shape in shapes]
    biases = [np.zeros(out, np.float32) for out, _ in shapes]
    return weights, biases, rng.standard_normal((BATCH, 784)).astype(np.float32), rng.integers(0, 10, BATCH)


def nanonet_step() -> Callable[[], float]:
    """A step of nanonet; returns the loss."""
    import nanonet as nt
    import nanonet.functional as F
    from nanonet import nn, optim

    weights, biases, x, labels = data()
    layers = [nn.Linear(n_in, n_out) for n_in, n_out in pairwise(SIZES)]
    for layer, w, b in zip(layers, weights, biases, strict=True):
        layer.load_state_dict({"weight": w, "bias": b})
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    optimizer = optim.Adam(model.parameters())
    inputs, targets = nt.tensor(x), nt.tensor(labels)

    def step() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def torch_step() -> Callable[[], float]:
    """The same step of PyTorch, eager."""
    import torch

    weights, biases, x, labels = data()
    layers = [torch.nn.Linear(n_in, n_out) for n_in, n_out in pairwise(SIZES)]
    with torch.no_grad():
        for layer, w, b in zip(layers, weights, biases, strict=True):
            layer.weight.copy_(torch.tensor(w))
            layer.bias.copy_(torch.tensor(b))
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    optimizer = torch.optim.Adam(model.parameters())
    inputs, targets = torch.tensor(x), torch.tensor(labels)

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def _serve(make: Callable[[], Callable[[], float]], pipe: Connection) -> None:
    """A contender's process: ("losses" | "time", n) in, a list of numbers out."""
    step = make()
    while True:
        what, n = pipe.recv()
        pipe.send([step() for _ in range(n)] if what == "losses" else measure(step, n))


class Contender:
    """A step in a process of its own."""

    def __init__(self, make: Callable[[], Callable[[], float]]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(make, theirs), daemon=True)
        self.process.start()

    def ask(self, what: str, n: int) -> list[float]:
        self.pipe.send((what, n))
        return self.pipe.recv()

    def close(self) -> None:
        self.process.terminate()
        self.process.join()


def run(rounds: int = 15, calls: int = 40) -> dict[str, Timing]:
    """Check, then time. Raises AssertionError where the losses differ, and ImportError without torch."""
    import torch  # noqa: F401  (fail here, with the usual message, and not in a child process)

    contenders = {"nanonet": Contender(nanonet_step), "PyTorch eager": Contender(torch_step)}
    try:
        losses: dict[str, Any] = {name: c.ask("losses", CHECKED_STEPS) for name, c in contenders.items()}
        np.testing.assert_allclose(losses["nanonet"], losses["PyTorch eager"], rtol=1e-3)
        return interleaved({n: lambda k, c=c: c.ask("time", k) for n, c in contenders.items()}, rounds, calls)
    finally:
        for contender in contenders.values():
            contender.close()
