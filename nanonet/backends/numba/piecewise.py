"""The ReLU family and the ELU family."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends.numba.fitting import Array, fits, xp
from nanonet.ops.elu import SELU_ALPHA, SELU_SCALE, Celu, Elu, Selu
from nanonet.ops.rectifier import Hardtanh, LeakyRelu, Relu, Relu6
from nanonet_kernels.cpu import piecewise
from nanonet_kernels.cpu.launch import flat

_relu: Any = Relu  # as Any: rules are static functions, which a type checker takes for methods
_relu6: Any = Relu6
_hardtanh: Any = Hardtanh
_leaky: Any = LeakyRelu
_elu: Any = Elu
_selu: Any = Selu
_celu: Any = Celu


def relu(x: Array) -> Any:
    if not fits(x):
        return _relu.forward(xp, x)
    y = np.empty_like(x)
    flat(piecewise.relu, x, y)
    return y, (y,)


def relu_backward(saved: Any, dy: Array) -> Any:
    (y,) = saved
    if not fits(y, dy):
        return _relu.backward(xp, saved, dy)
    dx = np.empty_like(y)
    flat(piecewise.relu_backward, y, dy, dx)
    return (dx,)


def _clamp(x: Array, low: float, high: float) -> Array:
    y = np.empty_like(x)
    flat(piecewise.clamp, x, y, numbers=(np.float32(low), np.float32(high)))
    return y


def _clamp_backward(x: Array, dy: Array, low: float, high: float) -> Any:
    dx = np.empty_like(x)
    flat(piecewise.clamp_backward, x, dy, dx, numbers=(np.float32(low), np.float32(high)))
    return (dx,)


def relu6(x: Array) -> Any:
    if not fits(x):
        return _relu6.forward(xp, x)
    y = _clamp(x, 0, 6)
    return y, (y,)


def relu6_backward(saved: Any, dy: Array) -> Any:
    (y,) = saved
    return _clamp_backward(y, dy, 0, 6) if fits(y, dy) else _relu6.backward(xp, saved, dy)


def hardtanh(x: Array, *, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    if not fits(x):
        return _hardtanh.forward(xp, x, min_val=min_val, max_val=max_val)
    return _clamp(x, min_val, max_val), (x, min_val, max_val)


def hardtanh_backward(saved: Any, dy: Array) -> Any:
    x, low, high = saved
    return _clamp_backward(x, dy, low, high) if fits(x, dy) else _hardtanh.backward(xp, saved, dy)


def leaky_relu(x: Array, *, slope: float = 0.01) -> Any:
    if not fits(x):
        return _leaky.forward(xp, x, slope=slope)
    y = np.empty_like(x)
    flat(piecewise.leaky_relu, x, y, numbers=(np.float32(slope),))
    return y, (x, slope)


def leaky_relu_backward(saved: Any, dy: Array) -> Any:
    x, slope = saved
    if not fits(x, dy):
        return _leaky.backward(xp, saved, dy)
    dx = np.empty_like(x)
    flat(piecewise.leaky_relu_backward, x, dy, dx, numbers=(np.float32(slope),))
    return (dx,)


def _elu_numbers(alpha: float, scale: float, rate: float) -> tuple[Any, ...]:
    return np.float32(alpha), np.float32(scale), np.float32(rate)


def _exponential(x: Array, alpha: float, scale: float, rate: float) -> Array:
    y = np.empty_like(x)
    flat(piecewise.elu, x, y, numbers=_elu_numbers(alpha, scale, rate), work=2)
    return y


def _exponential_backward(x: Array, dy: Array, alpha: float, scale: float, rate: float) -> Any:
    dx = np.empty_like(x)
    flat(piecewise.elu_backward, x, dy, dx, numbers=_elu_numbers(alpha, scale, rate), work=2)
    return (dx,)


def elu(x: Array, *, alpha: float = 1.0) -> Any:
    return (_exponential(x, alpha, 1, 1), (x, alpha)) if fits(x) else _elu.forward(xp, x, alpha=alpha)


def elu_backward(saved: Any, dy: Array) -> Any:
    x, alpha = saved
    return _exponential_backward(x, dy, alpha, 1, 1) if fits(x, dy) else _elu.backward(xp, saved, dy)


def selu(x: Array) -> Any:
    return (_exponential(x, SELU_ALPHA, SELU_SCALE, 1), (x,)) if fits(x) else _selu.forward(xp, x)


def selu_backward(saved: Any, dy: Array) -> Any:
    (x,) = saved
    return _exponential_backward(x, dy, SELU_ALPHA, SELU_SCALE, 1) if fits(x, dy) else _selu.backward(xp, saved, dy)


def celu(x: Array, *, alpha: float = 1.0) -> Any:
    if alpha < 0 or not fits(x):  # with alpha < 0 it grows exponentially, which the kernel is not for
        return _celu.forward(xp, x, alpha=alpha)
    return _exponential(x, alpha, 1, 1 / alpha), (x, alpha)


def celu_backward(saved: Any, dy: Array) -> Any:
    x, alpha = saved
    if alpha < 0 or not fits(x, dy):
        return _celu.backward(xp, saved, dy)
    return _exponential_backward(x, dy, alpha, 1, 1 / alpha)


kernels = {
    Relu.forward: relu,
    Relu.backward: relu_backward,
    Relu6.forward: relu6,
    Relu6.backward: relu6_backward,
    Hardtanh.forward: hardtanh,
    Hardtanh.backward: hardtanh_backward,
    LeakyRelu.forward: leaky_relu,
    LeakyRelu.backward: leaky_relu_backward,
    Elu.forward: elu,
    Elu.backward: elu_backward,
    Selu.forward: selu,
    Selu.backward: selu_backward,
    Celu.forward: celu,
    Celu.backward: celu_backward,
}
