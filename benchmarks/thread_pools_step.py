"""The training step of the benchmark of thread pools, in a process of its own for each way to share the cores.

A threading layer of Numba is chosen once in a process, and threads that spin in one would disturb another. The parent
asks with a line of JSON on the standard input, {"size": "small", "seconds": 0.2}, and gets a line back.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit, prange

from nanonet_kernels.cpu.threads import split

Array = Any
Layers = list[tuple[Array, Array]]
SIZES = {"small": (32, (784, 128, 64, 10)), "large": (256, (512, 512, 512, 10))}  # batch, widths of the layers
WORTH = 1 << 16  # elements that the library gives to a thread of their own (`nanonet_kernels.cpu.launch`)
RATE = np.float32(1e-5)  # the sum over the batch is large, and many steps must not lead to overflow
FLAGS: Any = {"error_model": "numpy", "cache": True, "nogil": True}
_ZERO = np.float32(0)


def bias_relu(x: Array, b: Array) -> None:
    """x ← max(x + b, 0) for rows x."""
    for i in prange(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = max(x[i, j] + b[j], _ZERO)


def relu_backward(y: Array, dy: Array) -> None:
    """dy ← 0 where y is 0."""
    for i in prange(y.shape[0]):
        for j in range(y.shape[1]):
            dy[i, j] = dy[i, j] if y[i, j] > _ZERO else _ZERO


def update(p: Array, g: Array) -> None:
    """p ← p - rate · g for rows p."""
    for i in prange(p.shape[0]):
        for j in range(p.shape[1]):
            p[i, j] -= RATE * g[i, j]


class Step:
    """One step of gradient descent on squared error, for a network of linear layers with ReLU between them.

    `product(a, b, out)` multiplies, `run(kernel, rows, shared)` runs one of the three kernels above.
    """

    def __init__(self, size: str, product: Callable[..., Any], run: Callable[..., None]) -> None:
        self.product, self.run = product, run
        batch, widths = SIZES[size]
        rng = np.random.default_rng(0)
        self.layers = [
            (rng.standard_normal((n, m), np.float32) / np.float32(np.sqrt(n)), np.zeros((1, m), np.float32))
            for n, m in pairwise(widths)
        ]
        self.start = [(w.copy(), b.copy()) for w, b in self.layers]
        self.ys = [np.empty((batch, n), np.float32) for n in widths]  # the input, and what each layer gives
        self.dys = [np.empty_like(y) for y in self.ys]
        self.dws = [np.empty_like(w) for w, _ in self.layers]
        self.ys[0][...] = rng.standard_normal(self.ys[0].shape, np.float32)
        self.target = rng.standard_normal(self.ys[-1].shape, np.float32)

    def __call__(self) -> None:
        last = len(self.layers) - 1
        for i, (w, b) in enumerate(self.layers):
            self.product(self.ys[i], w, self.ys[i + 1])
            if i < last:
                self.run(bias_relu, (self.ys[i + 1],), (b[0],))
            else:
                self.ys[-1] += b
        np.subtract(self.ys[-1], self.target, out=self.dys[-1])
        for i in range(last, -1, -1):
            w, b = self.layers[i]
            self.product(self.ys[i].T, self.dys[i + 1], self.dws[i])
            if i:
                self.product(self.dys[i + 1], w.T, self.dys[i])
                self.run(relu_backward, (self.ys[i], self.dys[i]), ())
            self.run(update, (w, self.dws[i]), ())
            b -= RATE * self.dys[i + 1].sum(axis=0)

    def state(self) -> float:
        """A number in which the change of every parameter counts, with another weight in each place."""
        pairs = zip(self.layers, self.start, strict=True)
        changes = [p - p0 for layer, start in pairs for p, p0 in zip(layer, start, strict=True)]
        return float(sum(np.cos(np.arange(change.size)) @ change.reshape(-1) for change in changes) / RATE)


def products(kind: str) -> Callable[..., Any]:
    """blas: NumPy's, on the threads of its BLAS; pool: ours; parts: NumPy's, each part on one thread of our pool."""
    if kind == "pool":
        from nanonet_kernels.cpu.matmul import matmul

        return matmul
    if kind == "parts":

        def in_parts(a: Array, b: Array, out: Array) -> None:
            least = max(1, (1 << 21) // (a.shape[1] * b.shape[1]))
            split(a.shape[0], least, lambda i, j: np.matmul(a[i:j], b, out=out[i:j]))

        return in_parts
    return lambda a, b, out: np.matmul(a, b, out=out)


def runner(kind: str) -> Callable[..., None]:
    """one: in the calling thread; pool: on our pool where it is worth it; all: always on it; numba: its own threads."""
    parallel = kind == "numba"
    compiled: Any = {}
    for kernel in (bias_relu, relu_backward, update):
        copy = FunctionType(kernel.__code__, kernel.__globals__, kernel.__name__)
        if parallel:  # another name, since Numba's cache of machine code does not tell the two apart
            copy.__qualname__ += "_in_parallel"
        compiled[kernel] = njit(parallel=parallel, **FLAGS)(copy)
    if kind in ("one", "numba"):
        return lambda kernel, rows, shared: compiled[kernel](*rows, *shared)

    def on_pool(kernel: Callable[..., None], rows: tuple[Array, ...], shared: tuple[Array, ...]) -> None:
        n = rows[0].shape[0]
        least = max(1, WORTH // rows[0].shape[1]) if kind == "pool" else 1
        if n < 2 * least:
            compiled[kernel](*rows, *shared)
        else:
            split(n, least, lambda i, j: compiled[kernel](*[x[i:j] for x in rows], *shared))

    return on_pool


def reference(size: str, steps: int) -> float:
    """The state after so many steps, with nothing but NumPy."""

    def plain(kernel: Callable[..., None], rows: tuple[Array, ...], shared: tuple[Array, ...]) -> None:
        if kernel is bias_relu:
            np.maximum(rows[0] + shared[0], 0, out=rows[0])
        elif kernel is relu_backward:
            rows[1][rows[0] <= 0] = 0
        else:
            rows[0][...] -= RATE * rows[1]

    step = Step(size, products("blas"), plain)
    for _ in range(steps):
        step()
    return step.state()


def serve(product: str, kernels: str, blas_threads: int) -> None:
    """Answer the parent until it closes the pipe."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(blas_threads or None, user_api="blas"):
        steps = {size: Step(size, products(product), runner(kernels)) for size in SIZES}
        for line in sys.stdin:
            ask = json.loads(line)
            step = steps[ask["size"]]
            if "check" in ask:
                for _ in range(ask["check"]):
                    step()
                answer: Any = step.state()
            else:
                answer, end = [], time.perf_counter() + ask["seconds"]
                while time.perf_counter() < end or len(answer) < 3:
                    start = time.perf_counter()
                    step()
                    answer.append(time.perf_counter() - start)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
