"""Layer normalisation of the rows of a float32 matrix, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.ops.norm import LayerNorm
from nanonet_benchmarks.checking.bounds import gamma
from nanonet_benchmarks.workloads import on_cuda
from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant, Workload, empty, installed
from nanonet_benchmarks.workloads.variants import PHASES, both, jax_pair, kernels_installed, oracle, textbook

EPS = 1e-5
FLOPS, MOVED = 22.0, 20.0  # an element, forward and backward
NAMES, GRADIENTS = ["x", "w", "b"], ["dx", "dw", "db"]


def layer_norm(rows: int, columns: int) -> Workload:
    """x, dy (rows, columns), w, b (columns): y = x̂ ⊙ w + b, and the gradients dx, dw, db."""
    shape = (rows, columns)

    def draw(rng: np.random.Generator) -> Arrays:
        found = {name: rng.standard_normal(shape, np.float32) for name in ("x", "dy")}
        return found | {name: rng.standard_normal(columns, np.float32) for name in ("w", "b")}

    variants = [
        textbook(LayerNorm, NAMES, GRADIENTS, size=columns, eps=EPS),
        Variant("numba", "numba", _numba, kernels_installed("cpu.launch", "cpu.norm")),
        Variant("torch", "torch", _torch, installed("torch")),
        jax_pair(_formula, NAMES, GRADIENTS),
        on_cuda.ours(on_cuda.layer_norm(EPS), "layer_norm"),
    ]
    known = oracle(LayerNorm, NAMES, GRADIENTS, size=columns, eps=EPS)
    size, elements = {"rows": rows, "columns": columns}, rows * columns
    return Workload("layer_norm", size, draw, known, _bound, variants, FLOPS * elements, MOVED * elements, PHASES)


def _bound(inputs: Arrays, expected: Arrays) -> dict[str, Any]:
    """Every sum of n numbers is within γ_n of the sum of their sizes; h = x̂ carries the errors of mean and variance."""
    x, dy, w, b = (inputs[name].astype(np.float64) for name in ("x", "dy", "w", "b"))
    n, rows = x.shape[-1], x.shape[0]
    mean, r = x.mean(axis=-1, keepdims=True), 1 / np.sqrt(x.var(axis=-1, keepdims=True) + EPS)
    h = np.abs(x - mean) * r
    share = gamma(n + 16)
    dh = share * (r * (np.abs(x) + np.abs(x).mean(axis=-1, keepdims=True)) + 2 * h)
    g = np.abs(dy * w)
    mean_g, mean_gh = g.mean(axis=-1, keepdims=True), (g * h).mean(axis=-1, keepdims=True)
    dx = r * (4 * share * (g + mean_g + h * mean_gh) + dh * mean_gh + h * (g * dh).mean(axis=-1, keepdims=True))
    dy = np.abs(dy)
    dw = (gamma(rows + 4) * dy * h + dy * dh).sum(axis=0)
    y = np.abs(w) * dh + share * (np.abs(expected["y"]) + np.abs(b))
    return {"y": y, "dx": dx, "dw": dw, "db": gamma(rows + 4) * dy.sum(axis=0)}


def _formula(jnp: Any, x: Any, w: Any, b: Any) -> Any:
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    return centred / jnp.sqrt(jnp.mean(centred * centred, axis=-1, keepdims=True) + EPS) * w + b


def _outputs(inputs: Arrays) -> Arrays:
    x, w = inputs["x"], inputs["w"]
    return {"y": empty(x.shape), "dx": empty(x.shape), "dw": empty(w.shape), "db": empty(w.shape)}


def _numba(inputs: Arrays) -> Prepared:
    from nanonet_kernels.cpu import norm  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]
    from nanonet_kernels.cpu.launch import row_totals, rows  # pyright: ignore[reportMissingImports]

    out = _outputs(inputs)
    x, dy, w, b = (inputs[name] for name in ("x", "dy", "w", "b"))
    mean, rstd, eps = empty((len(x),)), empty((len(x),)), np.float32(EPS)

    def backward() -> None:
        totals = out["dw"], out["db"]
        for total in totals:
            total.fill(0)
        row_totals(norm.layer_norm_backward, x, mean, rstd, dy, out["dx"], shared=(w,), totals=totals)

    phases = both(lambda: rows(norm.layer_norm, x, out["y"], mean, rstd, shared=(w, b, eps)), backward)
    return Prepared(inputs=inputs, outputs=out, **phases)


def _torch(inputs: Arrays) -> Prepared:
    """PyTorch's layer norm cannot write into given arrays: both phases return new ones, as for its users."""
    import torch

    x, dy, w, b = (torch.from_numpy(inputs[name]) for name in ("x", "dy", "w", "b"))
    shape, kept = [w.numel()], {}
    aten: Any = torch.ops.aten

    def forward() -> None:
        kept["y"], kept["mean"], kept["rstd"] = aten.native_layer_norm(x, shape, w, b, EPS)

    def backward() -> None:
        found = aten.native_layer_norm_backward(dy, x, shape, kept["mean"], kept["rstd"], w, b, [True] * 3)
        kept.update(zip(GRADIENTS, found, strict=True))

    fetch = lambda: {name: kept[name].numpy() for name in ("y", *GRADIENTS)}  # noqa: E731
    return Prepared(inputs=inputs, fetch=fetch, **both(forward, backward))
