"""Are two tensors equal? Plain answers, for tests and asserts; `==` compares element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.device import on_host
from nanonet.tensor import Tensor, as_tensor


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """|a - b| ≤ atol + rtol |b| everywhere. Tensors, arrays, lists or numbers; shapes broadcast."""
    return bool(np.allclose(_numbers(a), _numbers(b), rtol, atol, equal_nan))


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """True where |a - b| ≤ atol + rtol |b|."""
    return Tensor(np.isclose(_numbers(a), _numbers(b), rtol, atol, equal_nan))


def array_equal(a: Any, b: Any, equal_nan: bool = False) -> bool:
    """The same shape and the same elements."""
    return bool(np.array_equal(_numbers(a), _numbers(b), equal_nan))


def _numbers(x: Any) -> np.ndarray:
    return on_host(as_tensor(x).array)
