"""Softmax and log-softmax along the last axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends.numba.fitting import Array, fits, xp
from nanonet.ops.softmax import LogSoftmax, Softmax
from nanonet_kernels.cpu import softmax as rows_softmax
from nanonet_kernels.cpu.launch import rows

_softmax: Any = Softmax  # as Any: rules are static functions, which a type checker takes for methods
_log_softmax: Any = LogSoftmax


def _is_last(dim: Any, x: Array) -> bool:
    return dim in (-1, x.ndim - 1) and x.ndim > 0


def _as_rows(*arrays: Array) -> list[Array]:
    return [a if a.ndim == 2 else a.reshape(-1, a.shape[-1]) for a in arrays]


def softmax(x: Array, *, dim: int = -1, dtype: Any = None) -> Any:
    if dtype is not None or not _is_last(dim, x) or not fits(x):
        return _softmax.forward(xp, x, dim=dim, dtype=dtype)
    y = np.empty_like(x)
    rows_softmax.softmax_rows(*_as_rows(x, y))
    return y, (y, dim)


def softmax_backward(saved: Any, dy: Array) -> Any:
    y, dim = saved
    if not _is_last(dim, y) or not fits(y, dy):
        return _softmax.backward(xp, saved, dy)
    dx = np.empty_like(y)
    rows(rows_softmax.softmax_backward, *_as_rows(y, dy, dx))
    return (dx,)


def log_softmax(x: Array, *, dim: int = -1, dtype: Any = None) -> Any:
    if dtype is not None or not _is_last(dim, x) or not fits(x):
        return _log_softmax.forward(xp, x, dim=dim, dtype=dtype)
    y = np.empty_like(x)
    rows(rows_softmax.log_softmax, *_as_rows(x, y), work=2)
    return y, (y, dim)


def log_softmax_backward(saved: Any, dy: Array) -> Any:
    y, dim = saved
    if not _is_last(dim, y) or not fits(y, dy):
        return _log_softmax.backward(xp, saved, dy)
    dx = np.empty_like(y)
    rows(rows_softmax.log_softmax_backward, *_as_rows(y, dy, dx), work=2)
    return (dx,)


kernels = {
    Softmax.forward: softmax,
    Softmax.backward: softmax_backward,
    LogSoftmax.forward: log_softmax,
    LogSoftmax.backward: log_softmax_backward,
}
