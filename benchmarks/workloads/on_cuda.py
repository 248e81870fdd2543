"""Our CUDA kernels as variants: what is launched, on arrays that are on the GPU already, with nothing allocated.

Each function here is, or makes, a `Build` of with_cupy: it gets CuPy and the inputs on the GPU, makes the outputs once,
and returns the call and the outputs. The kernels run on the current stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from nanonet_benchmarks.workloads.base import Variant
from nanonet_benchmarks.workloads.variants import kernels_installed
from nanonet_benchmarks.workloads.with_cupy import Build, missing, on_gpu

There = dict[str, Any]
Built = tuple[Callable[[], Any], There]


def ours(build: Build, *modules: str, name: str = "cuda: ours") -> Variant:
    """A variant of kernels in nanonet_kernels.cuda."""
    return on_gpu(name, build, lambda: missing() or kernels_installed(*(f"cuda.{m}" for m in modules))())


def elementwise(module: str, name: str, reads: str = "x") -> Build:
    """A kernel of an activation, and that of its gradient, which reads x or y."""

    def build(cupy: Any, there: There) -> Built:
        home = import_module(f"nanonet_kernels.cuda.{module}")
        forward, backward = getattr(home, name), getattr(home, f"{name}_backward")
        out = {"y": cupy.empty_like(there["x"]), "dx": cupy.empty_like(there["x"])}
        seen = {"x": there["x"], "y": out["y"]}[reads]

        def call() -> None:
            forward(there["x"], out["y"])
            backward(seen, there["dy"], out["dx"])

        return call, out

    return build


def softmax(cupy: Any, there: There) -> Built:
    """Along the last axis."""
    from nanonet_kernels.cuda import softmax as kernel

    x, dy = there["x"], there["dy"]
    columns = x.shape[1]
    y, dx = cupy.empty_like(x), cupy.empty_like(x)

    def call() -> None:
        kernel.softmax(x, y, columns)
        kernel.softmax_backward(y, dy, dx, columns)

    return call, {"y": y, "dx": dx}


def layer_norm(eps: float) -> Build:
    """Of rows, with weights and biases, and all three gradients."""

    def build(cupy: Any, there: There) -> Built:
        from nanonet_kernels.cuda import layer_norm as kernel
        from nanonet_kernels.cuda.reduce import workspace_columns

        x, dy, w, b = (there[name] for name in ("x", "dy", "w", "b"))
        rows, columns = x.shape
        y, xhat, dx = (cupy.empty_like(x) for _ in range(3))
        dw, db, r = cupy.empty_like(w), cupy.empty_like(b), cupy.empty((rows,), np.float32)
        size = max(workspace_columns(rows, columns), 1)
        work_w, work_b = cupy.empty((size,), np.float32), cupy.empty((size,), np.float32)

        def call() -> None:
            kernel.layer_norm(x, w, b, y, xhat, r, columns, eps)
            kernel.layer_norm_backward(xhat, r, w, dy, dx, columns)
            kernel.affine_gradients(dy, xhat, dw, db, work_w, work_b, rows)

        return call, {"y": y, "dx": dx, "dw": dw, "db": db}

    return build


def cross_entropy(cupy: Any, there: There) -> Built:
    """The mean over the rows, and the gradient of the scores."""
    from nanonet_kernels.cuda import cross_entropy as kernel
    from nanonet_kernels.cuda import reduce

    x, labels, dy = there["x"], there["labels"], there["dy"]
    rows, columns = x.shape
    p, dx = cupy.empty_like(x), cupy.empty_like(x)
    losses, y = cupy.empty((rows,), np.float32), cupy.empty((), np.float32)
    work = cupy.empty((max(reduce.workspace_total(rows), 1),), np.float32)

    def call() -> None:
        kernel.cross_entropy(x, labels, None, p, losses, None, columns)
        reduce.mean(losses, y, work)
        kernel.cross_entropy_backward(p, labels, None, rows, dy, dx, columns)

    return call, {"y": y, "dx": dx}


def adam(attrs: dict[str, Any]) -> Build:
    """One step over flat buffers, in place."""

    def build(cupy: Any, there: There) -> Built:
        from nanonet_kernels.cuda.adam import adam as step

        p, g, m, v = (there[name] for name in ("p", "g", "m", "v"))
        return lambda: step(p, g, m, v, **attrs), {"p": p, "m": m, "v": v}

    return build


def ladders() -> list[Variant]:
    """The rungs in Numba CUDA, those in CUDA C that compute in float32, and what the table of tiles chooses.

    The rungs on tensor cores round the operands to fewer bits: they do not compute what this workload says.
    """
    reason = kernels_installed("cuda.kernel", "ladders.cuda_matmul.rungs", "ladders.cuda_matmul.source")()
    if reason:
        return [on_gpu("cuda: ladder", _product(lambda a, b, c: []), lambda: missing() or reason)]
    from nanonet_kernels.ladders.cuda_matmul import rungs, source

    def by_name(name: str | None) -> Callable[[Any, Any, Any], Sequence[Any]]:
        return lambda a, b, c: rungs.launches(a, b, c, name)

    return [
        *(on_gpu(f"cuda: {rung.name}", _product(by_name(rung.name))) for rung in rungs.RUNGS),
        *(on_gpu(f"cuda C: {rung.name}", _product(rung.launches)) for rung in source.RUNGS_C if _is_exact(rung)),
        on_gpu("cuda: by the table", _product(by_name(None))),
    ]


def _is_exact(rung: Any) -> bool:
    return rung.precision == "float32"


def _product(launches: Callable[[Any, Any, Any], Sequence[Any]]) -> Build:
    """c = a b by these launches, prepared once: their workspace too."""

    def build(cupy: Any, there: There) -> Built:
        a, b = there["a"], there["b"]
        c = cupy.empty((a.shape[0], b.shape[1]), np.float32)
        prepared = launches(a, b, c)

        def call() -> None:
            for kernel, grid, arguments in prepared:
                kernel(grid, *arguments)

        return call, {"c": c}

    return build
