"""What the public functions check of their arguments before an array is touched. An error is one line."""

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a Tensor, an array, a nested list or a number."""
    shape = getattr(x, "shape", None)
    return np.shape(x) if shape is None else shape


def one_axis(op: str, x: Any, axis: Any, ndim: int | None = None) -> int:
    """`axis` counted from the front; `ndim` axes to count from, unless x's own."""
    ndim = len(shape_of(x)) if ndim is None else ndim
    try:
        i = index(axis)
    except TypeError:
        raise TypeError(f"{op}: axis must be an integer, got {axis!r}") from None
    if not -ndim <= i < ndim:
        raise ValueError(f"{op}: axis {i} does not exist in x of shape {shape_of(x)}; {_range(ndim)}")
    return i % ndim


def some_axes(op: str, x: Any, axis: Any, ndim: int | None = None) -> tuple[int, ...]:
    """An axis, or several different ones, counted from the front."""
    if not isinstance(axis, tuple | list):
        return (one_axis(op, x, axis, ndim),)
    axes = tuple(one_axis(op, x, a, ndim) for a in axis)
    if len(set(axes)) < len(axes):
        raise ValueError(f"{op}: axis {tuple(axis)} names an axis twice; name each once")
    return axes


def reduced_axes(op: str, x: Any, axis: Any) -> int | tuple[int, ...] | None:
    """The axes of a reduction: None for all. A 0-d x may be reduced over axis 0 or -1, as in NumPy and PyTorch."""
    if axis is None:
        return None
    if not isinstance(axis, tuple | list) and axis in (0, -1) and not shape_of(x):
        return None
    axes = some_axes(op, x, axis)
    return axes if isinstance(axis, tuple | list) else axes[0]


def count(shape: Sequence[int], axis: int | tuple[int, ...] | None) -> int:
    """How many elements a reduction over `axis` (None: all) makes one of."""
    if axis is None:
        axis = tuple(range(len(shape)))
    n = 1
    for a in axis if isinstance(axis, tuple) else (axis,):
        n *= shape[a]
    return n


def _range(ndim: int) -> str:
    return f"use {-ndim} to {ndim - 1}" if ndim else "a 0-d x has no axes"
