"""Tensors that no operation made: from data, or filled."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends.base import home
from nanonet.conversion import as_array, as_dtype, as_shape
from nanonet.device import backend_on, place
from nanonet.tensor import Tensor, as_tensor


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """A Tensor of a copy of `data`: a number, an array, a Tensor or a nested list.

    Python floats become float32, integers int64; an array keeps its dtype. Raises ValueError for uneven lists and
    TypeError for what is not numbers, and for a gradient of integers.
    """
    return Tensor(data, dtype, requires_grad, device)


def asarray(data: Any, dtype: Any = None) -> Tensor:
    """`data` itself if it is a Tensor (of `dtype`), else a Tensor of a copy."""
    x = as_tensor(data)
    return x if dtype is None else x.astype(dtype)


def from_dlpack(x: Any) -> Tensor:
    """A Tensor that shares the memory of `x`, an array of PyTorch, JAX, CuPy or NumPy, on its device.

    Raises TypeError for what has no `__dlpack__`.
    """
    if not hasattr(x, "__dlpack_device__"):
        raise TypeError(f"from_dlpack: expected an array with __dlpack__, got {type(x).__name__}; use nanonet.tensor")
    kind = int(x.__dlpack_device__()[0])
    if kind in (2, 13):  # CUDA's memory, and its managed memory
        return Tensor.wrap(backend_on("cuda").adopt(x))
    if kind not in (1, 3):  # main memory, and its page-locked part
        raise TypeError(f"from_dlpack: expected main memory or CUDA's, got DLPack's device {kind}; copy it first")
    return Tensor.wrap(np.from_dlpack(x))


def zeros(*shape: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Zeros: `zeros(2, 3)` or `zeros((2, 3))`."""
    return Tensor.wrap(place(np.zeros(as_shape("zeros", shape), as_dtype(dtype)))).requires_grad_(requires_grad)


def ones(*shape: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Ones: `ones(2, 3)` or `ones((2, 3))`."""
    return Tensor.wrap(place(np.ones(as_shape("ones", shape), as_dtype(dtype)))).requires_grad_(requires_grad)


def full(shape: Any, fill_value: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """`fill_value` everywhere."""
    filled = np.full(as_shape("full", (shape,)), Tensor(fill_value, dtype, device="cpu").array)
    return Tensor.wrap(place(filled)).requires_grad_(requires_grad)


def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros in x's shape and dtype."""
    return Tensor.wrap(home(x := _array(x)).xp.zeros_like(x, _optional(dtype)))


def zeros_beside(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Zeros of `shape` in x's dtype, where x lies: nothing is copied there."""
    return Tensor.wrap(home(x.array).xp.zeros(shape, x.dtype))


def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones in x's shape and dtype."""
    return Tensor.wrap(home(x := _array(x)).xp.ones_like(x, _optional(dtype)))


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """`fill_value` in x's shape and dtype."""
    return Tensor.wrap(home(x := _array(x)).xp.full_like(x, fill_value, _optional(dtype)))


def arange(start: float, stop: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """start, start + step, … below stop; `arange(n)` is 0 … n-1. float32 where a bound is a float, else int64."""
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ValueError("arange: expected a step that is not 0, got 0")
    kind = np.float32 if any(isinstance(v, float) for v in (start, stop, step)) else np.int64
    return Tensor.wrap(place(np.arange(start, stop, step, dtype=as_dtype(dtype or kind))))


def linspace(start: float, stop: float, num: int = 50, dtype: Any = np.float32) -> Tensor:
    """`num` numbers from start to stop, both included, at equal distances."""
    return Tensor.wrap(place(np.linspace(start, stop, num, dtype=dtype)))


def eye(n: int, m: int | None = None, dtype: Any = np.float32) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix."""
    return Tensor.wrap(place(np.eye(n, m, dtype=dtype)))


def _optional(dtype: Any) -> Any:
    return None if dtype is None else as_dtype(dtype)


def _array(x: Any) -> Any:
    return x.array if isinstance(x, Tensor) else place(x) if isinstance(x, np.ndarray) else as_array(x, None)
