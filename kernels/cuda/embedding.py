"""Rows looked up by label, and their gradients added back, without atomics.

labels are int64 in [0, V). The sum of the gradients is deterministic: a thread owns one column of every `groups`-th row
of dw, walks through all labels in order, and adds where the label is one of its own. All threads of a block look at the
same label at the same time, so the labels are read once per block and broadcast. A label out of range is passed over
when added; looked up, it gives NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_kernels.cuda.device import cuda, precisions
from nanonet_kernels.cuda.launch import plan

Array = Any
BLOCK = (32, 8)


def _gather(T):
    nan = T(np.nan)

    def gather(labels, w, y, rows, columns, vocabulary):
        row = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
        while row < rows:
            label, j = labels[row], cuda.threadIdx.x
            known = label >= 0 and label < vocabulary
            while j < columns:
                y[row * columns + j] = w[label * columns + j] if known else nan
                j += cuda.blockDim.x
            row += cuda.gridDim.x * cuda.blockDim.y

    return gather


def _scatter_add(T):
    zero = T(0)

    def scatter_add(labels, dy, dw, rows, columns, vocabulary, padding):
        """Group blockIdx.y · height + threadIdx.y owns the rows of dw whose number leaves that remainder."""
        group, groups = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y, 1
        while 2 * groups <= cuda.gridDim.y * cuda.blockDim.y:  # a power of two, so that & gives the remainder
            groups *= 2
        j = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x if group < groups else columns
        while j < columns:
            v = group
            while v < vocabulary:
                dw[v * columns + j] = zero
                v += groups
            for i in range(rows):
                label = labels[i]
                if label & (groups - 1) == group and label >= 0 and label < vocabulary and label != padding:
                    dw[label * columns + j] += dy[i * columns + j]
            j += cuda.gridDim.x * cuda.blockDim.x

    return scatter_add


_gathers = precisions(_gather, "i8* T* T* i8 i8 i8", block=BLOCK)
_scatters = precisions(_scatter_add, "i8* T* T* i8 i8 i8 i8", block=BLOCK)


def gather(labels: Array, w: Array, y: Array, stream: Any = None) -> None:
    """y (…, D) = the rows `labels` of w (V, D)."""
    vocabulary, columns = w.shape
    if y.size:
        grid, block = plan("rows", labels.size, columns)
        _gathers[w.dtype.char](grid, labels, w, y, labels.size, columns, vocabulary, block=block, stream=stream)


def scatter_add(labels: Array, dy: Array, dw: Array, padding_idx: int | None = None, stream: Any = None) -> None:
    """dw (V, D) = zeros, then dw[label] += dy for every label in order; none for padding_idx."""
    vocabulary, columns = dw.shape
    if dw.size:
        grid, block = plan("scatter", vocabulary, columns)
        padding = -1 if padding_idx is None else padding_idx
        numbers = (labels.size, columns, vocabulary, padding)
        _scatters[dw.dtype.char](grid, labels, dy, dw, *numbers, block=block, stream=stream)
