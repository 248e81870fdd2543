"""What a convolution needs around its matrix product: windows as columns (im2col), and back (col2im), and the bias.

x (N, C, H, W); columns (C, KH, KW, N, OH, OW), so that as a matrix (C·KH·KW, N·OH·OW) they stand ready for the product.
All contiguous float32. kernel is the columns'; stride, dilation and start (of the first window: minus the padding) are
pairs. Each kernel works on the channels [first, last). Along a row the elements lie side by side, with a stride of 1 in
the columns and in x: vector copies and additions, where NumPy's strided views go element by element.
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
def gather_columns(x, columns, stride, dilation, start, first, last):
    """columns[c, i, j, n, row, column] = x[n, c, row stride + i dilation + start, …], 0 in the padding."""
    _, kh, kw, samples, rows, width = columns.shape
    for c in range(first, last):
        for i in range(kh):
            for j in range(kw):
                offset = j * dilation[1] + start[1]
                low, high = _reached(offset, stride[1], x.shape[3], width)
                for n in range(samples):
                    for row in range(rows):
                        h = row * stride[0] + i * dilation[0] + start[0]
                        out = columns[c, i, j, n, row]
                        if h < 0 or h >= x.shape[2] or low >= high:
                            out[:] = _ZERO
                            continue
                        out[:low] = _ZERO
                        out[high:] = _ZERO
                        line = x[n, c, h, low * stride[1] + offset :]
                        if stride[1] == 1:
                            for k in range(high - low):
                                out[low + k] = line[k]
                        else:
                            for k in range(high - low):
                                out[low + k] = line[k * stride[1]]


@njit(**LOOP)
def fold_columns(columns, x, stride, dilation, start, first, last):
    """The transpose: x[n, c, row stride + i dilation + start, …] = Σ columns[c, i, j, n, row, column]."""
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
