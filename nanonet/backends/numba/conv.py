"""conv2d: the rule's matrix products, with compiled loops after them. All results are contiguous, for what follows."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nanonet.backends.numba.fitting import Array, fits, xp
from nanonet.ops.conv import Conv2d
from nanonet.ops.correlation import bias_gradient, channel_rows, parts, window_columns
from nanonet.ops.windows import count
from nanonet_kernels.cpu import convolution
from nanonet_kernels.cpu.launch import ranges

_rule: Any = Conv2d  # as Any: rules are static functions, which a type checker takes for methods


def _geometry(stride: Any, dilation: Any, padding: Any) -> tuple[Any, Any, Any]:
    """As the kernels take it: pairs of integers, and where the first window starts."""
    (top, _), (left, _) = padding
    return (int(stride[0]), int(stride[1])), (int(dilation[0]), int(dilation[1])), (-int(top), -int(left))


def _columns(x: Array, kernel: Any, attrs: Any, groups: int) -> Array:
    """Every window of x as a column: (G, C/G·K, N·L)."""
    return window_columns(xp, x, kernel, attrs["stride"], attrs["dilation"], attrs["padding"], groups)[0]


def conv2d(x: Array, w: Array, b: Array | None = None, *, groups: int, **attrs: Any) -> Any:
    out = tuple(count(x.shape[2:], w.shape[2:], **attrs)) if x.ndim == 4 else ()
    if not out or prod(out) == 0 or not fits(x, w) or (b is not None and not fits(b)):
        return _rule.forward(xp, x, w, b, groups=groups, **attrs)
    kernel, outputs = w.shape[2:], w.shape[0]
    matrix = w.reshape(groups, outputs // groups, -1)  # (G, O/G, C/G·K)
    bias = np.full(outputs, -0.0, np.float32) if b is None else b
    y = np.empty((x.shape[0], outputs, prod(out)), np.float32)
    for some in parts(x.shape[0], x.shape[1] * prod(kernel) * prod(out)):
        product = np.matmul(matrix, _columns(x[some], kernel, attrs, groups))  # (G, O/G, N·L)
        product = product.reshape(outputs, -1, prod(out))
        ranges(convolution.add_bias, outputs, product.size, product, bias, y[some])
    saved = (x, w, attrs["stride"], attrs["padding"], attrs["dilation"], groups)
    return y.reshape(x.shape[0], outputs, *out), saved


def conv2d_backward(saved: Any, dy: Array, needs: Any) -> Any:
    x, w, stride, padding, dilation, groups = saved
    if x.ndim != 4 or not fits(x, w, dy):
        return _rule.backward(xp, saved, dy, needs)
    attrs = {"stride": stride, "dilation": dilation, "padding": padding}
    geometry, kernel, out = _geometry(**attrs), w.shape[2:], dy.shape[2:]
    matrix = w.reshape(groups, w.shape[0] // groups, -1)
    dx = np.empty_like(x) if needs[0] else None
    dw = np.zeros_like(matrix) if needs[1] else None
    for some in parts(x.shape[0], x.shape[1] * prod(kernel) * prod(out)):
        given = channel_rows(xp, dy[some], groups)  # (G, O/G, N·L)
        if dx is not None:
            columns = np.matmul(matrix.swapaxes(1, 2), given).reshape(x.shape[1], *kernel, -1, *out)
            ranges(convolution.fold_columns, x.shape[1], columns.size, columns, dx[some], *geometry)
        if dw is not None:
            dw += np.matmul(given, _columns(x[some], kernel, attrs, groups).swapaxes(1, 2))
    return dx, None if dw is None else dw.reshape(w.shape), bias_gradient(xp, dy) if needs[2] else None


kernels = {Conv2d.forward: conv2d, Conv2d.backward: conv2d_backward}
