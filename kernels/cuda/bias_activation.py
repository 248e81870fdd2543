"""A bias and an activation in one pass, and its gradient.

y = f(x + b) with b (C) along the columns of x (rows, C), or along the channels of x (N, C, M). Two elementwise kernels
would write and read the array once more. The gradient needs x and b, not their sum: `gelu_backward(x, b, dy, dx)` gives
dx = dy f'(x + b); db is then reduce.sum_columns(dx), or the sum over samples and positions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nanonet_kernels.cuda import activation, rectifier
from nanonet_kernels.cuda.device import cuda, formula, precisions
from nanonet_kernels.cuda.elementwise import Elementwise
from nanonet_kernels.cuda.launch import plan

Array = Any
BLOCK = (32, 8)


class Biased:
    """y = f(x + b). Called as `relu(x, b, y, positions=1, stream=None)`; positions = M for x (N, C, M)."""

    def __init__(self, of: Elementwise) -> None:
        def kernel(T: Any) -> Callable[..., None]:
            return _walk(formula(of.make(T)))

        kernel.__module__, kernel.__name__ = __name__, of.__name__
        self.__doc__ = f"y = f(x + b), where f is {of.__name__}: {of.__doc__}"
        self.kernels = precisions(kernel, "T* T* T* i8 i8 i8", block=BLOCK)

    def __call__(self, x: Array, b: Array, y: Array, positions: int = 1, stream: Any = None) -> None:
        if x.size:
            rows, columns, channels = _layout(x.size, b.size, positions)
            grid, block = plan("rows", rows, columns)
            self.kernels[x.dtype.char](grid, x, b, y, rows, columns, channels, block=block, stream=stream)


class BiasedBackward:
    """dx = dy f'(x + b). Called as `relu_backward(x, b, dy, dx, positions=1, stream=None)`.

    Where f' is known from y = f(x + b), as for relu, `f` says how to compute y again.
    """

    def __init__(self, slope: Elementwise, f: Elementwise | None = None) -> None:
        def kernel(T: Any) -> Callable[..., None]:
            return _walk_back(formula(f.make(T)) if f else formula(_same), formula(slope.make(T)))

        kernel.__module__, kernel.__name__ = __name__, slope.__name__
        self.__doc__ = f"The gradient of f(x + b): {slope.__doc__}"
        self.kernels = precisions(kernel, "T* T* T* T* i8 i8 i8", block=BLOCK)

    def __call__(self, x: Array, b: Array, dy: Array, dx: Array, positions: int = 1, stream: Any = None) -> None:
        if x.size:
            rows, columns, channels = _layout(x.size, b.size, positions)
            grid, block = plan("rows", rows, columns)
            self.kernels[x.dtype.char](grid, x, b, dy, dx, rows, columns, channels, block=block, stream=stream)


def _layout(size: int, channels: int, positions: int) -> tuple[int, int, int]:
    """(rows, columns, channels): rows of C numbers with the bias along them, channels = 0; or rows of M positions."""
    return (size // channels, channels, 0) if positions == 1 else (size // positions, positions, channels)


def _walk(f):
    def walk(x, b, y, rows, columns, channels):
        step = cuda.blockDim.x
        row = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
        while row < rows:
            i, end = row * columns + cuda.threadIdx.x, (row + 1) * columns
            # of the bias: the element's column, or the row's channel and then always that one
            k, along = (row % channels, 0) if channels else (cuda.threadIdx.x, 1)
            while i + 3 * step < end:  # four loads before the first store: see elementwise
                x0, x1, x2, x3 = x[i], x[i + step], x[i + 2 * step], x[i + 3 * step]
                b0, b1, b2, b3 = b[k], b[k + along * step], b[k + 2 * along * step], b[k + 3 * along * step]
                y[i], y[i + step] = f(x0 + b0), f(x1 + b1)
                y[i + 2 * step], y[i + 3 * step] = f(x2 + b2), f(x3 + b3)
                i += 4 * step
                k += 4 * along * step
            for _ in range(3):
                if i < end:
                    y[i] = f(x[i] + b[k])
                i += step
                k += along * step
            row += cuda.gridDim.x * cuda.blockDim.y

    return walk


def _walk_back(f, slope):
    def walk_back(x, b, dy, dx, rows, columns, channels):
        step = cuda.blockDim.x
        row = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
        while row < rows:
            i, end = row * columns + cuda.threadIdx.x, (row + 1) * columns
            k, along = (row % channels, 0) if channels else (cuda.threadIdx.x, 1)
            while i + step < end:
                x0, x1, g0, g1, b0, b1 = x[i], x[i + step], dy[i], dy[i + step], b[k], b[k + along * step]
                dx[i], dx[i + step] = slope(f(x0 + b0), g0), slope(f(x1 + b1), g1)
                i += 2 * step
                k += 2 * along * step
            if i < end:
                dx[i] = slope(f(x[i] + b[k]), dy[i])
            row += cuda.gridDim.x * cuda.blockDim.y

    return walk_back


def _same(x):
    return x


relu, relu_backward = Biased(rectifier.relu), BiasedBackward(rectifier.relu_backward, rectifier.relu)
sigmoid, sigmoid_backward = Biased(activation.sigmoid), BiasedBackward(activation.sigmoid_backward, activation.sigmoid)
tanh, tanh_backward = Biased(activation.tanh), BiasedBackward(activation.tanh_backward, activation.tanh)
gelu, gelu_backward = Biased(activation.gelu), BiasedBackward(activation.gelu_backward)
gelu_tanh, gelu_tanh_backward = Biased(activation.gelu_tanh), BiasedBackward(activation.gelu_tanh_backward)
silu, silu_backward = Biased(activation.silu), BiasedBackward(activation.silu_backward)
