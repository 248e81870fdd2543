"""What a convolution needs after its matrix products: windows put together to an image (col2im), and the bias.

x (N, C, H, W); columns (C, KH, KW, N, OH, OW), the matrix (C·KH·KW, N·OH·OW) that a product gave. All contiguous
float32. stride, dilation and start (of the first window: minus the padding) are pairs. Each kernel is for the channels
[first, last). The other way, windows as columns (im2col), is NumPy's: a strided copy with long rows is fast there.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import INLINE, LOOP

_ZERO = np.float32(0)


@njit(**INLINE)
def _reached(offset, stride, size, out):
    """The windows [low, high) whose element at window · stride + offset is inside [0, size)."""
    low = 0 if offset >= 0 else (stride - 1 - offset) // stride
    high = min(out, (size - 1 - offset) // stride + 1)
    return min(low, out), max(low, high)


@njit(**LOOP)
def fold_columns(columns, x, stride, dilation, start, first, last):
    """x[n, c, row stride + i dilation + start, …] = Σ columns[c, i, j, n, row, column], over what is not padding.

    A plane of x stays in the first cache until all of its windows are added. With a stride of 1 the elements of a row
    lie side by side in both arrays, and eight are added at a time.
    """
    _, kh, kw, samples, rows, width = columns.shape
    for n in range(samples):
        for c in range(first, last):
            x[n, c] = _ZERO
            for i in range(kh):
                for j in range(kw):
                    offset = j * dilation[1] + start[1]
                    low, high = _reached(offset, stride[1], x.shape[3], width)
                    for row in range(rows):
                        h = row * stride[0] + i * dilation[0] + start[0]
                        if h < 0 or h >= x.shape[2] or low >= high:
                            continue
                        given = columns[c, i, j, n, row, low:high]
                        line = x[n, c, h, low * stride[1] + offset :]
                        if stride[1] == 1:
                            for k in range(given.size):
                                line[k] += given[k]
                        else:
                            for k in range(given.size):
                                line[k * stride[1]] += given[k]


@njit(**LOOP)
def add_bias(product, b, y, first, last):
    """y (N, O, L) = product (O, N, L) with its first axes exchanged, plus b (O)."""
    for n in range(y.shape[0]):
        for o in range(first, last):
            for k in range(y.shape[2]):
                y[n, o, k] = product[o, n, k] + b[o]
