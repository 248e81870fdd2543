"""Layer, RMS and batch normalisation. What is saved is what the rules save, so either may go backward."""

from __future__ import annotations

from typing import Any

from nanonet.backends.cuda.arrays import Array, contiguous, empty, empty_like, fits, xp
from nanonet.ops.channel_norm import BatchNorm
from nanonet.ops.norm import LayerNorm, RmsNorm
from nanonet_kernels.cuda import batch_norm as channels
from nanonet_kernels.cuda import layer_norm as rows
from nanonet_kernels.cuda import reduce
from nanonet_kernels.cuda import rms_norm as rms

_layer_norm: Any = LayerNorm  # as Any: rules are static functions, which a type checker takes for methods
_rms_norm: Any = RmsNorm
_batch_norm: Any = BatchNorm


def _fit(x: Array, *parameters: Array | None) -> bool:
    return fits(x, *[p for p in parameters if p is not None])


def _work(n: int, columns: int, like: Array) -> Array:
    return empty((reduce.workspace_columns(n, columns),), like.dtype)


def layer_norm(x: Array, w: Array | None, b: Array | None, *, size: int, eps: float) -> Any:
    if not _fit(x, w, b):
        return _layer_norm.forward(xp, x, w, b, size=size, eps=eps)
    n = x.size // size
    y, xhat, r = empty_like(x), empty((n, size), x.dtype), empty((n, 1), x.dtype)
    rows.layer_norm(x, w, b, y, xhat, r, size, eps)
    w1 = None if w is None else w.reshape(size)
    return y, (xhat, r, w, w1, x.shape, None if b is None else b.shape)


def layer_norm_backward(saved: Any, dy: Array, needs: Any) -> Any:
    xhat, r, w, w1, shape, b_shape = saved
    if not _fit(xhat, r, w1):
        return _layer_norm.backward(xp, saved, dy, needs)
    n, size = xhat.shape
    dy, dx, dw, db = contiguous(dy, xhat.dtype), None, None, None
    if needs[0]:
        dx = empty(shape, xhat.dtype)
        rows.layer_norm_backward(xhat, r, w1, dy, dx, size)
    if needs[1] or needs[2]:
        dw, db = empty((size,), xhat.dtype), empty((size,), xhat.dtype)
        rows.affine_gradients(dy, xhat, dw, db, _work(n, size, xhat), _work(n, size, xhat), n)
        dw = None if w is None else dw.reshape(w.shape)
        db = None if b_shape is None else db.reshape(b_shape)
    return dx, dw, db


def rms_norm(x: Array, w: Array | None, *, size: int, eps: float) -> Any:
    if not _fit(x, w):
        return _rms_norm.forward(xp, x, w, size=size, eps=eps)
    n = x.size // size
    y, xhat, r = empty_like(x), empty((n, size), x.dtype), empty((n, 1), x.dtype)
    rms.rms_norm(x, w, y, xhat, r, size, eps)
    return y, (xhat, r, w, None if w is None else w.reshape(size), x.shape)


def rms_norm_backward(saved: Any, dy: Array, needs: Any) -> Any:
    xhat, r, w, w1, shape = saved
    if not _fit(xhat, r, w1):
        return _rms_norm.backward(xp, saved, dy, needs)
    n, size = xhat.shape
    dy, dx, dw = contiguous(dy, xhat.dtype), None, None
    if needs[0]:
        dx = empty(shape, xhat.dtype)
        rms.rms_norm_backward(xhat, r, w1, dy, dx, size)
    if needs[1]:
        dw, unused = empty_like(w), empty_like(w)
        rows.affine_gradients(dy, xhat, dw, unused, _work(n, size, xhat), _work(n, size, xhat), n)
    return dx, dw


def batch_norm(x: Array, mean: Array | None, var: Array | None, w: Array | None, b: Array | None, *, eps: float) -> Any:
    if not _fit(x, mean, var, w, b):
        return _batch_norm.forward(xp, x, mean, var, w, b, eps=eps)
    samples, count = x.shape[:2]
    positions, n = x.size // (samples * count), None
    y, xhat, r = empty_like(x), empty((samples, count, positions), x.dtype), empty((1, count, 1), x.dtype)
    running = var
    if mean is None:
        mean, var, n = empty((count,), x.dtype), empty((count,), x.dtype), samples * positions
        channels.statistics(x, mean, var, samples, positions)
        running = var * (n / max(n - 1, 1))
    channels.normalize(x, mean, var, w, b, y, xhat, r, samples, positions, eps)
    return (y, mean, running), (xhat, r, None if w is None else w.reshape(count, 1), n)


def batch_norm_backward(saved: Any, dys: Any, needs: Any) -> Any:
    xhat, r, wc, n = saved
    if not _fit(xhat, r, wc):
        return _batch_norm.backward(xp, saved, dys, needs)
    samples, count, positions = xhat.shape
    dy = contiguous(dys[0], xhat.dtype)
    dx, dw, db = empty(dys[0].shape, xhat.dtype), empty((count,), xhat.dtype), empty((count,), xhat.dtype)
    work_w, work_b = _work(samples, count, xhat), _work(samples, count, xhat)
    channels.parameter_gradients(dy, xhat, dw, db, work_w, work_b, samples, positions)
    channels.backward(dy, xhat, r, wc, dw, db, dx, samples, positions, n is not None)
    return dx, None, None, dw, db


kernels = {
    _layer_norm.forward: layer_norm,
    _layer_norm.backward: layer_norm_backward,
    _rms_norm.forward: rms_norm,
    _rms_norm.backward: rms_norm_backward,
    _batch_norm.forward: batch_norm,
    _batch_norm.backward: batch_norm_backward,
}
