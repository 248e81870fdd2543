"""Layer normalisation over rows, forward and backward: threadIdx.x walks along a row of contiguous numbers.

Mean first, variance of what is left second, so that nothing cancels (nanonet.ops.norm). The row is read once from
memory and then from the cache. The gradients of w and b are sums over the columns, both in one pass over dy.
"""

from __future__ import annotations

import math
from typing import Any

from nanonet_kernels.cuda import reduce
from nanonet_kernels.cuda.device import MOST_THREADS, column_sum, cuda, precisions, row_sum
from nanonet_kernels.cuda.launch import plan
from nanonet_kernels.cuda.share import make_squares, make_total

Array = Any
BLOCK = (32, 8)


def _layer_norm(T):
    one, total, squares = T(1), make_total(T), make_squares(T)

    def layer_norm(x, w, b, y, xhat, r, rows, columns, eps, has_w, has_b):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:
            row = first + cuda.threadIdx.y
            start, count = row * columns, columns if row < rows else 0
            begin, end = start + cuda.threadIdx.x, start + count
            mean = row_sum(shared, total(x, begin, end, width)) / T(columns)
            var = row_sum(shared, squares(x, mean, begin, end, width)) / T(columns)
            rstd = one / T(math.sqrt(var + eps))
            j = cuda.threadIdx.x
            while j < count:
                h = (x[start + j] - mean) * rstd
                xhat[start + j] = h
                v = h * w[j] if has_w else h
                y[start + j] = v + b[j] if has_b else v
                j += width
            if cuda.threadIdx.x == 0 and row < rows:
                r[row] = rstd
            first += cuda.gridDim.x * height

    return layer_norm


def _layer_norm_backward(T):
    zero = T(0)

    def layer_norm_backward(xhat, r, w, dy, dx, rows, columns, has_w):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:
            row = first + cuda.threadIdx.y
            start, count = row * columns, columns if row < rows else 0
            sum_g, sum_gh = zero, zero
            j = cuda.threadIdx.x
            while j < count:
                g = dy[start + j] * w[j] if has_w else dy[start + j]
                sum_g += g
                sum_gh += g * xhat[start + j]
                j += width
            mean_g = row_sum(shared, sum_g) / T(columns)
            mean_gh = row_sum(shared, sum_gh) / T(columns)
            j = cuda.threadIdx.x
            while j < count:
                g = dy[start + j] * w[j] if has_w else dy[start + j]
                dx[start + j] = (g - mean_g - xhat[start + j] * mean_gh) * r[row]
                j += width
            first += cuda.gridDim.x * height

    return layer_norm_backward


def _affine_gradients(T):
    zero = T(0)

    def affine_gradients(dy, xhat, dw, db, rows, columns):
        """Each block adds its share of the rows and writes row blockIdx.y of dw and db."""
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * width
        while first < columns:
            column, sum_gh, sum_g = first + cuda.threadIdx.x, zero, zero
            row = cuda.blockIdx.y * height + cuda.threadIdx.y if column < columns else rows
            while row < rows:
                g = dy[row * columns + column]
                sum_g += g
                sum_gh += g * xhat[row * columns + column]
                row += cuda.gridDim.y * height
            sum_g = column_sum(shared, sum_g)
            sum_gh = column_sum(shared, sum_gh)
            if cuda.threadIdx.y == 0 and column < columns:
                dw[cuda.blockIdx.y * columns + column] = sum_gh
                db[cuda.blockIdx.y * columns + column] = sum_g
            first += cuda.gridDim.x * width

    return affine_gradients


_forwards = precisions(_layer_norm, "T* T* T* T* T* T* i8 i8 T i4 i4", block=BLOCK)
_backwards = precisions(_layer_norm_backward, "T* T* T* T* T* i8 i8 i4", block=BLOCK)
_affine = precisions(_affine_gradients, "T* T* T* T* i8 i8", block=BLOCK)


def layer_norm(
    x: Array,
    w: Array | None,
    b: Array | None,
    y: Array,
    xhat: Array,
    r: Array,
    columns: int,
    eps: float,
    stream: Any = None,
) -> None:
    """xhat = (x - mean) r, r = 1/√(var + eps) of each row of `columns` numbers;  y = xhat ⊙ w + b."""
    if x.size:
        grid, block = plan("rows", r.size, columns)
        arrays = (x, x if w is None else w, x if b is None else b, y, xhat, r)
        numbers = (r.size, columns, eps, w is not None, b is not None)
        _forwards[x.dtype.char](grid, *arrays, *numbers, block=block, stream=stream)


def layer_norm_backward(
    xhat: Array, r: Array, w: Array | None, dy: Array, dx: Array, columns: int, stream: Any = None
) -> None:
    """dx = r (g - mean(g) - xhat mean(g ⊙ xhat)), g = dy ⊙ w."""
    if dx.size:
        grid, block = plan("rows", r.size, columns)
        arrays = (xhat, r, xhat if w is None else w, dy, dx)
        _backwards[dy.dtype.char](grid, *arrays, r.size, columns, w is not None, block=block, stream=stream)


def affine_gradients(
    dy: Array,
    xhat: Array,
    dw: Array,
    db: Array,
    work_w: Array | None,
    work_b: Array | None,
    rows: int,
    stream: Any = None,
) -> None:
    """dw = Σ dy ⊙ xhat and db = Σ dy over the rows. work_w, work_b: reduce.workspace_columns(rows, columns) each."""
    columns = dw.size
    if not columns:
        return
    grid, block = plan("columns", rows, columns)
    kernel = _affine[dy.dtype.char]
    if grid[1] == 1:
        kernel(grid, dy, xhat, dw, db, rows, columns, block=block, stream=stream)
        return
    kernel(grid, dy, xhat, work_w, work_b, rows, columns, block=block, stream=stream)
    reduce.fold_columns(work_w, dw, grid[1], stream=stream)
    reduce.fold_columns(work_b, db, grid[1], stream=stream)
