"""Element by element: each thread takes one element, then the one a whole grid further on.

Neighbouring threads take neighbouring elements, so a warp reads and writes whole 128-byte lines. The arithmetic is a
formula, given as a device function; an `Elementwise` turns it into kernels for float32 and float64 and launches them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nanonet_kernels.cuda.device import cuda, formula, precisions
from nanonet_kernels.cuda.launch import plan

Array = Any


class Elementwise:
    """out[i] = f(one or two inputs at i, numbers), for contiguous float32 or float64 arrays of one size.

    `make(T)` returns f at precision T. Called as `f(*inputs, out, *numbers, stream=None)`; `out` may be an input.
    """

    def __init__(self, make: Callable[[Any], Callable[..., Any]], inputs: int = 1, numbers: int = 0) -> None:
        self.__doc__, self.__name__ = make.__doc__, make.__name__.strip("_")
        self.make, self.arrays = make, inputs + 1

        def kernel(T: Any) -> Callable[..., None]:
            return _WALKS[inputs, numbers](formula(make(T)))

        kernel.__module__, kernel.__name__ = make.__module__, make.__name__
        self.kernels = precisions(kernel, " ".join(["T*"] * (inputs + 1) + ["i8"] + ["T"] * numbers))

    def __call__(self, *arguments: Any, stream: Any = None) -> None:
        x = arguments[0]
        if x.size:
            grid, block = plan("elementwise", x.size)
            arrays, numbers = arguments[: self.arrays], arguments[self.arrays :]
            self.kernels[x.dtype.char](grid, *arrays, x.size, *numbers, block=block, stream=stream)


def _one(f):
    def walk(x, y, n):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            y[i] = f(x[i])
            i += step

    return walk


def _one_a(f):
    def walk(x, y, n, a):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            y[i] = f(x[i], a)
            i += step

    return walk


def _one_ab(f):
    def walk(x, y, n, a, b):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            y[i] = f(x[i], a, b)
            i += step

    return walk


def _one_abc(f):
    def walk(x, y, n, a, b, c):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            y[i] = f(x[i], a, b, c)
            i += step

    return walk


def _two(f):
    def walk(x, dy, dx, n):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            dx[i] = f(x[i], dy[i])
            i += step

    return walk


def _two_a(f):
    def walk(x, dy, dx, n, a):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            dx[i] = f(x[i], dy[i], a)
            i += step

    return walk


def _two_ab(f):
    def walk(x, dy, dx, n, a, b):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            dx[i] = f(x[i], dy[i], a, b)
            i += step

    return walk


def _two_abc(f):
    def walk(x, dy, dx, n, a, b, c):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i < n:
            dx[i] = f(x[i], dy[i], a, b, c)
            i += step

    return walk


# By the number of inputs and of further numbers: Numba compiles no function with a variable number of arguments.
_WALKS = {
    (1, 0): _one, (1, 1): _one_a, (1, 2): _one_ab, (1, 3): _one_abc,
    (2, 0): _two, (2, 1): _two_a, (2, 2): _two_ab, (2, 3): _two_abc,
}  # fmt: skip
