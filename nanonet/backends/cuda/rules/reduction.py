"""Sum, mean and maximum over everything or along one axis, and the sums that undo broadcasting."""

from __future__ import annotations

from math import prod
from typing import Any

from nanonet import tape
from nanonet.backends.cuda.arrays import Array, contiguous, empty, fits, xp
from nanonet.ops.reduce import Max, Mean, Sum
from nanonet_kernels.cuda import reduce

_sum: Any = Sum  # as Any: rules are static functions, which a type checker takes for methods
_mean: Any = Mean
_max: Any = Max


def _reduced(x: Array, axis: Any, keepdims: bool, total: Any, along: Any) -> Array | None:
    """total(x, y, work) over everything, or along(x, y, columns, inner); None where neither is meant."""
    if not fits(x) or not (axis is None or isinstance(axis, int)):
        return None
    if axis is None:
        y = empty((1,) * x.ndim if keepdims else (), x.dtype)
        total(x, y, empty((reduce.workspace_total(x.size),), x.dtype))
        return y
    axis %= x.ndim
    y = empty((*x.shape[:axis], *(1,) * keepdims, *x.shape[axis + 1 :]), x.dtype)
    along(x, y, x.shape[axis], prod(x.shape[axis + 1 :]))
    return y


def sum_(x: Array, *, axis: Any = None, keepdims: bool = False) -> Any:
    y = _reduced(x, axis, keepdims, reduce.total, reduce.sum_rows)
    return _sum.forward(xp, x, axis=axis, keepdims=keepdims) if y is None else (y, (x.shape, axis, keepdims))


def mean(x: Array, *, axis: Any = None, keepdims: bool = False) -> Any:
    def along(x: Array, y: Array, columns: int, inner: int) -> None:
        reduce.sum_rows(x, y, columns, inner, 1 / columns)

    y = _reduced(x, axis, keepdims, reduce.mean, along)
    return _mean.forward(xp, x, axis=axis, keepdims=keepdims) if y is None else (y, (x.shape, axis, keepdims))


def max_(x: Array, *, axis: Any = None, keepdims: bool = False) -> Any:
    y = _reduced(x, axis, keepdims, reduce.maximum, reduce.max_rows)
    return _max.forward(xp, x, axis=axis, keepdims=keepdims) if y is None else (y, (x, y, axis, keepdims))


def unbroadcast(dx: Array, shape: tuple[int, ...]) -> Array:
    """The usual case is a bias, added to every row: its gradient is the sum of the rows."""
    rows = prod(dx.shape[: dx.ndim - len(shape)])
    dx = contiguous(dx)
    if shape != dx.shape[dx.ndim - len(shape) :] or not fits(dx):
        return tape.unbroadcast(xp, dx, shape)
    y = empty(shape, dx.dtype)
    reduce.sum_columns(dx, y, empty((reduce.workspace_columns(rows, y.size),), dx.dtype), rows)
    return y


kernels: dict[Any, Any] = {
    _sum.forward: sum_,
    _mean.forward: mean,
    _max.forward: max_,
    tape.unbroadcast: unbroadcast,
}
