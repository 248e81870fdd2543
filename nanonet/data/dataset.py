"""Data sets: a length and items; and how items become a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nanonet.conversion import as_array
from nanonet.device import on_host
from nanonet.tensor import Tensor

_NUMBERS = (bool, int, float, np.generic)


class Dataset:
    """A number of samples: a subclass defines `__len__` and `__getitem__`. It may define `batch` too, for speed."""

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} needs __len__: the number of samples")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs __getitem__: the sample number `index`")

    def batch(self, rows: np.ndarray) -> Any:
        """The samples of these numbers, stacked in new arrays."""
        return collate([self[int(i)] for i in rows])


class ArrayDataset(Dataset):
    """Sample i is the tuple of every array's row i: `ArrayDataset(x, y)[i] == (x[i], y[i])`.

    Arrays, Tensors or lists of numbers, all of one length N, are shared, not copied; a batch is a copy.
    Raises ValueError for no arrays and for different lengths, TypeError for what is not numbers.
    """

    def __init__(self, *arrays: Any):
        if not arrays:
            raise ValueError("ArrayDataset: expected one array or more, got none")
        self.arrays = tuple(_array(a) for a in arrays)
        shapes = [a.shape for a in self.arrays]
        if any(not shape for shape in shapes):
            raise ValueError(
                f"ArrayDataset: expected arrays of samples (N, …), got a single number among the shapes {shapes}"
            )
        if len({shape[0] for shape in shapes}) > 1:
            raise ValueError(f"ArrayDataset: expected arrays of one length N, got shapes {', '.join(map(str, shapes))}")

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return tuple(a[index] for a in self.arrays)

    def batch(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(a.take(rows, axis=0) for a in self.arrays)


class Subset(Dataset):
    """Some samples of a data set: sample i is `dataset[indices[i]]`. Raises ValueError for an index outside it."""

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray):
        self.dataset = dataset
        self.indices = np.array(indices, dtype=np.int64).reshape(-1)
        wrong = self.indices[(self.indices < 0) | (self.indices >= len(dataset))]
        if wrong.size:
            raise ValueError(f"Subset: expected indices from 0 to {len(dataset) - 1}, got {wrong[0]}")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, rows: np.ndarray) -> Any:
        chosen = self.indices[rows]
        return self.dataset.batch(chosen) if isinstance(self.dataset, Dataset) else super().batch(rows)


def collate(items: Sequence[Any]) -> Any:
    """Samples stacked: arrays and numbers become an array with a first axis of samples; tuples, lists and dicts go
    element by element; strings become a list.

    Python floats become float32. Raises ValueError where shapes or lengths differ, TypeError for other things.
    """
    first = items[0]
    if isinstance(first, Tensor | np.ndarray):
        arrays = [on_host(x.array) if isinstance(x, Tensor) else np.asarray(x) for x in items]
        shapes = sorted({a.shape for a in arrays})
        if len(shapes) > 1:
            raise ValueError(
                f"collate: samples of one batch have shapes {shapes[0]} and {shapes[1]}; "
                "make them equal, or give a collate_fn (arrays of all samples go to the loader as a tuple)"
            )
        return np.stack(arrays)
    if isinstance(first, _NUMBERS):
        return as_array(list(items), None)
    if isinstance(first, str | bytes):
        return list(items)
    if isinstance(first, dict):
        return {key: collate([item[key] for item in items]) for key in first}
    if isinstance(first, tuple | list):
        if len({len(item) for item in items}) > 1:
            raise ValueError("collate: samples of one batch have different numbers of parts; give a collate_fn")
        return tuple(collate(parts) for parts in zip(*items, strict=True))
    raise TypeError(
        f"collate: expected arrays, numbers, strings, tuples or dicts, got {type(first).__name__}; give a collate_fn"
    )


def to_tensors(batch: Any) -> Any:
    """Every array in a batch made a Tensor, without a copy."""
    if isinstance(batch, np.ndarray):
        return Tensor.wrap(batch)
    if isinstance(batch, tuple | list):
        parts = [to_tensors(part) for part in batch]
        return tuple(parts) if type(batch) is tuple else parts
    if isinstance(batch, dict):
        return {key: to_tensors(part) for key, part in batch.items()}
    return batch


def _array(data: Any) -> np.ndarray:
    if isinstance(data, Tensor):
        return on_host(data.array)
    if not isinstance(data, np.ndarray):
        return as_array(data, None)
    if data.dtype.kind not in "fiubc":
        raise TypeError(f"ArrayDataset: expected numbers, got dtype {data.dtype}; turn labels into class indices first")
    return np.asarray(data)
