"""The points in weight space that a training goes through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from nanonet.nn import Module
from nanonet.teach.plots.quiet import tensors_of
from nanonet.tensor import Tensor
from nanonet.training.callbacks import Callback

if TYPE_CHECKING:
    from nanonet.training.trainer import Trainer


class WeightPath(Callback):
    """Copies of the parameters, one after each step: where the optimizer has been.

    parameters  a Module, or a list of Tensors
    every       keep every so many batches, where it is a callback

    By hand, or as a callback of `fit`, which keeps the start too:

        path = WeightPath(model)
        path.record()                               # the start, then once more after each optimizer.step()
        model.fit(x, y, callbacks=[path])           # the same, by itself
    """

    def __init__(self, parameters: Module | Iterable[Tensor], every: int = 1) -> None:
        if every < 1:
            raise ValueError(f"WeightPath: expected every ≥ 1, got {every}")
        self.tensors = tensors_of(parameters)
        self.every = every
        self.arrays: list[list[np.ndarray]] = []

    def record(self) -> None:
        """Keep the parameters as they are now."""
        self.arrays.append([p.array.copy() for p in self.tensors])

    def on_fit_begin(self, trainer: Trainer) -> None:
        self.seen = 0
        self.record()

    def on_batch_end(self, trainer: Trainer) -> None:
        self.seen += 1
        if self.seen % self.every == 0:
            self.record()

    def __len__(self) -> int:
        return len(self.arrays)

    @property
    def points(self) -> np.ndarray:
        """(steps, P) float64: all P weights of each step in a row."""
        return np.array([flat(arrays) for arrays in self.arrays])


def flat(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """All numbers in one float64 vector."""
    return np.concatenate([np.ravel(a).astype(np.float64) for a in arrays])


def shaped(vector: np.ndarray, like: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The vector cut into arrays of the shapes and dtypes of `like`: the inverse of `flat`."""
    found: list[np.ndarray] = []
    start = 0
    for a in like:
        found.append(vector[start : start + a.size].reshape(a.shape).astype(a.dtype))
        start += a.size
    return found
