"""Mean cross-entropy of float32 scores with labels, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.ops.classification import CrossEntropy
from nanonet_benchmarks.checking.bounds import UNIT, gamma
from nanonet_benchmarks.workloads import on_cuda
from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant, Workload, empty, installed
from nanonet_benchmarks.workloads.variants import PHASES, both, jax_pair, kernels_installed, oracle, textbook

FLOPS, MOVED = 25.0, 12.0  # a score: read x, read x again and write dx; an exponential counts as 10
NAMES, GRADIENTS = ["x", "labels", ""], ["dx", "", ""]
ATTRS: dict[str, Any] = {"ignore_index": None, "reduction": "mean", "label_smoothing": 0.0}


def cross_entropy(rows: int, columns: int) -> Workload:
    """x (rows, columns), labels (rows): y = mean(log Σ e^x - x[label]), dx = dy (softmax(x) - one-hot) / rows."""

    def draw(rng: np.random.Generator) -> Arrays:
        labels = rng.integers(0, columns, rows)
        return {"x": rng.standard_normal((rows, columns), np.float32), "labels": labels, "dy": np.ones((), np.float32)}

    variants = [
        textbook(CrossEntropy, NAMES, GRADIENTS, **ATTRS),
        Variant("numba", "numba", _numba, kernels_installed("cpu.launch", "cpu.cross_entropy")),
        Variant("torch", "torch", _torch, installed("torch")),
        jax_pair(_formula, ["x", "labels"], ["dx"]),
        on_cuda.ours(on_cuda.cross_entropy, "cross_entropy"),
    ]
    known = oracle(CrossEntropy, NAMES, GRADIENTS, **ATTRS)
    size, elements = {"rows": rows, "columns": columns}, rows * columns
    return Workload("cross_entropy", size, draw, known, _bound, variants, FLOPS * elements, MOVED * elements, PHASES)


def _bound(inputs: Arrays, expected: Arrays) -> dict[str, Any]:
    """As for softmax; the loss adds the rounding of its sum over the rows."""
    x = inputs["x"].astype(np.float64)
    rows, columns = x.shape
    below = x.max(axis=-1, keepdims=True) - x
    share = gamma(columns + 16) + 2 * UNIT * below
    e = np.exp(-below)
    p = e / e.sum(axis=-1, keepdims=True)
    label = below[np.arange(rows), inputs["labels"]]
    loss = (p * share).sum(axis=-1) + 4 * UNIT * (np.log(e.sum(axis=-1)) + label + np.abs(x).max(axis=-1))
    mean = np.abs(expected["y"])
    return {"y": loss.mean() + gamma(rows + 4) * mean, "dx": (p * share + 4 * UNIT) / rows}


def _formula(jnp: Any, x: Any, labels: Any) -> Any:
    top = x.max(axis=-1, keepdims=True)
    logs = jnp.log(jnp.exp(x - top).sum(axis=-1)) + top[:, 0]
    return jnp.mean(logs - jnp.take_along_axis(x, labels[:, None], axis=-1)[:, 0])


def _outputs(inputs: Arrays) -> Arrays:
    return {"y": empty(()), "dx": empty(inputs["x"].shape)}


def _numba(inputs: Arrays) -> Prepared:
    from nanonet_kernels.cpu import cross_entropy as kernel  # pyright: ignore
    from nanonet_kernels.cpu.launch import rows  # pyright: ignore[reportMissingImports]

    out = _outputs(inputs)
    x, labels, dy, dx = inputs["x"], inputs["labels"], inputs["dy"], out["dx"]
    losses, tops, scales, dlosses = (empty((len(x),)) for _ in range(4))

    def forward() -> None:
        rows(kernel.cross_entropy, x, labels, losses, tops, scales)
        np.mean(losses, out=out["y"])

    def backward() -> None:
        dlosses.fill(dy / len(x))
        rows(kernel.cross_entropy_backward, x, labels, dlosses, tops, scales, dx)

    return Prepared(inputs=inputs, outputs=out, **both(forward, backward))


def _torch(inputs: Arrays) -> Prepared:
    """log_softmax and nll_loss into given arrays: what torch.nn.functional.cross_entropy calls."""
    import torch

    out = _outputs(inputs)
    x, labels, dy = (torch.from_numpy(inputs[name]) for name in ("x", "labels", "dy"))
    y, dx = (torch.from_numpy(out[name]) for name in ("y", "dx"))
    logs, dlogs, weight = torch.empty_like(x), torch.empty_like(x), torch.empty(())
    aten: Any = torch.ops.aten

    def forward() -> None:
        aten._log_softmax.out(x, -1, False, out=logs)
        aten.nll_loss_forward.output(logs, labels, None, 1, -100, output=y, total_weight=weight)

    def backward() -> None:
        aten.nll_loss_backward.grad_input(dy, logs, labels, None, 1, -100, weight, grad_input=dlogs)
        aten._log_softmax_backward_data.out(dlogs, logs, -1, torch.float32, out=dx)

    return Prepared(inputs=inputs, outputs=out, **both(forward, backward))
