"""A stand-in for device memory, for Numba's simulator and for tests: an array that the host cannot read by accident."""

from __future__ import annotations

from typing import Any

import numpy as np


class SimulatedArray:
    """Device memory that lies in `host`, a NumPy array.

    It has the shape, dtype and strides of `host`, but every implicit way to its numbers raises, as a GPU array should:
    `np.asarray(x)`, `float(x)`, `if x:` would each be a hidden copy and a wait for the device. `x.get()` is the way.
    """

    __slots__ = ("host",)
    __array_priority__ = 1000

    def __init__(self, host: np.ndarray) -> None:
        self.host = host

    def get(self) -> np.ndarray:
        """A copy on the host: the one way to the numbers."""
        return self.host.copy()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.host.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.host.dtype

    @property
    def ndim(self) -> int:
        return self.host.ndim

    @property
    def size(self) -> int:
        return self.host.size

    @property
    def strides(self) -> tuple[int, ...]:
        return self.host.strides

    @property
    def flags(self) -> Any:
        return self.host.flags
