"""Sums, means and maxima: of all elements, of rows, of columns.

All are deterministic: which numbers are added in which order comes from the shape and the launch table, and nothing is
added by atomics. Where one launch cannot fill the device with whole rows or columns, a first one leaves a few partial
results in `work` and a second one adds those. Sizes of `work` (numbers of the arrays' dtype) come from
`workspace_total` and `workspace_columns`; 0 means that none is needed.
"""

from __future__ import annotations

from typing import Any

from nanonet_kernels.cuda.device import (
    MOST_THREADS,
    Precisions,
    block_max,
    block_sum,
    column_sum,
    cuda,
    precisions,
    row_max,
    row_start,
    row_sum,
)
from nanonet_kernels.cuda.launch import plan
from nanonet_kernels.cuda.share import make_largest, make_total

Array = Any


def _total_sum(T):
    share = make_total(T)

    def total_sum(x, y, n, scale):
        shared = cuda.shared.array(MOST_THREADS, T)
        total = block_sum(shared, share(x, cuda.grid(1), n, cuda.gridsize(1)))
        if cuda.threadIdx.x == 0:
            y[cuda.blockIdx.x] = total * scale

    return total_sum


def _total_max(T):
    share = make_largest(T)

    def total_max(x, y, n):
        shared = cuda.shared.array(MOST_THREADS, T)
        top = block_max(shared, share(x, cuda.grid(1), n, cuda.gridsize(1)))
        if cuda.threadIdx.x == 0:
            y[cuda.blockIdx.x] = top

    return total_max


def _rows_sum(T):
    share = make_total(T)

    def rows_sum(x, y, rows, columns, inner, scale):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:
            row = first + cuda.threadIdx.y
            start = row_start(row, columns, inner)
            end = start + columns * inner if row < rows else start
            total = row_sum(shared, share(x, start + cuda.threadIdx.x * inner, end, width * inner))
            if cuda.threadIdx.x == 0 and row < rows:
                y[row] = total * scale
            first += cuda.gridDim.x * height

    return rows_sum


def _rows_max(T):
    share = make_largest(T)

    def rows_max(x, y, rows, columns, inner):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * height
        while first < rows:
            row = first + cuda.threadIdx.y
            start = row_start(row, columns, inner)
            end = start + columns * inner if row < rows else start
            top = row_max(shared, share(x, start + cuda.threadIdx.x * inner, end, width * inner))
            if cuda.threadIdx.x == 0 and row < rows:
                y[row] = top
            first += cuda.gridDim.x * height

    return rows_max


def _columns_sum(T):
    share = make_total(T)

    def columns_sum(x, y, rows, columns, scale):
        """Each block adds its share of the rows and writes row blockIdx.y of y."""
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * width
        while first < columns:
            column = first + cuda.threadIdx.x
            begin = (cuda.blockIdx.y * height + cuda.threadIdx.y) * columns + column
            end = rows * columns if column < columns else 0
            total = column_sum(shared, share(x, begin, end, cuda.gridDim.y * height * columns))
            if cuda.threadIdx.y == 0 and column < columns:
                y[cuda.blockIdx.y * columns + column] = total * scale
            first += cuda.gridDim.x * width

    return columns_sum


_total_sums, _total_maxima = precisions(_total_sum, "T* T* i8 T"), precisions(_total_max, "T* T* i8")
_row_sums = precisions(_rows_sum, "T* T* i8 i8 i8 T", block=(32, 8))
_row_maxima = precisions(_rows_max, "T* T* i8 i8 i8", block=(32, 8))
_column_sums = precisions(_columns_sum, "T* T* i8 i8 T", block=(32, 8))


def workspace_total(n: int) -> int:
    """How many numbers of work a reduction of n elements needs."""
    blocks = plan("total", n)[0][0]
    return blocks if blocks > 1 else 0


def workspace_columns(rows: int, columns: int) -> int:
    """How many numbers of work a reduction of `rows` rows to one needs."""
    chunks = plan("columns", rows, columns)[0][1]
    return chunks * columns if chunks > 1 else 0


def total(x: Array, y: Array, work: Array | None, scale: float = 1.0, stream: Any = None) -> None:
    """y = scale · Σ x over all elements."""
    _two_passes(_total_sums, x, y, work, (scale,), (1.0,), stream)


def mean(x: Array, y: Array, work: Array | None, stream: Any = None) -> None:
    """y = Σ x / n over all n elements; the mean of nothing is NaN."""
    total(x, y, work, 1 / x.size if x.size else float("nan"), stream)


def maximum(x: Array, y: Array, work: Array | None, stream: Any = None) -> None:
    """y = the largest of all elements, NaN if there is one, -inf of nothing."""
    _two_passes(_total_maxima, x, y, work, (), (), stream)


def _two_passes(
    kernels: Precisions, x: Array, y: Array, work: Array | None, last: Any, first: Any, stream: Any
) -> None:
    kernel = kernels[x.dtype.char]
    (blocks, *_), block = plan("total", x.size)
    if blocks == 1:
        kernel(1, x, y, x.size, *last, block=block, stream=stream)
        return
    kernel(blocks, x, work, x.size, *first, block=block, stream=stream)
    kernel(1, work, y, blocks, *last, block=block, stream=stream)


def sum_rows(x: Array, y: Array, columns: int, inner: int = 1, scale: float = 1.0, stream: Any = None) -> None:
    """y = scale · Σ x along an axis of `columns` elements that lie `inner` apart (inner = 1: the last axis)."""
    if y.size:
        grid, block = plan("rows", y.size, columns, inner)
        _row_sums[x.dtype.char](grid, x, y, y.size, columns, inner, scale, block=block, stream=stream)


def max_rows(x: Array, y: Array, columns: int, inner: int = 1, stream: Any = None) -> None:
    """y = the largest x along the axis, NaN if there is one."""
    if y.size:
        grid, block = plan("rows", y.size, columns, inner)
        _row_maxima[x.dtype.char](grid, x, y, y.size, columns, inner, block=block, stream=stream)


def sum_columns(x: Array, y: Array, work: Array | None, rows: int, scale: float = 1.0, stream: Any = None) -> None:
    """y (C) = scale · Σ x (rows, C) over the rows: the gradient of a bias."""
    columns = y.size
    if not columns:
        return
    kernel = _column_sums[x.dtype.char]
    grid, block = plan("columns", rows, columns)
    if grid[1] == 1:
        kernel(grid, x, y, rows, columns, scale, block=block, stream=stream)
        return
    kernel(grid, x, work, rows, columns, 1.0, block=block, stream=stream)
    fold_columns(work, y, grid[1], scale, stream)


def fold_columns(work: Array, y: Array, chunks: int, scale: float = 1.0, stream: Any = None) -> None:
    """y = scale · the sum of the `chunks` rows that a first pass has left in work."""
    (across, _), block = plan("columns", chunks, y.size)
    _column_sums[y.dtype.char]((across, 1), work, y, chunks, y.size, scale, block=block, stream=stream)
