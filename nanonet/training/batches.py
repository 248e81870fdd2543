"""What fit, evaluate and predict take as data, made into batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nanonet.conversion import as_array
from nanonet.data import DataLoader, Dataset
from nanonet.device import on_host, place
from nanonet.nn import Module
from nanonet.tensor import Tensor

Batches = Iterable[Any]


def make_loader(
    owner: str,
    model: Module,
    x: Any,
    y: Any,
    batch_size: int,
    shuffle: bool = False,
    seed: int | None = None,
    targets: bool = True,
) -> Batches:
    """Batches of (x, y) in memory, or `x` itself where it gives batches. Raises ValueError for what is not data."""
    if is_loader(x) or isinstance(x, Dataset):
        if y is not None:
            raise ValueError(f"{owner}: x is a {type(x).__name__}, its batches have the targets; leave y out")
        return DataLoader(x, batch_size, shuffle, seed) if isinstance(x, Dataset) else x
    if y is None and targets:
        raise ValueError(f"{owner}: y is missing; give the targets, or a DataLoader of (x, y) batches")
    dtype = float_dtype(model)
    inputs = [_cast(array_of(owner, one), dtype) for one in (x if isinstance(x, tuple) else (x,))]
    arrays = [*inputs, array_of(owner, y)] if targets else inputs
    if len({a.shape[:1] for a in arrays}) > 1 or not all(a.ndim for a in arrays):
        raise ValueError(
            f"{owner}: expected x and y of one length, got shapes {', '.join(str(a.shape) for a in arrays)}"
        )
    if not len(arrays[0]):
        raise ValueError(f"{owner}: x has no samples")
    if targets:
        _refuse_gaps(owner, arrays)
    return DataLoader(tuple(arrays), batch_size, shuffle, seed, device=device_of_model(model))


def split_off(x: Any, y: Any, share: float) -> tuple[Any, Any, Any]:
    """(x, y, (x, y) to validate with, or None): the last `share` of the samples is held out."""
    if not isinstance(share, int | float | np.number) or not 0 <= share < 1:
        raise ValueError(f"fit: expected validation_split from 0 to below 1, got {share!r}")
    if not share:
        return x, y, None
    if is_loader(x) or isinstance(x, Dataset) or y is None:
        raise ValueError("fit: validation_split needs arrays x and y; with a loader, give validation_data")
    arrays = [array_of("fit", one) for one in (*(x if isinstance(x, tuple) else (x,)), y)]
    n = min(len(a) for a in arrays)
    first = int(n * (1 - share))
    if first in (0, n):
        raise ValueError(f"fit: validation_split {share} of {n} samples leaves one part empty")
    *front, front_y = [a[:first] for a in arrays]
    *back, back_y = [a[first:] for a in arrays]
    many = isinstance(x, tuple)
    return (tuple(front) if many else front[0]), front_y, ((tuple(back) if many else back[0]), back_y)


def inputs_of(model: Module, batch: Any, targets: bool = True) -> tuple[list[Tensor], Any]:
    """(inputs, target) of a batch: the last part is the target. Without targets, or in a lone array, all is input."""
    parts = list(batch) if isinstance(batch, tuple | list) else [batch]
    target = parts.pop() if targets and len(parts) > 1 else None
    dtype = float_dtype(model)
    device = device_of_model(model)
    return [Tensor.wrap(place(_cast(_batch_array(x), dtype), device)) for x in parts], target


def device_of_model(model: Module) -> str | None:
    """Where the model's parameters lie; None, the current backend's device, for a model without any."""
    return next((p.device for p in model.parameters()), None)


def _batch_array(x: Any) -> Any:
    """A batch's array where it lies, on a device or in main memory."""
    return x.array if isinstance(x, Tensor) else array_of("batch", x)


def is_loader(x: Any) -> bool:
    """Does it give batches? Arrays, Tensors, lists and tuples are data themselves."""
    return isinstance(x, Iterable) and not isinstance(x, Tensor | list | tuple) and not hasattr(x, "__array__")


def array_of(owner: str, data: Any) -> np.ndarray:
    """The array of a Tensor, an array or a list; shared where it can be."""
    if isinstance(data, Tensor):
        return on_host(data.array)
    if isinstance(data, np.ndarray) and data.dtype.kind in "fiub":
        return data
    try:
        return as_array(data, None)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{owner}: {error}") from None


def float_dtype(model: Module) -> Any:
    """The dtype of the model's floats."""
    for p in model.parameters():
        if p.dtype.kind == "f":
            return p.dtype
    return np.dtype(np.float32)


def _refuse_gaps(owner: str, arrays: Sequence[np.ndarray]) -> None:
    """NaN and Inf in x or y would spoil the weights, or a figure, without a word."""
    for array in arrays:
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            place = tuple(map(int, np.argwhere(~np.isfinite(array))[0]))
            name = "y" if array is arrays[-1] else "x"
            raise ValueError(f"{owner}: {name} has {array[place]} at {list(place)}; fill it in or leave the sample out")


def _cast(array: np.ndarray, dtype: Any) -> np.ndarray:
    return array.astype(dtype, copy=False) if array.dtype.kind == "f" else array
