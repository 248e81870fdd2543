"""Max pooling along one axis and two."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nanonet.backends.numba.fitting import Array, fits, xp
from nanonet.ops.pool import MaxPool1d, MaxPool2d
from nanonet.ops.windows import count
from nanonet_kernels.cpu import pool
from nanonet_kernels.cpu.launch import rows


def _pair(numbers: Any, one: int) -> tuple[int, int]:
    """Along two axes; one axis is an image of height 1."""
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else (one, int(numbers[0]))


def _forward(rule: Any, x: Array, **attrs: Any) -> Any:
    kernel, stride, dilation, padding = (attrs[name] for name in ("kernel", "stride", "dilation", "padding"))
    n = len(kernel)
    size = x.shape[x.ndim - n :]
    out = tuple(count(size, kernel, stride, dilation, padding)) if fits(x) else ()
    if not out or prod(out) == 0:
        return rule.forward(xp, x, **attrs)
    lead, return_indices = x.shape[: x.ndim - n], attrs.get("return_indices", False)
    y, place = np.empty((*lead, *out), np.float32), np.empty((*lead, *out), np.int64)
    planes = [a.reshape(-1, *_pair(shape, 1)) for a, shape in ((x, size), (y, out), (place, out))]
    start = _pair([-left for left, _ in padding], 0)
    rows(pool.max_pool, *planes, shared=(_pair(kernel, 1), _pair(stride, 1), _pair(dilation, 1), start))
    return (y, place) if return_indices else y, (place, x.shape, n, return_indices)


def _backward(rule: Any, saved: Any, dy: Any) -> Any:
    place, shape, n, return_indices = saved
    g = dy[0] if return_indices else dy
    planes = prod(shape[: len(shape) - n])
    if not fits(g) or not place.flags.c_contiguous or place.dtype != np.int64:
        return rule.backward(xp, saved, dy)
    dx = np.empty(shape, np.float32)
    rows(pool.max_pool_backward, place.reshape(planes, -1), g.reshape(planes, -1), dx.reshape(planes, -1))
    return (dx,)


def max_pool1d(x: Array, **attrs: Any) -> Any:
    return _forward(MaxPool1d, x, **attrs)


def max_pool1d_backward(saved: Any, dy: Any) -> Any:
    return _backward(MaxPool1d, saved, dy)


def max_pool2d(x: Array, **attrs: Any) -> Any:
    return _forward(MaxPool2d, x, **attrs)


def max_pool2d_backward(saved: Any, dy: Any) -> Any:
    return _backward(MaxPool2d, saved, dy)


kernels = {
    MaxPool1d.forward: max_pool1d,
    MaxPool1d.backward: max_pool1d_backward,
    MaxPool2d.forward: max_pool2d,
    MaxPool2d.backward: max_pool2d_backward,
}
