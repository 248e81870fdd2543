"""Layer, RMS and batch normalisation.

The kernels take weight and bias always: where there is none, ones and -0 (x · 1 + -0 is x, also where x is -0).
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nanonet.backends.numba.fitting import Array, Later, fits, xp
from nanonet.ops.channel_norm import BatchNorm
from nanonet.ops.norm import LayerNorm, RmsNorm
from nanonet_kernels.cpu import batch_norm as channels
from nanonet_kernels.cpu import norm
from nanonet_kernels.cpu.launch import ranges, row_totals, rows

_layer_norm: Any = LayerNorm  # as Any: rules are static functions, which a type checker takes for methods
_rms_norm: Any = RmsNorm
_batch_norm: Any = BatchNorm


def _vector(p: Array | None, size: int, default: float) -> Array:
    return np.full(size, default, np.float32) if p is None else p.reshape(-1)


def _parameters_fit(*parameters: Array | None) -> bool:
    return all(p is None or fits(p) for p in parameters)


def _standardized(x: Array, mean: Array, r: Array) -> Array:
    return (x - mean) * r


def layer_norm(x: Array, w: Array | None, b: Array | None, *, size: int, eps: float) -> Any:
    if not fits(x) or not _parameters_fit(w, b):
        return _layer_norm.forward(xp, x, w, b, size=size, eps=eps)
    x2, y = x.reshape(-1, size), np.empty_like(x)
    mean, r = np.empty((2, len(x2), 1), np.float32)
    shared = (_vector(w, size, 1), _vector(b, size, -0.0), np.float32(eps))
    rows(norm.layer_norm, x2, y.reshape(x2.shape), mean[:, 0], r[:, 0], shared=shared)
    xhat = Later(_standardized, x2, mean, r)
    return y, (xhat, r, w, None if w is None else shared[0], x.shape, None if b is None else b.shape)


def layer_norm_backward(saved: Any, dy: Array, needs: Any) -> Any:
    xhat, r, w, w1, shape, b_shape = saved
    if type(xhat) is not Later or not fits(dy):
        return _layer_norm.backward(xp, saved, dy, needs)
    x, mean, _ = xhat.parts
    size = x.shape[1]
    dx, (dw, db) = np.empty_like(x), np.zeros((2, size), np.float32)
    arrays = (x, mean[:, 0], r[:, 0], dy.reshape(x.shape), dx)
    row_totals(norm.layer_norm_backward, *arrays, shared=(_vector(w1, size, 1),), totals=(dw, db))
    return (
        dx.reshape(shape),
        None if w is None else dw.reshape(w.shape),
        None if b_shape is None else db.reshape(b_shape),
    )


def rms_norm(x: Array, w: Array | None, *, size: int, eps: float) -> Any:
    if not fits(x) or not _parameters_fit(w):
        return _rms_norm.forward(xp, x, w, size=size, eps=eps)
    x2, y = x.reshape(-1, size), np.empty_like(x)
    r = np.empty((len(x2), 1), np.float32)
    w1 = _vector(w, size, 1)
    rows(norm.rms_norm, x2, y.reshape(x2.shape), r[:, 0], shared=(w1, np.float32(eps)))
    return y, (Later(np.multiply, x2, r), r, w, None if w is None else w1, x.shape)


def rms_norm_backward(saved: Any, dy: Array, needs: Any) -> Any:
    xhat, r, w, w1, shape = saved
    if type(xhat) is not Later or not fits(dy):
        return _rms_norm.backward(xp, saved, dy, needs)
    x = xhat.parts[0]
    dx, dw = np.empty_like(x), np.zeros(x.shape[1], np.float32)
    arrays = (x, r[:, 0], dy.reshape(x.shape), dx)
    row_totals(norm.rms_norm_backward, *arrays, shared=(_vector(w1, x.shape[1], 1),), totals=(dw,))
    return dx.reshape(shape), None if w is None else dw.reshape(w.shape)


def _layout(x: Array) -> tuple[int, ...]:
    """(N, C, M), or (N, C) where there is one position."""
    positions = prod(x.shape[2:])
    return x.shape[:2] if positions == 1 else (*x.shape[:2], positions)


def batch_norm(x: Array, mean: Array | None, var: Array | None, w: Array | None, b: Array | None, *, eps: float) -> Any:
    if not fits(x) or not _parameters_fit(w, b) or prod(x.shape[2:]) == 0 or (mean is not None and not fits(mean, var)):
        return _batch_norm.forward(xp, x, mean, var, w, b, eps=eps)
    count, y, shape = x.shape[1], np.empty_like(x), _layout(x)
    wc, bc = _vector(w, count, 1), _vector(b, count, -0.0)
    x3 = x.reshape(*x.shape[:2], -1)
    if mean is not None and var is not None:
        r = 1 / np.sqrt(var + np.float32(eps))
        scale = r * wc
        ranges(channels.scale_shift, count, x.size, x3, y.reshape(x3.shape), scale, bc - mean * scale)
        return (y, mean, var), _saved(x3, mean, r, w, None)
    mean, var, r = np.empty((3, count), np.float32)
    kernel = channels.columns if len(shape) == 2 else channels.batch_norm
    ranges(kernel, count, x.size, x.reshape(shape), y.reshape(shape), mean, var, r, wc, bc, np.float32(eps))
    n = x.size // count
    return (y, mean, var * (n / max(n - 1, 1))), _saved(x3, mean, r, w, n)


def _saved(x3: Array, mean: Array, r: Array, w: Array | None, n: int | None) -> Any:
    r3 = r.reshape(-1, 1) if n is None else r.reshape(1, -1, 1)
    return Later(_standardized, x3, mean.reshape(-1, 1), r3), r3, None if w is None else w.reshape(-1, 1), n


def batch_norm_backward(saved: Any, dys: Any, needs: Any) -> Any:
    xhat, r, wc, n = saved
    dy = dys[0]
    if type(xhat) is not Later or n is None or not fits(dy):
        return _batch_norm.backward(xp, saved, dys, needs)
    x3, mean, _ = xhat.parts
    shape = _layout(x3)
    dx, (dw, db) = np.empty_like(dy), np.empty((2, shape[1]), np.float32)
    kernel = channels.columns_backward if len(shape) == 2 else channels.batch_norm_backward
    numbers = (mean[:, 0], r.reshape(-1), dy.reshape(shape), dx.reshape(shape), _vector(wc, shape[1], 1), dw, db)
    ranges(kernel, shape[1], dy.size, x3.reshape(shape), *numbers)
    return dx, None, None, dw, db


kernels = {
    LayerNorm.forward: layer_norm,
    LayerNorm.backward: layer_norm_backward,
    RmsNorm.forward: rms_norm,
    RmsNorm.backward: rms_norm_backward,
    BatchNorm.forward: batch_norm,
    BatchNorm.backward: batch_norm_backward,
}
