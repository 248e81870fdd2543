"""Tensors that no operation made: from data, or filled."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.tensor import Tensor


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """A Tensor of a copy of `data`: a number, an array, a Tensor or a nested list.

    Python floats become float32, integers int64; an array keeps its dtype. Raises ValueError for uneven lists and
    TypeError for what is not numbers, and for a gradient of integers.
    """
    return Tensor(data, dtype, requires_grad, device)


def zeros(*shape: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Zeros: `zeros(2, 3)` or `zeros((2, 3))`."""
    return Tensor.wrap(np.zeros(_shape(shape), dtype)).requires_grad_(requires_grad)


def ones(*shape: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Ones: `ones(2, 3)` or `ones((2, 3))`."""
    return Tensor.wrap(np.ones(_shape(shape), dtype)).requires_grad_(requires_grad)


def full(shape: Any, fill_value: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """`fill_value` everywhere."""
    filled = np.full(shape, Tensor(fill_value, dtype).array)
    return Tensor.wrap(filled).requires_grad_(requires_grad)


def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros in x's shape and dtype."""
    return Tensor.wrap(np.zeros_like(_array(x), dtype))


def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones in x's shape and dtype."""
    return Tensor.wrap(np.ones_like(_array(x), dtype))


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """`fill_value` in x's shape and dtype."""
    return Tensor.wrap(np.full_like(_array(x), fill_value, dtype))


def arange(start: float, stop: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """start, start + step, … below stop; `arange(n)` is 0 … n-1. float32 where a bound is a float, else int64."""
    if stop is None:
        start, stop = 0, start
    kind = np.float32 if any(isinstance(v, float) for v in (start, stop, step)) else np.int64
    return Tensor.wrap(np.arange(start, stop, step, dtype=dtype or kind))


def linspace(start: float, stop: float, num: int = 50, dtype: Any = np.float32) -> Tensor:
    """`num` numbers from start to stop, both included, at equal distances."""
    return Tensor.wrap(np.linspace(start, stop, num, dtype=dtype))


def eye(n: int, m: int | None = None, dtype: Any = np.float32) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix."""
    return Tensor.wrap(np.eye(n, m, dtype=dtype))


def _shape(shape: tuple[Any, ...]) -> Any:
    return shape[0] if len(shape) == 1 else shape


def _array(x: Any) -> Any:
    return x.array if isinstance(x, Tensor) else np.asarray(x)
