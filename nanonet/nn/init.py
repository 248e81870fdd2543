"""Initial values, in place: each function fills `tensor` from nanonet's default generator and returns it.

fan_in is the number of inputs of one output unit, fan_out the number of outputs that one input unit reaches; for a
weight (out, in, *kernel) they are in · |kernel| and out · |kernel|.
Sources: Glorot and Bengio 2010 (xavier), He et al. 2015 (kaiming), Saxe et al. 2013 (orthogonal).
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from nanonet.random import default_generator
from nanonet.tensor import Tensor
from nanonet.variable import no_grad

T = TypeVar("T", bound=Tensor)

_GAINS = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "sigmoid"), 1.0),
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0),
    "selu": 0.75,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance through `nonlinearity`; `param` is leaky_relu's slope (default 0.01)."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"calculate_gain: expected leaky_relu, {', '.join(_GAINS)}, got {nonlinearity!r}")
    return _GAINS[nonlinearity]


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0) -> T:
    """Uniform on [a, b)."""
    return _fill(tensor, default_generator().uniform(a, b, tensor.shape))


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0) -> T:
    """Normal with this mean and standard deviation."""
    return _fill(tensor, default_generator().normal(mean, std, tensor.shape))


def trunc_normal_(tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> T:
    """Normal, drawn again until it lies in [a, b]."""
    if not a < b or a > mean + 5 * std or b < mean - 5 * std:
        raise ValueError(
            f"trunc_normal_: expected a < b within 5 std of the mean, got a={a}, b={b}, mean={mean}, std={std}"
        )
    values = default_generator().normal(mean, std, tensor.shape)
    while True:
        outside = (values < a) | (values > b)
        count = int(np.sum(outside))
        if not count:
            return _fill(tensor, values)
        values[outside] = default_generator().normal(mean, std, count)


def constant_(tensor: T, val: float) -> T:
    """`val` everywhere."""
    return _fill(tensor, val)


def ones_(tensor: T) -> T:
    """1 everywhere."""
    return _fill(tensor, 1)


def zeros_(tensor: T) -> T:
    """0 everywhere."""
    return _fill(tensor, 0)


def eye_(tensor: T) -> T:
    """The identity matrix."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: expected a matrix, got shape {tensor.shape}")
    return _fill(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def xavier_uniform_(tensor: T, gain: float = 1.0) -> T:
    """U(-a, a), a = gain √(6 / (fan_in + fan_out))."""
    bound = gain * math.sqrt(6.0 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: T, gain: float = 1.0) -> T:
    """N(0, σ²), σ = gain √(2 / (fan_in + fan_out))."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(fans(tensor))))


def kaiming_uniform_(tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> T:
    """U(-b, b), b = gain √(3 / fan); `a` is leaky_relu's slope, `mode` says which fan."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> T:
    """N(0, σ²), σ = gain / √fan."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity))


def orthogonal_(tensor: T, gain: float = 1.0) -> T:
    """gain · Q, with orthonormal rows or columns, whichever are fewer; axes after the first count as one."""
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: expected at least 2 axes, got shape {tensor.shape}")
    if not tensor.size:
        return tensor
    rows, columns = tensor.shape[0], tensor.size // tensor.shape[0]
    tall = default_generator().standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diag(r))  # makes the distribution uniform (Mezzadri 2007)
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def fans(tensor: Any) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight of at least two axes."""
    if tensor.ndim < 2:
        raise ValueError(f"fan_in and fan_out need a weight of at least 2 axes, got shape {tensor.shape}")
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"kaiming: expected mode 'fan_in' or 'fan_out', got {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def _fill(tensor: T, values: Any) -> T:
    """Write into the tensor's own array, so that whoever holds it sees the new values."""
    with no_grad():
        tensor[...] = values
    return tensor
