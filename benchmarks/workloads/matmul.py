"""c = a b in float32: the rungs of the ladder beside NumPy's BLAS and the peers that are installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet_benchmarks.checking.bounds import gamma
from nanonet_benchmarks.workloads import on_cuda
from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant, Workload, empty, installed, needed
from nanonet_benchmarks.workloads.variants import kernels_installed
from nanonet_benchmarks.workloads.with_cupy import cublas, on_gpu


def matmul(m: int, n: int, k: int) -> Workload:
    """a (m, k), b (k, n) -> c (m, n). Bound: γ_k |a||b| (Higham 2002, section 3.5)."""

    def draw(rng: np.random.Generator) -> Arrays:
        return {"a": rng.standard_normal((m, k), np.float32), "b": rng.standard_normal((k, n), np.float32)}

    def oracle(inputs: Arrays) -> Arrays:
        return {"c": inputs["a"].astype(np.float64) @ inputs["b"].astype(np.float64)}

    def bound(inputs: Arrays, expected: Arrays) -> dict[str, Any]:
        sizes = np.abs(inputs["a"]).astype(np.float64) @ np.abs(inputs["b"]).astype(np.float64)
        return {"c": gamma(k) * sizes}

    variants = [
        *(_rungs(m, n, k) if needed("numba") else []),
        Variant("numpy: BLAS", "numpy", _numpy),
        Variant("torch", "torch", _torch, installed("torch")),
        Variant("jax", "jax", _jax, installed("jax")),
        on_gpu("cupy: cuBLAS", cublas),
        *(on_cuda.ladders() if needed("cuda") else []),
    ]
    flops, moved = 2.0 * m * n * k, 4.0 * (m * k + k * n + m * n)
    return Workload("matmul", {"m": m, "n": n, "k": k}, draw, oracle, bound, variants, flops, moved)


def _rungs(m: int, n: int, k: int) -> list[Variant]:
    """The ladder of nanonet_kernels, in its order; one variant that says why where it cannot be imported."""
    reason = kernels_installed("ladders.cpu_matmul.rung")()
    if reason:
        return [Variant("ladder", "numba", _numpy, lambda: reason)]
    from nanonet_kernels.ladders.cpu_matmul import RUNGS  # pyright: ignore[reportAttributeAccessIssue]

    def available(rung: Any) -> Callable[[], str]:
        too_large = m * n * k > rung.largest**3
        return lambda: f"it is meant for products up to m = n = k = {rung.largest}" if too_large else ""

    def prepare(rung: Any) -> Callable[[Arrays], Prepared]:
        def prepared(inputs: Arrays) -> Prepared:
            a, b, c = inputs["a"], inputs["b"], empty((m, n))
            return Prepared(lambda: rung.function(a, b, c), inputs, {"c": c})

        return prepared

    return [Variant(rung.name, "numba", prepare(rung), available(rung), None if rung.threads else 1) for rung in RUNGS]


def _numpy(inputs: Arrays) -> Prepared:
    a, b = inputs["a"], inputs["b"]
    c = empty((a.shape[0], b.shape[1]))
    return Prepared(lambda: np.matmul(a, b, out=c), inputs, {"c": c})


def _torch(inputs: Arrays) -> Prepared:
    import torch

    c = empty((inputs["a"].shape[0], inputs["b"].shape[1]))
    a, b, out = torch.from_numpy(inputs["a"]), torch.from_numpy(inputs["b"]), torch.from_numpy(c)
    return Prepared(lambda: torch.mm(a, b, out=out), inputs, {"c": c})


def _jax(inputs: Arrays) -> Prepared:
    import jax  # pyright: ignore[reportMissingImports]

    product = jax.jit(lambda a, b: a @ b)
    there: dict[str, Any] = {}

    def send(fresh: Arrays) -> None:
        there.update({name: jax.device_put(x.copy()) for name, x in fresh.items()})
        jax.block_until_ready(there)

    def call() -> None:
        there["c"] = product(there["a"], there["b"]).block_until_ready()

    send(inputs)
    return Prepared(call, inputs, fetch=lambda: {"c": there["c"]}, send=send)
