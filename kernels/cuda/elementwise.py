"""Element by element: each thread takes one element, then the one a whole grid further on.

Neighbouring threads take neighbouring elements, so a warp reads and writes whole 128-byte lines. Four elements are
loaded before the first result is stored: a store could change what the next load reads, as far as the compiler knows,
so it would wait for each element in turn, and too few loads would be on their way to fill the memory's bandwidth.

The arithmetic is a formula, given as a device function; an `Elementwise` turns it into kernels for float32 and float64
and launches them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nanonet_kernels.cuda.device import cuda, formula, precisions
from nanonet_kernels.cuda.launch import plan

Array = Any
MOST_NUMBERS = 3


class Elementwise:
    """out[i] = f(one or two inputs at i, numbers), for contiguous float32 or float64 arrays of one size.

    `make(T)` returns f at precision T. Called as `f(*inputs, out, *numbers, stream=None)`; `out` may be an input.
    """

    def __init__(self, make: Callable[[Any], Callable[..., Any]], inputs: int = 1, numbers: int = 0) -> None:
        self.__doc__, self.__name__ = make.__doc__, make.__name__.strip("_")
        self.make, self.arrays = make, inputs + 1

        self.padding = (0.0,) * (MOST_NUMBERS - numbers)

        def kernel(T: Any) -> Callable[..., None]:
            f = formula(make(T))
            if numbers < MOST_NUMBERS:
                f = formula(_PADDED[inputs, numbers](f))
            return _walk_one(f) if inputs == 1 else _walk_two(f)

        kernel.__module__, kernel.__name__ = make.__module__, make.__name__
        self.kernels = precisions(kernel, " ".join(["T*"] * (inputs + 1) + ["i8"] + ["T"] * MOST_NUMBERS))

    def __call__(self, *arguments: Any, stream: Any = None) -> None:
        x = arguments[0]
        if x.size:
            grid, block = plan("elementwise", x.size)
            arrays, numbers = arguments[: self.arrays], arguments[self.arrays :]
            self.kernels[x.dtype.char](grid, *arrays, x.size, *numbers, *self.padding, block=block, stream=stream)


def _walk_one(f):
    def walk(x, y, n, a, b, c):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i + 3 * step < n:
            j, k, m = i + step, i + 2 * step, i + 3 * step
            x0, x1, x2, x3 = x[i], x[j], x[k], x[m]
            y[i], y[j], y[k], y[m] = f(x0, a, b, c), f(x1, a, b, c), f(x2, a, b, c), f(x3, a, b, c)
            i += 4 * step
        for _ in range(3):  # what is left
            if i < n:
                y[i] = f(x[i], a, b, c)
            i += step

    return walk


def _walk_two(f):
    def walk(x, dy, dx, n, a, b, c):
        i, step = cuda.grid(1), cuda.gridsize(1)
        while i + 3 * step < n:
            j, k, m = i + step, i + 2 * step, i + 3 * step
            x0, x1, x2, x3 = x[i], x[j], x[k], x[m]
            g0, g1, g2, g3 = dy[i], dy[j], dy[k], dy[m]
            dx[i], dx[j], dx[k], dx[m] = f(x0, g0, a, b, c), f(x1, g1, a, b, c), f(x2, g2, a, b, c), f(x3, g3, a, b, c)
            i += 4 * step
        for _ in range(3):
            if i < n:
                dx[i] = f(x[i], dy[i], a, b, c)
            i += step

    return walk


# Numba compiles no function with a variable number of arguments: a formula of fewer numbers gets some that it ignores.
_PADDED = {
    (1, 0): lambda f: lambda x, a, b, c: f(x),
    (1, 1): lambda f: lambda x, a, b, c: f(x, a),
    (1, 2): lambda f: lambda x, a, b, c: f(x, a, b),
    (2, 0): lambda f: lambda x, dy, a, b, c: f(x, dy),
    (2, 1): lambda f: lambda x, dy, a, b, c: f(x, dy, a),
    (2, 2): lambda f: lambda x, dy, a, b, c: f(x, dy, a, b),
}
