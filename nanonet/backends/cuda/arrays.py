"""The arrays that this process's `cuda` backend computes with: CuPy's, or the simulator's stand-ins for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_kernels.cuda.kernel import simulated
from nanonet_kernels.cuda.memory import SimulatedArray

Array = Any

if simulated():
    from nanonet.backends.cuda.simulation import namespace as _namespace

    xp: Any = _namespace()

    def empty(shape: tuple[int, ...], dtype: Any) -> Array:
        """Memory for a kernel to write. Floats are NaN, so that what a kernel forgets to write is seen."""
        host = np.empty(shape, dtype)
        if host.dtype.kind == "f":
            host.fill(np.nan)
        return SimulatedArray(host)

else:
    import cupy as _library  # pyright: ignore[reportMissingImports]

    from nanonet.backends.cuda.namespace import namespace as _namespace

    cupy: Any = _library
    xp = _namespace(cupy)
    empty = cupy.empty


def empty_like(x: Array) -> Array:
    """Contiguous memory of x's shape and dtype."""
    return empty(x.shape, x.dtype)


def fits(*arrays: Array) -> bool:
    """Are the kernels for these? Contiguous, with elements, all float32 or all float64."""
    first = arrays[0].dtype
    return first.char in "fd" and all(a.dtype == first and a.size and a.flags.c_contiguous for a in arrays)


def contiguous(x: Array, dtype: Any = None) -> Array:
    """x, or a contiguous copy of `dtype`."""
    if dtype is not None and x.dtype != dtype:
        x = x.astype(dtype)
    return x if x.flags.c_contiguous else x.copy()
