"""One Adam step over n float32 parameters, in place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nanonet.ops import update
from nanonet_benchmarks.checking.bounds import UNIT
from nanonet_benchmarks.workloads import on_cuda
from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant, Workload, installed
from nanonet_benchmarks.workloads.variants import kernels_installed

FLOPS, MOVED = 14.0, 28.0  # a parameter: read p, g, m, v and write p, m, v
LR, BETA1, BETA2, EPS, STEP = 1e-3, 0.9, 0.999, 1e-8, 10
ATTRS: dict[str, Any] = {"lr": LR, "beta1": BETA1, "beta2": BETA2, "eps": EPS, "step": STEP}


def adam(n: int) -> Workload:
    """p, g, m, v (n), the tenth step: m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², p ← p - lr m̂ / (√v̂ + ε)."""

    def draw(rng: np.random.Generator) -> Arrays:
        found = {name: rng.standard_normal(n, np.float32) for name in ("p", "g", "m")}
        return found | {"v": rng.random(n, np.float32) + np.float32(0.01)}

    variants = [
        Variant("numpy: textbook rule", "numpy", _rule),
        Variant("numpy: in place", "numpy", _numpy),
        Variant("numba", "numba", _numba, kernels_installed("cpu.launch", "cpu.optimizer")),
        Variant("torch", "torch", _torch, installed("torch")),
        Variant("jax", "jax", _jax, installed("jax")),
        on_cuda.ours(on_cuda.adam(ATTRS), "adam"),
    ]
    return Workload("adam", {"n": n}, draw, _oracle, _bound, variants, FLOPS * n, MOVED * n)


def _oracle(inputs: Arrays) -> Arrays:
    wide = [inputs[name].astype(np.float64) for name in ("p", "g", "m", "v")]
    p, m, v, _ = update.adam(np, *wide, **ATTRS)
    return {"p": p, "m": m, "v": v}


def _bound(inputs: Arrays, expected: Arrays) -> dict[str, Any]:
    """m and v: four roundings of their terms. p: those of the step, which m's error enters divided by √v̂ + ε."""
    g, m = (np.abs(inputs[name].astype(np.float64)) for name in ("g", "m"))
    dm = 4 * UNIT * (BETA1 * m + (1 - BETA1) * g)
    scale = LR / (1 - BETA1**STEP) / (np.sqrt(expected["v"] / (1 - BETA2**STEP)) + EPS)
    step = scale * np.abs(expected["m"])
    p = np.abs(inputs["p"].astype(np.float64)) + np.abs(expected["p"])
    return {"m": dm, "v": 8 * UNIT * expected["v"], "p": scale * dm + 16 * UNIT * step + 2 * UNIT * p}


def _in_place(inputs: Arrays) -> Arrays:
    return {name: inputs[name] for name in ("p", "m", "v")}


def _rule(inputs: Arrays) -> Prepared:
    """The rule makes new arrays, which take the place of the old ones."""
    from nanonet.backends.numpy import xp

    def call() -> None:
        p, m, v, _ = update.adam(xp, *(inputs[name] for name in ("p", "g", "m", "v")), **ATTRS)
        inputs.update(p=p, m=m, v=v)

    return Prepared(call, inputs, fetch=lambda: _in_place(inputs))


def _numpy(inputs: Arrays) -> Prepared:
    """What the NumPy backend runs: NumPy's functions into given arrays, block by block."""
    from nanonet_kernels.cpu import updates

    p, g, m, v = (inputs[name] for name in ("p", "g", "m", "v"))
    return Prepared(lambda: updates.adam(p, g, m, v, **ATTRS), inputs, _in_place(inputs))


def _numba(inputs: Arrays) -> Prepared:
    from nanonet_kernels.cpu import optimizer  # pyright: ignore
    from nanonet_kernels.cpu.launch import flat  # pyright: ignore[reportMissingImports]

    p, g, m, v = (inputs[name] for name in ("p", "g", "m", "v"))
    root = math.sqrt(1 - BETA2**STEP)
    rate, small = LR * root / (1 - BETA1**STEP), EPS * root
    numbers = tuple(np.float32(x) for x in (rate, BETA1, 1 - BETA1, BETA2, 1 - BETA2, small, 0.0, 1.0))
    return Prepared(lambda: flat(optimizer.adam, p, g, m, v, numbers=numbers), inputs, _in_place(inputs))


def _torch(inputs: Arrays) -> Prepared:
    """What torch.optim.Adam(fused=True) calls."""
    import torch

    p, g, m, v = ([torch.from_numpy(inputs[name])] for name in ("p", "g", "m", "v"))
    step = [torch.tensor(float(STEP))]
    fused: Any = torch.ops.aten._fused_adam_
    numbers = {"lr": LR, "beta1": BETA1, "beta2": BETA2, "weight_decay": 0.0, "eps": EPS}
    flags = {"amsgrad": False, "maximize": False}
    return Prepared(lambda: fused(p, g, m, v, [], step, **numbers, **flags), inputs, _in_place(inputs))


def _jax(inputs: Arrays) -> Prepared:
    """Compiled by XLA, which is given the memory of p, m and v to write into."""
    import jax  # pyright: ignore[reportMissingImports]
    import jax.numpy as jnp  # pyright: ignore[reportMissingImports]

    run = jax.jit(lambda p, g, m, v: update.adam(jnp, p, g, m, v, **ATTRS)[:3], donate_argnums=(0, 2, 3))
    there: dict[str, Any] = {}

    def send(fresh: Arrays) -> None:
        there.update({name: jax.device_put(x.copy()) for name, x in fresh.items()})
        jax.block_until_ready(there)

    def call() -> None:
        p, m, v = jax.block_until_ready(run(there["p"], there["g"], there["m"], there["v"]))
        there.update(p=p, m=m, v=v)

    send(inputs)
    return Prepared(call, inputs, fetch=lambda: _in_place(there), send=send)
