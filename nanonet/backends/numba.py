"""The Numba backend: NumPy's arrays, with fused kernels from nanonet_kernels.cpu for contiguous float32.

Each kernel below takes the place of one rule and saves what the rule saves; for other dtypes and layouts it runs the
rule itself. Kernels are compiled at their first call and kept on disk.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nanonet.backends import numpy as numpy_backend
from nanonet.backends.base import Backend
from nanonet.ops.activation import Gelu
from nanonet.ops.norm import LayerNorm
from nanonet.ops.rectifier import Relu
from nanonet.ops.softmax import Softmax
from nanonet_kernels.cpu import activation, rows

xp = numpy_backend.xp
_relu: Any = Relu  # as Any: rules are static functions, which a type checker takes for methods
_gelu: Any = Gelu
_softmax: Any = Softmax
_layer_norm: Any = LayerNorm


def _fits(*arrays: Any) -> bool:
    return all(a is not None and a.dtype == np.float32 and a.flags.c_contiguous and a.size for a in arrays)


def relu(x: Any) -> Any:
    if not _fits(x):
        return _relu.forward(xp, x)
    y = np.empty_like(x)
    activation.relu(x.ravel(), y.ravel())
    return y, (y,)


def relu_backward(saved: Any, dy: Any) -> Any:
    (y,) = saved
    if not _fits(y, dy):
        return _relu.backward(xp, saved, dy)
    dx = np.empty_like(y)
    activation.relu_backward(y.ravel(), dy.ravel(), dx.ravel())
    return (dx,)


def gelu(x: Any, *, approximate: str = "none") -> Any:
    if approximate != "tanh" or not _fits(x):
        return _gelu.forward(xp, x, approximate=approximate)
    y = np.empty_like(x)
    activation.gelu_tanh(x.ravel(), y.ravel())
    return y, (x, None, approximate)  # no Φ(x): the backward kernel computes it again, which is cheaper than reading it


def gelu_backward(saved: Any, dy: Any) -> Any:
    x, cdf, _ = saved
    if cdf is not None:
        return _gelu.backward(xp, saved, dy)
    dx = np.empty_like(x)
    activation.gelu_tanh_backward(x.ravel(), np.ascontiguousarray(dy, np.float32).ravel(), dx.ravel())
    return (dx,)


def softmax(x: Any, *, dim: int = -1, dtype: Any = None) -> Any:
    if dtype is not None or not x.ndim or dim not in (-1, x.ndim - 1) or not _fits(x):
        return _softmax.forward(xp, x, dim=dim, dtype=dtype)
    y = np.empty_like(x)
    rows.softmax(x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1]))
    return y, (y, dim)


def softmax_backward(saved: Any, dy: Any) -> Any:
    y, dim = saved
    if not y.ndim or dim not in (-1, y.ndim - 1) or not _fits(y, dy):
        return _softmax.backward(xp, saved, dy)
    dx = np.empty_like(y)
    flat = (-1, y.shape[-1])
    rows.softmax_backward(y.reshape(flat), dy.reshape(flat), dx.reshape(flat))
    return (dx,)


def layer_norm(x: Any, w: Any, b: Any, *, size: int, eps: float) -> Any:
    if not _fits(x, w, b):
        return _layer_norm.forward(xp, x, w, b, size=size, eps=eps)
    count = prod(x.shape) // size
    y, xhat, r = np.empty_like(x), np.empty((count, size), np.float32), np.empty((count, 1), np.float32)
    flat, w1 = (count, size), w.ravel()
    rows.layer_norm(x.reshape(flat), w1, b.ravel(), np.float32(eps), y.reshape(flat), xhat, r.ravel())
    return y, (xhat, r, w, w1, x.shape, b.shape)


def layer_norm_backward(saved: Any, dy: Any, needs: Any) -> Any:
    xhat, r, w, w1, shape, b_shape = saved
    if b_shape is None or not _fits(xhat, r, w1, dy):
        return _layer_norm.backward(xp, saved, dy, needs)
    dx, dw, db = np.empty_like(xhat), np.zeros(w1.size, np.float32), np.zeros(w1.size, np.float32)
    rows.layer_norm_backward(xhat, r.ravel(), w1, dy.reshape(xhat.shape), dx, dw, db)
    return dx.reshape(shape), dw.reshape(w.shape), db.reshape(b_shape)


kernels: dict[Any, Any] = {
    Relu.forward: relu,
    Relu.backward: relu_backward,
    Gelu.forward: gelu,
    Gelu.backward: gelu_backward,
    Softmax.forward: softmax,
    Softmax.backward: softmax_backward,
    LayerNorm.forward: layer_norm,
    LayerNorm.backward: layer_norm_backward,
}
backend = Backend("numba", xp, np.ndarray, {**numpy_backend.backend.kernels, **kernels})
