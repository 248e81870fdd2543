"""Max pooling of planes, forward and backward. x (P, H, W), y and place (P, OH, OW): contiguous, float32 and int64.

One pass: every window is read where it lies, its maximum and the place of it stay in registers. The textbook rule goes
through all windows once for each element of the kernel and makes six arrays of y's size each time.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nanonet_kernels.cpu.mathf import LOOP

_LOWEST = np.float32(-np.inf)


@njit(**LOOP)
def max_pool(x, y, place, kernel, stride, dilation, start):
    """y = the largest element of each window, place = where it is in the plane, row by row.

    kernel, stride, dilation and start (of the first window: minus the padding) are pairs for H and W. Of equal elements
    the first counts; NaN is larger than everything, and the last one counts. Padding is -∞.
    """
    planes, height, width = x.shape
    for p in range(planes):
        for row in range(y.shape[1]):
            top = row * stride[0] + start[0]
            first = 0 if top >= 0 else (dilation[0] - 1 - top) // dilation[0]  # the first one that is no padding
            last = min(kernel[0], (height - 1 - top) // dilation[0] + 1)
            for column in range(y.shape[2]):
                left = column * stride[1] + start[1]
                begin = 0 if left >= 0 else (dilation[1] - 1 - left) // dilation[1]
                end = min(kernel[1], (width - 1 - left) // dilation[1] + 1)
                best = _LOWEST
                at = (top + first * dilation[0]) * width + left + begin * dilation[1]
                for i in range(first, last):
                    h = top + i * dilation[0]
                    for j in range(begin, end):
                        w = left + j * dilation[1]
                        v = x[p, h, w]
                        better = v > best or v != v
                        best = v if better else best
                        at = h * width + w if better else at
                y[p, row, column] = best
                place[p, row, column] = at


@njit(**LOOP)
def max_pool_backward(place, dy, dx):
    """dx (P, H·W) = dy (P, OH·OW), added up at the places of the maxima; 0 elsewhere."""
    for p in range(dx.shape[0]):
        for k in range(dx.shape[1]):
            dx[p, k] = np.float32(0)
        for k in range(dy.shape[1]):
            dx[p, place[p, k]] += dy[p, k]
