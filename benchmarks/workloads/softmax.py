"""Softmax along the rows of a float32 matrix, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.ops.softmax import Softmax
from nanonet_benchmarks.checking.bounds import UNIT, gamma
from nanonet_benchmarks.workloads import on_cuda
from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant, Workload, empty, installed
from nanonet_benchmarks.workloads.variants import PHASES, both, jax_pair, kernels_installed, oracle, textbook

FLOPS, MOVED = 18.0, 20.0  # an element, forward and backward; an exponential counts as 10


def softmax(rows: int, columns: int) -> Workload:
    """x, dy (rows, columns): y = e^(x - max) / Σ e^(x - max), dx = y ⊙ (dy - Σ dy ⊙ y)."""
    shape = (rows, columns)
    variants = [
        textbook(Softmax, ["x"], ["dx"], dim=-1),
        Variant("numba", "numba", _numba, kernels_installed("cpu.launch", "cpu.softmax")),
        Variant("torch", "torch", _torch, installed("torch")),
        jax_pair(_formula, ["x"], ["dx"]),
        on_cuda.ours(on_cuda.softmax, "softmax"),
    ]
    return Workload(
        "softmax",
        {"rows": rows, "columns": columns},
        lambda rng: {name: rng.standard_normal(shape, np.float32) for name in ("x", "dy")},
        oracle(Softmax, ["x"], ["dx"], dim=-1),
        _bound,
        variants,
        FLOPS * rows * columns,
        MOVED * rows * columns,
        PHASES,
    )


def _bound(inputs: Arrays, expected: Arrays) -> dict[str, Any]:
    """y: the sum of n positive numbers γ_n, the exponential 2u (max - x) for its argument and some ulp of its own.

    dx: what y's error makes of it, and the rounding of the sum and of the products.
    """
    x, dy = inputs["x"].astype(np.float64), np.abs(inputs["dy"].astype(np.float64))
    y = expected["y"]
    share = gamma(x.shape[-1] + 16) + 2 * UNIT * (x.max(axis=-1, keepdims=True) - x)
    error = y * share
    total = (dy * y).sum(axis=-1, keepdims=True)
    dx = (error + y * gamma(x.shape[-1] + 4)) * (dy + total) + y * (dy * error).sum(axis=-1, keepdims=True)
    return {"y": error, "dx": dx}


def _formula(jnp: Any, x: Any) -> Any:
    e = jnp.exp(x - jnp.max(x, axis=-1, keepdims=True))
    return e / jnp.sum(e, axis=-1, keepdims=True)


def _outputs(inputs: Arrays) -> Arrays:
    return {name: empty(inputs["x"].shape) for name in ("y", "dx")}


def _numba(inputs: Arrays) -> Prepared:
    from nanonet_kernels.cpu import softmax as kernel  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]
    from nanonet_kernels.cpu.launch import rows  # pyright: ignore[reportMissingImports]

    out = _outputs(inputs)
    x, dy, y, dx = inputs["x"], inputs["dy"], out["y"], out["dx"]
    phases = both(lambda: kernel.softmax_rows(x, y), lambda: rows(kernel.softmax_backward, y, dy, dx))
    return Prepared(inputs=inputs, outputs=out, **phases)


def _torch(inputs: Arrays) -> Prepared:
    import torch

    out = _outputs(inputs)
    x, dy, y, dx = (torch.from_numpy(a) for a in (inputs["x"], inputs["dy"], out["y"], out["dx"]))
    aten: Any = torch.ops.aten
    phases = both(
        lambda: aten._softmax.out(x, -1, False, out=y),
        lambda: aten._softmax_backward_data.out(dy, y, -1, torch.float32, grad_input=dx),
    )
    return Prepared(inputs=inputs, outputs=out, **phases)
