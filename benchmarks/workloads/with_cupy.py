"""Variants on a GPU through CuPy: arrays are sent there and fetched again outside of what is timed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from nanonet_benchmarks.timer.gpu import missing
from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant

# build(cupy, inputs on the GPU) -> (call, outputs on the GPU, made once)
Build = Callable[[Any, dict[str, Any]], tuple[Callable[[], Any], dict[str, Any]]]


def on_gpu(name: str, build: Build, available: Callable[[], str] | None = None) -> Variant:
    """A variant whose `call` launches work that writes into its outputs. available: by default, is there a GPU?"""

    def prepare(inputs: Arrays) -> Prepared:
        cupy = import_module("cupy")
        there = {key: cupy.asarray(x) for key, x in inputs.items()}
        call, outputs = build(cupy, there)

        def send(fresh: Arrays) -> None:
            for key, x in fresh.items():
                there[key].set(x)
            for key, y in outputs.items():
                if key not in there:
                    y.fill(float("nan"))  # what `Prepared.poison` does to arrays of the host
            cupy.cuda.Device().synchronize()  # the timer's stream does not wait for this one

        return Prepared(call, inputs, fetch=lambda: {k: cupy.asnumpy(y) for k, y in outputs.items()}, send=send)

    return Variant(name, "cuda", prepare, available or missing, most_threads=1, device="cuda")


def cublas(cupy: Any, there: dict[str, Any]) -> tuple[Callable[[], Any], dict[str, Any]]:
    """c = a b by cuBLAS."""
    a, b = there["a"], there["b"]
    c = cupy.empty((a.shape[0], b.shape[1]), a.dtype)
    return lambda: cupy.matmul(a, b, out=c), {"c": c}


def elementwise(parameters: str, result: str, expression: str, name: str) -> Build:
    """CuPy's own elementwise kernel: elementwise("float32 x", "float32 y", "y = x > 0 ? x : 0", "relu")."""

    def build(cupy: Any, there: dict[str, Any]) -> tuple[Callable[[], Any], dict[str, Any]]:
        kernel = cupy.ElementwiseKernel(parameters, result, expression, name)
        args = [there[part.split()[-1]] for part in parameters.split(",")]
        outputs = {part.split()[-1]: cupy.empty_like(args[0]) for part in result.split(",")}
        return lambda: kernel(*args, *outputs.values()), outputs

    return build
