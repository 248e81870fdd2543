"""What people hand in, made into what the engine computes with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from nanonet.variable import Variable


def as_array(data: Any, dtype: Any) -> Any:
    """A new array of `data`. Python floats become float32; arrays and NumPy scalars keep their dtype."""
    if isinstance(data, Variable):
        data = data.array
    try:
        array = np.array(data, dtype=dtype)
    except (ValueError, TypeError) as error:
        expected = "a number, an array or an evenly nested list"
        raise ValueError(f"tensor: expected {expected}, got {type(data).__name__}: {error}") from None
    if array.dtype.kind not in "fiubc":
        raise TypeError(f"tensor: expected numbers, got dtype {array.dtype}; convert text and objects to numbers first")
    if dtype is None and array.dtype == np.float64:
        first: Any = data
        while isinstance(first, list | tuple) and first:
            first = cast(Sequence[Any], first)[0]
        if not isinstance(first, np.ndarray | np.generic):
            array = array.astype(np.float32)
    return array


def plain_key(key: Any) -> Any:
    """An index expression with arrays in the place of Tensors."""
    if isinstance(key, tuple):
        return tuple(plain_key(k) for k in cast(tuple[Any, ...], key))
    return getattr(key, "array", key)


def check_device(device: str | None) -> None:
    """Refuse a device that cannot be had here."""
    if device not in (None, "cpu"):
        raise ValueError(f"device: expected 'cpu', got {device!r}; nanonet.backends() says which devices can run here")
