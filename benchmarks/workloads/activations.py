"""GELU (tanh form) and ReLU of n float32 numbers, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet.ops.activation import Gelu
from nanonet.ops.rectifier import Relu
from nanonet_benchmarks.checking.bounds import UNIT
from nanonet_benchmarks.workloads import on_cuda
from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant, Workload, empty, installed
from nanonet_benchmarks.workloads.variants import PHASES, both, jax_pair, kernels_installed, oracle, textbook
from nanonet_benchmarks.workloads.with_cupy import elementwise, on_gpu

GELU_FLOPS, RELU_FLOPS = 30.0, 2.0  # an element, forward and backward; a tanh counts as 10
MOVED = 20.0  # bytes an element: read x and write y; read x (or y) and dy, and write dx


def gelu(n: int) -> Workload:
    """y = ½ x (1 + tanh(√(2/π)(x + 0.044715 x³))), dx = dy y'.

    Bound: Φ(x) is a sum with 1, so it has an error of some u however small it is: |x| times that for y, and for dx
    |x| times the slope of tanh's argument more. 16 u leaves room for a tanh of a few ulp.
    """

    def bound(inputs: Arrays, expected: Arrays) -> dict[str, Any]:
        x = np.abs(inputs["x"].astype(np.float64))
        dy = np.abs(inputs["dy"].astype(np.float64))
        return {"y": 16 * UNIT * x, "dx": 16 * UNIT * dy * (1 + x * (1 + 0.134145 * x * x))}

    variants = [
        textbook(Gelu, ["x"], ["dx"], approximate="tanh"),
        Variant("numba", "numba", _numba("activation", "gelu_tanh"), kernels_installed("cpu.launch")),
        Variant("torch", "torch", _torch_gelu, installed("torch")),
        jax_pair(lambda jnp, x: 0.5 * x * (1 + jnp.tanh(_C * (x + 0.044715 * x**3))), ["x"], ["dx"]),
        Variant("numexpr", "numexpr", _numexpr(*_GELU_EXPRESSIONS), installed("numexpr")),
        on_gpu("cupy: elementwise", elementwise(_PARAMETERS, _RESULT, _GELU_CODE, "gelu")),
        on_cuda.ours(on_cuda.elementwise("activation", "gelu_tanh"), "activation"),
    ]
    known = oracle(Gelu, ["x"], ["dx"], approximate="tanh")
    return Workload("gelu", {"n": n}, _draw(n), known, bound, variants, GELU_FLOPS * n, MOVED * n, PHASES)


def relu(n: int) -> Workload:
    """y = max(x, 0), dx = dy where x > 0: exact, so the bound is 0."""
    variants = [
        textbook(Relu, ["x"], ["dx"]),
        Variant("numba", "numba", _numba("piecewise", "relu", reads="y"), kernels_installed("cpu.piecewise")),
        Variant("torch", "torch", _torch_relu, installed("torch")),
        jax_pair(lambda jnp, x: jnp.where(x > 0, x, 0), ["x"], ["dx"]),
        Variant("numexpr", "numexpr", _numexpr(*_RELU_EXPRESSIONS), installed("numexpr")),
        on_gpu("cupy: elementwise", elementwise(_PARAMETERS, _RESULT, _RELU_CODE, "relu")),
        on_cuda.ours(on_cuda.elementwise("rectifier", "relu", reads="y"), "rectifier"),
    ]
    exact: Callable[[Arrays, Arrays], dict[str, Any]] = lambda inputs, expected: {"y": 0.0, "dx": 0.0}  # noqa: E731
    known = oracle(Relu, ["x"], ["dx"])
    return Workload("relu", {"n": n}, _draw(n), known, exact, variants, RELU_FLOPS * n, MOVED * n, PHASES)


_C = 0.7978845608028654  # √(2/π)
_RELU_EXPRESSIONS = ("where(x > 0, x, zero)", "where(y > 0, dy, zero)")
_GELU_EXPRESSIONS = (
    "half * x * (one + tanh(c * (x + a * x * x * x)))",
    "dy * (half * (one + tanh(c * (x + a * x * x * x)))"
    " + half * x * (one - tanh(c * (x + a * x * x * x)) ** 2) * c * (one + three * a * x * x))",
)
_PARAMETERS, _RESULT = "float32 x, float32 dy", "float32 y, float32 dx"  # both passes in one kernel
_RELU_CODE = "y = x > 0 ? x : 0.0f; dx = x > 0 ? dy : 0.0f"
_GELU_CODE = """
    float t = tanhf(0.7978845608028654f * (x + 0.044715f * x * x * x));
    float slope = 0.7978845608028654f * (1.0f + 3.0f * 0.044715f * x * x);
    y = 0.5f * x * (1.0f + t);
    dx = dy * (0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * slope)
