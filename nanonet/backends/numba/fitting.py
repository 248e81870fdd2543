"""Which arrays the kernels are for, and what a kernel saves in the place of an array that it did not compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet.backends import numpy as numpy_backend

Array = Any
xp = numpy_backend.xp
FLOAT32 = np.dtype(np.float32)


def fits(*arrays: Any) -> bool:
    """Contiguous float32 with at least one element, all of them."""
    for a in arrays:
        if type(a) is not np.ndarray or a.dtype is not FLOAT32 or not a.flags.c_contiguous or not a.size:
            return False
    return True


class Later(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that a rule saves and a kernel does not need: computed when it is asked for.

    The textbook rules may run backward on what a kernel saved, for instance when the backend was changed in between.
    `parts` are what the array is computed from; the kernel's backward reads them and never the array.
    """

    def __init__(self, compute: Callable[..., Array], *parts: Array) -> None:
        self.compute, self.parts = compute, parts

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.compute(*self.parts), dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        arrays = [np.asarray(x) if isinstance(x, Later) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what NumPy asks before it calls `__array__`
            raise AttributeError(name)
        return getattr(np.asarray(self), name)  # shape, ndim, dtype, …
