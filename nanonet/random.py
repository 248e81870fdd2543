"""Random tensors, drawn from the default generator (`nanonet.generator`, where ops find it too)."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.generator import default_generator, get_state, manual_seed, set_state
from nanonet.tensor import Tensor

__all__ = ["default_generator", "get_state", "manual_seed", "rand", "randint", "randn", "randperm", "set_state"]


def randn(*shape: int, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Standard normal numbers of `shape`."""
    return Tensor.wrap(default_generator().standard_normal(shape).astype(dtype)).requires_grad_(requires_grad)


def rand(*shape: int, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Uniform numbers in [0, 1) of `shape`."""
    return Tensor.wrap(np.asarray(default_generator().random(shape), dtype)).requires_grad_(requires_grad)


def randint(low: int, high: int, size: tuple[int, ...]) -> Tensor:
    """Integers in [low, high) of shape `size`."""
    return Tensor.wrap(default_generator().integers(low, high, size))


def randperm(n: int) -> Tensor:
    """0 … n-1 in random order."""
    return Tensor.wrap(default_generator().permutation(n))
