"""Parameter: a tensor that a module learns."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.tensor import Tensor


class Parameter(Tensor):
    """A Tensor that, set as an attribute of a Module, is one of its parameters.

    `Parameter(data)` copies `data` (a Tensor, an array, a list). Raises TypeError for data that is not floating,
    unless `requires_grad=False`.
    """

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad=requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


def new_parameter(*shape: int, dtype: Any = None, device: str | None = None) -> Parameter:
    """A Parameter of zeros, for `reset_parameters` to fill; float32 unless `dtype` says otherwise."""
    if any(isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0 for n in shape):
        raise ValueError(f"parameter: expected whole numbers of at least 0 as sizes, got {shape}")
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise TypeError(f"parameter: expected a floating dtype, got {np.dtype(dtype)}; parameters have gradients")
    return Parameter(Tensor(np.zeros(shape, np.float32 if dtype is None else dtype), device=device))


def new_buffer(fill: float, *shape: int, dtype: Any = None, device: str | None = None) -> Tensor:
    """A Tensor of `shape` filled with one number, for `register_buffer`; float32 unless `dtype` says otherwise."""
    return Tensor(np.full(shape, fill, np.float32 if dtype is None else dtype), device=device)
