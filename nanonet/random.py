"""Random tensors, drawn from the default generator (`nanonet.generator`, where ops find it too)."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.conversion import as_dtype, as_shape
from nanonet.device import place
from nanonet.generator import default_generator, get_state, manual_seed, set_state
from nanonet.tensor import Tensor

__all__ = [
    "default_generator",
    "get_state",
    "manual_seed",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "set_state",
]


def randn(*shape: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Standard normal numbers: `randn(2, 3)` or `randn((2, 3))`."""
    drawn = default_generator().standard_normal(as_shape("randn", shape))
    return Tensor.wrap(place(np.asarray(drawn, as_dtype(dtype)))).requires_grad_(requires_grad)


def rand(*shape: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Uniform numbers in [0, 1): `rand(2, 3)` or `rand((2, 3))`."""
    drawn = default_generator().random(as_shape("rand", shape))
    return Tensor.wrap(place(np.asarray(drawn, as_dtype(dtype)))).requires_grad_(requires_grad)


def randn_like(x: Tensor, dtype: Any = None) -> Tensor:
    """Standard normal numbers in x's shape and dtype, on its device."""
    return _like(x, default_generator().standard_normal(x.shape), dtype)


def rand_like(x: Tensor, dtype: Any = None) -> Tensor:
    """Uniform numbers in [0, 1) in x's shape and dtype, on its device."""
    return _like(x, default_generator().random(x.shape), dtype)


def _like(x: Tensor, drawn: Any, dtype: Any) -> Tensor:
    return Tensor.wrap(place(np.asarray(drawn, x.dtype if dtype is None else as_dtype(dtype)), x.device))


def randint(low: int, high: Any, size: Any = None) -> Tensor:
    """Integers in [low, high) of shape `size`; `randint(high, size)` begins at 0."""
    if size is None:
        low, high, size = 0, low, high
    if low >= high:
        raise ValueError(f"randint: expected low < high, got {low} and {high}")
    return Tensor.wrap(place(np.asarray(default_generator().integers(low, high, as_shape("randint", (size,))))))


def randperm(n: int) -> Tensor:
    """0 … n-1 in random order."""
    return Tensor.wrap(place(default_generator().permutation(n)))
