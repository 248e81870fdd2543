"""c = a b in float32: the rungs of the ladder beside NumPy's BLAS and the peers that are installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.checking.bounds import gamma
from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant, Workload, empty, installed


def matmul(m: int, n: int, k: int) -> Workload:
    """a (m, k), b (k, n) -> c (m, n). Bound: γ_k |a||b| (Higham 2002, section 3.5)."""

    def draw(rng: np.random.Generator) -> Arrays:
        return {"a": rng.standard_normal((m, k), np.float32), "b": rng.standard_normal((k, n), np.float32)}

    def oracle(inputs: Arrays) -> Arrays:
        return {"c": inputs["a"].astype(np.float64) @ inputs["b"].astype(np.float64)}

    def bound(inputs: Arrays, expected: Arrays) -> dict[str, Any]:
        sizes = np.abs(inputs["a"]).astype(np.float64) @ np.abs(inputs["b"]).astype(np.float64)
        return {"c": gamma(k) * sizes}

    variants = [Variant("numpy", "numpy", _numpy), Variant("torch", "torch", _torch, installed("torch"))]
    flops, moved = 2.0 * m * n * k, 4.0 * (m * k + k * n + m * n)
    return Workload("matmul", {"m": m, "n": n, "k": k}, draw, oracle, bound, variants, flops, moved)


def _numpy(inputs: Arrays) -> Prepared:
    a, b = inputs["a"], inputs["b"]
    c = empty((a.shape[0], b.shape[1]))
    return Prepared(lambda: np.matmul(a, b, out=c), inputs, {"c": c})


def _torch(inputs: Arrays) -> Prepared:
    import torch

    c = empty((inputs["a"].shape[0], inputs["b"].shape[1]))
    a, b, out = torch.from_numpy(inputs["a"]), torch.from_numpy(inputs["b"]), torch.from_numpy(c)
    return Prepared(lambda: torch.mm(a, b, out=out), inputs, {"c": c})
