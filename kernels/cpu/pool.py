"""Max pooling of planes, forward and backward. x (P, H, W), y and place (P, OH, OW): contiguous, float32 and int64.

One pass, window by window, without a branch on the data, which the processor would predict wrongly half of the time: an
element and its place become one integer, and the largest of these is found by conditional moves. The textbook rule goes
through all windows once for each element of the kernel and makes six arrays of y's size each time.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import INLINE, LOOP
from nanonet_kernels.cpu.softmax import order_key

_ZERO = np.float32(0)
_NO_KEY = np.int64(-(2**63))
_LOW_BITS = np.int64(0xFFFFFFFF)


@njit(**LOOP)
def _inside(size, out, kernel, stride, dilation, start):
    """For each window along one axis: where its first element that is no padding lies, and how many such it has."""
    begin, count = np.empty(out, np.int64), np.empty(out, np.int64)
    for i in range(out):
        at = i * stride + start
        first = 0 if at >= 0 else (dilation - 1 - at) // dilation
        begin[i] = at + first * dilation
        count[i] = min(kernel, (size - 1 - at) // dilation + 1) - first
    return begin, count


@njit(**INLINE)
def _key(x, place):
    """Larger where x is, and of equal ones (0 and -0 too) larger where the place is smaller."""
    return (np.int64(order_key(x + _ZERO)) << 32) | (_LOW_BITS - place)


@njit(**LOOP)
def _last_nan(plane, width, top, left, rows, columns, dilation):
    """The place of a window's last NaN, or -1."""
    found = -1
    for i in range(rows):
        for j in range(columns):
            place = (top + i * dilation[0]) * width + left + j * dilation[1]
            if np.isnan(plane[place]):
                found = place
    return found


@njit(**LOOP)
def max_pool(x, y, place, kernel, stride, dilation, start):
    """y = the largest element of each window, place = where it is in the plane, row by row.

    kernel, stride, dilation and start (of the first window: minus the padding) are pairs for H and W. Of equal elements
    the first counts; NaN is larger than everything, and the last one counts. Padding is -∞.
    """
    planes, height, width = x.shape
    tops, rows = _inside(height, y.shape[1], kernel[0], stride[0], dilation[0], start[0])
    lefts, columns = _inside(width, y.shape[2], kernel[1], stride[1], dilation[1], start[1])
    for p in range(planes):
        plane = x[p].reshape(-1)
        for row in range(y.shape[1]):
            for column in range(y.shape[2]):
                best = _NO_KEY
                total = _ZERO  # NaN if an element is, or if there are both infinities
                line = tops[row] * width + lefts[column]
                for _ in range(rows[row]):
                    at = line
                    for _ in range(columns[column]):
                        best = max(best, _key(plane[at], at))
                        total += plane[at]
                        at += dilation[1]
                    line += dilation[0] * width
                at = _LOW_BITS - (best & _LOW_BITS)
                if total != total:
                    nan = _last_nan(plane, width, tops[row], lefts[column], rows[row], columns[column], dilation)
                    at = nan if nan >= 0 else at
                y[p, row, column] = plane[at]
                place[p, row, column] = at


@njit(**LOOP)
def max_pool_2x2(x, y, place, stride):
    """As `max_pool`, for windows of 2 × 2 that all lie inside x: without loops whose length must be predicted."""
    planes, _, width = x.shape
    for p in range(planes):
        plane = x[p].reshape(-1)
        for row in range(y.shape[1]):
            for column in range(y.shape[2]):
                a = row * stride[0] * width + column * stride[1]
                c = a + width
                above = max(_key(plane[a], a), _key(plane[a + 1], a + 1))
                below = max(_key(plane[c], c), _key(plane[c + 1], c + 1))
                at = _LOW_BITS - (max(above, below) & _LOW_BITS)
                total = plane[a] + plane[a + 1] + plane[c] + plane[c + 1]
                if total != total:
                    nan = _last_nan(plane, width, row * stride[0], column * stride[1], 2, 2, (1, 1))
                    at = nan if nan >= 0 else at
                y[p, row, column] = plane[at]
                place[p, row, column] = at


@njit(**LOOP)
def max_pool_backward(place, dy, dx):
    """dx (P, H·W) = dy (P, OH·OW), added up at the places of the maxima; 0 elsewhere."""
    for p in range(dx.shape[0]):
        for k in range(dx.shape[1]):
            dx[p, k] = _ZERO
        for k in range(dy.shape[1]):
            dx[p, place[p, k]] += dy[p, k]
