"""RMS normalisation over rows, forward and backward: threadIdx.x walks along a row of contiguous numbers.

The gradient of w is layer_norm.affine_gradients. The formulas are those of nanonet.ops.norm.
"""

from __future__ import annotations

import math
from typing import Any

from nanonet_kernels.cuda.device import MOST_THREADS, cuda, precisions, row_sum
from nanonet_kernels.cuda.launch import plan
from nanonet_kernels.cuda.share import make_squares

Array = Any
BLOCK = (32, 8)


def _rms_norm(T):
    zero, one, squares = T(0), T(1), make_squares(T)

    def rms_norm(x, w, y, xhat, r, rows, columns, eps, has_w):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:
            row = first + cuda.threadIdx.y
            start, count = row * columns, columns if row < rows else 0
            square = row_sum(shared, squares(x, zero, start + cuda.threadIdx.x, start + count, width)) / T(columns)
            scale = one / T(math.sqrt(square + eps))
            j = cuda.threadIdx.x
            while j < count:
                h = x[start + j] * scale
                xhat[start + j] = h
                y[start + j] = h * w[j] if has_w else h
                j += width
            if cuda.threadIdx.x == 0 and row < rows:
                r[row] = scale
            first += cuda.gridDim.x * height

    return rms_norm


def _rms_norm_backward(T):
    zero = T(0)

    def rms_norm_backward(xhat, r, w, dy, dx, rows, columns, has_w):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:
            row = first + cuda.threadIdx.y
            start, count = row * columns, columns if row < rows else 0
            sum_gh = zero
            j = cuda.threadIdx.x
            while j < count:
                g = dy[start + j] * w[j] if has_w else dy[start + j]
                sum_gh += g * xhat[start + j]
                j += width
            mean_gh = row_sum(shared, sum_gh) / T(columns)
            j = cuda.threadIdx.x
            while j < count:
                g = dy[start + j] * w[j] if has_w else dy[start + j]
                dx[start + j] = (g - xhat[start + j] * mean_gh) * r[row]
                j += width
            first += cuda.gridDim.x * height

    return rms_norm_backward


_forwards = precisions(_rms_norm, "T* T* T* T* T* i8 i8 T i4", block=BLOCK)
_backwards = precisions(_rms_norm_backward, "T* T* T* T* T* i8 i8 i4", block=BLOCK)


def rms_norm(
    x: Array, w: Array | None, y: Array, xhat: Array, r: Array, columns: int, eps: float, stream: Any = None
) -> None:
    """xhat = x r, r = 1/√(mean(x²) + eps) of each row of `columns` numbers;  y = xhat ⊙ w."""
    if x.size:
        grid, block = plan("rows", r.size, columns)
        arrays = (x, x if w is None else w, y, xhat, r)
        _forwards[x.dtype.char](grid, *arrays, r.size, columns, eps, w is not None, block=block, stream=stream)


def rms_norm_backward(
    xhat: Array, r: Array, w: Array | None, dy: Array, dx: Array, columns: int, stream: Any = None
) -> None:
    """dx = r (g - xhat mean(g ⊙ xhat)), g = dy ⊙ w."""
    if dx.size:
        grid, block = plan("rows", r.size, columns)
        arrays = (xhat, r, xhat if w is None else w, dy, dx)
        _backwards[dy.dtype.char](grid, *arrays, r.size, columns, w is not None, block=block, stream=stream)
