"""Max pooling of images. (Along one axis NumPy's rule is fast: it walks along it.)"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nanonet.backends.numba.fitting import Array, fits, xp
from nanonet.ops.pool import MaxPool2d
from nanonet.ops.windows import count
from nanonet_kernels.cpu import pool
from nanonet_kernels.cpu.launch import rows

_rule: Any = MaxPool2d  # as Any: rules are static functions, which a type checker takes for methods


def max_pool2d(x: Array, **attrs: Any) -> Any:
    kernel, stride, dilation, padding = (attrs[name] for name in ("kernel", "stride", "dilation", "padding"))
    size = x.shape[-2:]
    out = tuple(count(size, kernel, stride, dilation, padding)) if fits(x) else ()
    if not out or prod(out) == 0:
        return _rule.forward(xp, x, **attrs)
    lead, return_indices = x.shape[:-2], attrs.get("return_indices", False)
    y, place = np.empty((*lead, *out), np.float32), np.empty((*lead, *out), np.int64)
    planes = [a.reshape(-1, *a.shape[-2:]) for a in (x, y, place)]
    start, stride = (-int(padding[0][0]), -int(padding[1][0])), (int(stride[0]), int(stride[1]))
    inside = all((o - 1) * s + 2 <= h for o, s, h in zip(out, stride, size, strict=True))
    if kernel == (2, 2) and dilation == (1, 1) and start == (0, 0) and inside:
        rows(pool.max_pool_2x2, *planes, shared=(stride,), work=2)
    else:
        pairs = ((int(kernel[0]), int(kernel[1])), stride, (int(dilation[0]), int(dilation[1])), start)
        rows(pool.max_pool, *planes, shared=pairs, work=4)
    return (y, place) if return_indices else y, (place, x.shape, 2, return_indices)


def max_pool2d_backward(saved: Any, dy: Any) -> Any:
    place, shape, _, return_indices = saved
    g = dy[0] if return_indices else dy
    planes = prod(shape[:-2])
    if not fits(g) or not place.flags.c_contiguous or place.dtype != np.int64:
        return _rule.backward(xp, saved, dy)
    dx = np.empty(shape, np.float32)
    rows(pool.max_pool_backward, place.reshape(planes, -1), g.reshape(planes, -1), dx.reshape(planes, -1))
    return (dx,)


kernels = {MaxPool2d.forward: max_pool2d, MaxPool2d.backward: max_pool2d_backward}