"""
_NUMBERS = {"zero": 0.0, "half": 0.5, "one": 1.0, "three": 3.0, "c": _C, "a": 0.044715}


def _draw(n: int) -> Callable[[np.random.Generator], Arrays]:
    return lambda rng: {name: rng.standard_normal(n, np.float32) for name in ("x", "dy")}


def _outputs(inputs: Arrays) -> Arrays:
    return {name: empty(inputs["x"].shape) for name in ("y", "dx")}


def _numba(module: str, name: str, reads: str = "x") -> Callable[[Arrays], Prepared]:
    """Our kernel and the one for its gradient, which reads x or y."""

    def prepare(inputs: Arrays) -> Prepared:
        from importlib import import_module

        from nanonet_kernels.cpu.launch import flat  # pyright: ignore[reportMissingImports]

        home = import_module(f"nanonet_kernels.cpu.{module}")
        run, back = getattr(home, name), getattr(home, f"{name}_backward")
        out = _outputs(inputs)
        x, dy, y, dx = inputs["x"], inputs["dy"], out["y"], out["dx"]
        seen = {"x": x, "y": y}[reads]
        return Prepared(inputs=inputs, outputs=out, **both(lambda: flat(run, x, y), lambda: flat(back, seen, dy, dx)))

    return prepare


def _torch_gelu(inputs: Arrays) -> Prepared:
    import torch

    out = _outputs(inputs)
    x, dy, y, dx = (torch.from_numpy(a) for a in (inputs["x"], inputs["dy"], out["y"], out["dx"]))
    aten: Any = torch.ops.aten
    return Prepared(
        inputs=inputs,
        outputs=out,
        **both(
            lambda: aten.gelu.out(x, approximate="tanh", out=y),
            lambda: aten.gelu_backward.grad_input(dy, x, approximate="tanh", grad_input=dx),
        ),
    )


def _torch_relu(inputs: Arrays) -> Prepared:
    import torch

    out = _outputs(inputs)
    x, dy, y, dx = (torch.from_numpy(a) for a in (inputs["x"], inputs["dy"], out["y"], out["dx"]))
    aten: Any = torch.ops.aten
    return Prepared(
        inputs=inputs,
        outputs=out,
        **both(
            lambda: torch.clamp_min(x, 0, out=y),  # what torch.relu calls
            lambda: aten.threshold_backward.grad_input(dy, y, 0, grad_input=dx),
        ),
    )


def _numexpr(forward: str, backward: str) -> Callable[[Arrays], Prepared]:
    """The formula as text, evaluated block by block."""

    def prepare(inputs: Arrays) -> Prepared:
        import numexpr  # pyright: ignore[reportMissingImports]

        out = _outputs(inputs)
        known = {**inputs, **out, **{name: np.float32(value) for name, value in _NUMBERS.items()}}

        def evaluate(text: str, name: str) -> Callable[[], Any]:
            return lambda: numexpr.evaluate(text, local_dict=known, global_dict={}, out=out[name])

        return Prepared(inputs=inputs, outputs=out, **both(evaluate(forward, "y"), evaluate(backward, "dx")))

    return prepare
