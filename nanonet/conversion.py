"""What people hand in, made into what the engine computes with."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any, cast

import numpy as np

from nanonet.backends.base import HOMES
from nanonet.device import backend_on, device_of, place
from nanonet.variable import Variable


def as_array(data: Any, dtype: Any = None, floats: Any = np.float32, device: str | None = None) -> Any:
    """A new array of `data` on `device` (None: the current backend's, but a Tensor stays where it is).

    Python floats become `floats`; arrays and NumPy scalars keep their dtype.
    """
    if isinstance(data, Variable):
        data, device = data.array, device or device_of(data.array)
    if dtype is not None:
        dtype = as_dtype(dtype)
    if device_of(data) != "cpu":
        copied = data.copy() if dtype is None else data.astype(dtype)
        return copied if device is None else place(copied, device)
    if hasattr(data, "__cuda_array_interface__"):  # another library's, on the GPU
        copied = backend_on("cuda").adopt(data).copy()
        return place(copied if dtype is None else copied.astype(dtype), device)
    return place(_on_host(data, dtype, floats), device)


def _on_host(data: Any, dtype: Any, floats: Any) -> Any:
    try:
        array = np.array(data, dtype=dtype)
    except (ValueError, TypeError) as error:
        expected = "a number, an array or an evenly nested list"
        raise ValueError(f"tensor: expected {expected}, got {type(data).__name__}: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"tensor: expected numbers, got dtype {array.dtype}; convert it to real numbers first")
    if not array.dtype.isnative:  # from a file of another kind of machine
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype is None and array.dtype == np.float64 and floats != np.float64:
        first: Any = data
        while isinstance(first, list | tuple) and first:
            first = cast(Sequence[Any], first)[0]
        if not isinstance(first, np.ndarray | np.generic):
            array = array.astype(floats)
    return array


def floats_with(*operands: Any) -> Any:
    """What Python floats in a list become beside these operands: not less exact than they are."""
    arrays: list[Any] = [x.array if isinstance(x, Variable) else x for x in operands]
    found = [x.dtype for x in arrays if hasattr(x, "ndim") and x.dtype.kind == "f" and not isinstance(x, np.generic)]
    return np.result_type(*found) if found else np.float32


def as_dtype(dtype: Any) -> Any:
    """A NumPy dtype of real numbers, in this machine's byte order."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or found.kind not in "fiub":
        raise TypeError(f"dtype: expected a real one such as 'float32', 'float64', 'int64' or 'bool', got {dtype!r}")
    return found.newbyteorder("=")


def as_place(value: Any) -> tuple[str | None, Any]:
    """What `to(value)` names: (a device, None) or (None, a dtype)."""
    if value is None or (isinstance(value, str) and value.partition(":")[0] in ("cpu", "cuda")):
        return value, None
    try:
        return None, as_dtype(value)
    except TypeError as error:
        raise TypeError(f"{error}; the devices are 'cpu' and 'cuda'") from None


def as_shape(name: str, shape: tuple[Any, ...]) -> tuple[int, ...]:
    """The lengths of the axes, given one by one, or as one number or one sequence."""
    lengths: Any = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    try:
        found = tuple(index(n) for n in lengths)
    except TypeError:
        raise TypeError(f"{name}: expected integers for the shape, got {lengths!r}") from None
    if any(n < 0 for n in found):
        raise ValueError(f"{name}: expected axes of length 0 or more, got shape {found}")
    return found


def plain_key(key: Any, device: str) -> Any:
    """An index expression with arrays in the place of Tensors, all of them on `device`."""
    if isinstance(key, tuple):
        return tuple(plain_key(k, device) for k in cast(tuple[Any, ...], key))
    array = getattr(key, "array", key)
    return place(array, device) if type(array) in HOMES else array
