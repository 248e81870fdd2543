"""Smooth activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends.numba.fitting import Array, Later, fits, xp
from nanonet.ops.activation import Gelu, Mish, Silu, Softplus
from nanonet.ops.elementary import Sigmoid, Tanh
from nanonet_kernels.cpu import activation
from nanonet_kernels.cpu.launch import flat

_sigmoid: Any = Sigmoid  # as Any: rules are static functions, which a type checker takes for methods
_tanh: Any = Tanh
_gelu: Any = Gelu
_silu: Any = Silu
_softplus: Any = Softplus
_mish: Any = Mish
_GELU = {
    "none": (activation.gelu, activation.gelu_backward),
    "tanh": (activation.gelu_tanh, activation.gelu_tanh_backward),
}


def _map(kernel: Any, x: Array, *numbers: Any) -> Array:
    y = np.empty_like(x)
    flat(kernel, x, y, numbers=numbers, work=2)
    return y


def _backward(kernel: Any, x: Array, dy: Array, *numbers: Any) -> Any:
    dx = np.empty_like(x)
    flat(kernel, x, dy, dx, numbers=numbers, work=2)
    return (dx,)


def sigmoid(x: Array) -> Any:
    if not fits(x):
        return _sigmoid.forward(xp, x)
    y = _map(activation.sigmoid, x)
    return y, (y,)


def sigmoid_backward(saved: Any, dy: Array) -> Any:
    (y,) = saved
    return _backward(activation.sigmoid_backward, y, dy) if fits(y, dy) else _sigmoid.backward(xp, saved, dy)


def tanh(x: Array) -> Any:
    if not fits(x):
        return _tanh.forward(xp, x)
    y = _map(activation.tanh, x)
    return y, (y,)


def tanh_backward(saved: Any, dy: Array) -> Any:
    (y,) = saved
    return _backward(activation.tanh_backward, y, dy) if fits(y, dy) else _tanh.backward(xp, saved, dy)


def gelu(x: Array, *, approximate: str = "none") -> Any:
    if not fits(x):
        return _gelu.forward(xp, x, approximate=approximate)
    cdf = Later(lambda x: _gelu.forward(xp, x, approximate=approximate)[1][1], x)
    return _map(_GELU[approximate][0], x), (x, cdf, approximate)


def gelu_backward(saved: Any, dy: Array) -> Any:
    x, _, approximate = saved
    return _backward(_GELU[approximate][1], x, dy) if fits(x, dy) else _gelu.backward(xp, saved, dy)


def silu(x: Array) -> Any:
    if not fits(x):
        return _silu.forward(xp, x)
    return _map(activation.silu, x), (x, Later(xp.sigmoid, x))


def silu_backward(saved: Any, dy: Array) -> Any:
    x, _ = saved
    return _backward(activation.silu_backward, x, dy) if fits(x, dy) else _silu.backward(xp, saved, dy)


def softplus(x: Array, *, beta: float = 1, threshold: float = 20) -> Any:
    if beta != 1 or not fits(x):
        return _softplus.forward(xp, x, beta=beta, threshold=threshold)
    return _map(activation.softplus, x, np.float32(threshold)), (x, threshold)


def softplus_backward(saved: Any, dy: Array) -> Any:
    z, threshold = saved
    if not fits(z, dy):
        return _softplus.backward(xp, saved, dy)
    return _backward(activation.softplus_backward, z, dy, np.float32(threshold))


def mish(x: Array) -> Any:
    if not fits(x):
        return _mish.forward(xp, x)
    return _map(activation.mish, x), (x, Later(lambda x: _mish.forward(xp, x)[1][1], x))


def mish_backward(saved: Any, dy: Array) -> Any:
    x, _ = saved
    return _backward(activation.mish_backward, x, dy) if fits(x, dy) else _mish.backward(xp, saved, dy)


kernels = {
    Sigmoid.forward: sigmoid,
    Sigmoid.backward: sigmoid_backward,
    Tanh.forward: tanh,
    Tanh.backward: tanh_backward,
    Gelu.forward: gelu,
    Gelu.backward: gelu_backward,
    Silu.forward: silu,
    Silu.backward: silu_backward,
    Softplus.forward: softplus,
    Softplus.backward: softplus_backward,
    Mish.forward: mish,
    Mish.backward: mish_backward,
}
