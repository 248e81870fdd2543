"""A training step of the documents' 784-128-64-10 network with Adam: data, forward, backward, update."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant, Workload, installed
from nanonet_benchmarks.workloads.training_oracle import LR, SIZES, bound, oracle

IMAGES = 2048  # the data set, from which the batch is gathered
PHASES = ("data", "forward", "backward", "update")


def training_step(batch: int) -> Workload:
    """Outputs: the loss, and weights and biases after the step. A bound for the loss and for every parameter."""
    parameters = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(SIZES))
    products = sum(fan_in * fan_out for fan_in, fan_out in pairwise(SIZES))
    flops = 2.0 * batch * (3 * products - SIZES[0] * SIZES[1]) + 14.0 * parameters  # no gradient of the images
    moved = 28.0 * parameters + 8.0 * parameters + 4.0 * batch * SIZES[0]
    variants = [
        Variant("numpy backend", "numpy", _nanonet("numpy")),
        Variant("numba backend", "numba", _nanonet("numba"), installed("numba")),
        Variant("torch", "torch", _torch, installed("torch")),
    ]
    size = {"batch": batch}
    return Workload("training step", size, lambda rng: _draw(rng, batch), oracle, bound, variants, flops, moved, PHASES)


def _draw(rng: np.random.Generator, batch: int) -> Arrays:
    found: Arrays = {}
    for i, (fan_in, fan_out) in enumerate(pairwise(SIZES)):
        found[f"w{i}"] = (rng.standard_normal((fan_out, fan_in)) * np.sqrt(2 / fan_in)).astype(np.float32)
        found[f"b{i}"] = rng.uniform(-0.05, 0.05, fan_out).astype(np.float32)
    images = rng.standard_normal((IMAGES, SIZES[0]), np.float32)
    labels = rng.integers(0, SIZES[-1], IMAGES)
    return found | {"images": images, "labels": labels, "order": rng.permutation(IMAGES)[:batch]}


def _step(parts: dict[str, Callable[[], Any]], inputs: Arrays, send: Any, fetch: Any) -> Prepared:
    def call() -> None:
        for part in parts.values():
            part()

    send(inputs)
    return Prepared(call, inputs, fetch=fetch, send=send, phases=parts)


def _nanonet(backend: str) -> Callable[[Arrays], Prepared]:
    def prepare(inputs: Arrays) -> Prepared:
        import nanonet as nt
        import nanonet.functional as F
        from nanonet import nn, optim

        nt.use(backend)
        layers = [nn.Linear(fan_in, fan_out) for fan_in, fan_out in pairwise(SIZES)]
        model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
        now: dict[str, Any] = {}

        def send(fresh: Arrays) -> None:
            """The weights of `fresh`, and an optimizer that remembers nothing."""
            for i, layer in enumerate(layers):
                layer.load_state_dict({"weight": fresh[f"w{i}"], "bias": fresh[f"b{i}"]})
            now["optimizer"] = optim.Adam(model.parameters(), lr=LR)

        def data() -> None:
            now["x"] = nt.tensor(inputs["images"][inputs["order"]])
            now["labels"] = nt.tensor(inputs["labels"][inputs["order"]])

        def forward() -> None:
            now["loss"] = F.cross_entropy(model(now["x"]), now["labels"])

        def backward() -> None:
            now["optimizer"].zero_grad()
            now["loss"].backward()

        def fetch() -> dict[str, Any]:
            found = {"loss": now["loss"].numpy()}
            for i, layer in enumerate(layers):
                found |= {f"w{i}": layer.weight.numpy(), f"b{i}": layer.bias.numpy()}
            return found

        parts = {"data": data, "forward": forward, "backward": backward, "update": lambda: now["optimizer"].step()}
        return _step(parts, inputs, send, fetch)

    return prepare


def _torch(inputs: Arrays) -> Prepared:
    import torch

    layers = [torch.nn.Linear(fan_in, fan_out) for fan_in, fan_out in pairwise(SIZES)]
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    now: dict[str, Any] = {}
    images, labels, order = (torch.from_numpy(inputs[name]) for name in ("images", "labels", "order"))

    def send(fresh: Arrays) -> None:
        with torch.no_grad():
            for i, layer in enumerate(layers):
                layer.weight.copy_(torch.from_numpy(fresh[f"w{i}"]))
                layer.bias.copy_(torch.from_numpy(fresh[f"b{i}"]))
        now["optimizer"] = torch.optim.Adam(model.parameters(), lr=LR)

    def data() -> None:
        now["x"], now["labels"] = images[order], labels[order]

    def forward() -> None:
        now["loss"] = torch.nn.functional.cross_entropy(model(now["x"]), now["labels"])

    def backward() -> None:
        now["optimizer"].zero_grad()
        now["loss"].backward()

    def fetch() -> dict[str, Any]:
        found = {"loss": now["loss"].detach().numpy()}
        for i, layer in enumerate(layers):
            found |= {f"w{i}": layer.weight.detach().numpy(), f"b{i}": layer.bias.detach().numpy()}
        return found

    parts = {"data": data, "forward": forward, "backward": backward, "update": lambda: now["optimizer"].step()}
    return _step(parts, inputs, send, fetch)
