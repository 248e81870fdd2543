"""Sum, mean and maximum of large arrays, over everything or along the last axis, on several threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends.numba.fitting import Array, fits, xp
from nanonet.ops.reduce import Max, Mean, Sum
from nanonet_kernels.cpu.reduction import BLOCK, reduce_all, reduce_last

_sum: Any = Sum  # as Any: rules are static functions, which a type checker takes for methods
_mean: Any = Mean
_max: Any = Max


def _reduced(ufunc: np.ufunc, x: Array, axis: Any, keepdims: bool) -> Array | None:
    """The reduction, or None where it is not one for threads."""
    if not isinstance(x, np.ndarray) or x.size < 2 * BLOCK or not fits(x):
        return None
    if axis is None:
        y = np.asarray(reduce_all(ufunc, x))
        return y.reshape((1,) * x.ndim) if keepdims else y
    if axis != x.ndim - 1 or x.shape[-1] * 4 > x.size:  # few long rows: one thread is as good
        return None
    y = np.empty(x.shape[:-1], np.float32)
    reduce_last(ufunc, x.reshape(-1, x.shape[-1]), y.reshape(-1))
    return y[..., None] if keepdims else y


def sum_(x: Array, *, axis: Any = None, keepdims: bool = False) -> Any:
    y = _reduced(np.add, x, axis, keepdims)
    return _sum.forward(xp, x, axis=axis, keepdims=keepdims) if y is None else (y, (x.shape, axis, keepdims))


def mean(x: Array, *, axis: Any = None, keepdims: bool = False) -> Any:
    y = _reduced(np.add, x, axis, keepdims)
    if y is None:
        return _mean.forward(xp, x, axis=axis, keepdims=keepdims)
    return y / (x.size // y.size), (x.shape, axis, keepdims)


def max_(x: Array, *, axis: Any = None, keepdims: bool = False) -> Any:
    y = _reduced(np.maximum, x, axis, keepdims)
    return _max.forward(xp, x, axis=axis, keepdims=keepdims) if y is None else (y, (x, y, axis, keepdims))


kernels = {Sum.forward: sum_, Mean.forward: mean, Max.forward: max_}
