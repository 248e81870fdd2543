"""Are two tensors equal? Plain answers, for tests and asserts; `==` compares element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.tensor import Tensor, as_tensor


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """|a - b| ≤ atol + rtol |b| everywhere. Tensors, arrays, lists or numbers; shapes broadcast."""
    return bool(np.allclose(as_tensor(a).array, as_tensor(b).array, rtol, atol, equal_nan))


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """True where |a - b| ≤ atol + rtol |b|."""
    return Tensor.wrap(np.asarray(np.isclose(as_tensor(a).array, as_tensor(b).array, rtol, atol, equal_nan)))


def array_equal(a: Any, b: Any, equal_nan: bool = False) -> bool:
    """The same shape and the same elements."""
    return bool(np.array_equal(as_tensor(a).array, as_tensor(b).array, equal_nan))
