"""What rules may ask of `xp`, from CuPy; and, written here, what CuPy lacks or does otherwise than NumPy."""

from __future__ import annotations

from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from nanonet.backends import windows as sliding
from nanonet.backends.base import VOCABULARY


def namespace(cupy: Any) -> SimpleNamespace:
    """The vocabulary on CuPy's arrays."""
    ours = _ours(cupy)
    return SimpleNamespace(**{name: ours[name] if name in ours else getattr(cupy, name) for name in VOCABULARY})


def _ours(cupy: Any) -> dict[str, Any]:
    erf = cupy.ElementwiseKernel("T x", "T y", "y = erf(x)", "nanonet_erf")
    sigmoid = cupy.ElementwiseKernel("T x", "T y", "y = 1 / (1 + exp(-x))", "nanonet_sigmoid")

    def masked_fill(x: Any, mask: Any, value: Any) -> Any:
        if not isinstance(value, cupy.ndarray):
            value = x.dtype.type(value)  # a number goes to the kernel as an argument; as an array it would be copied
        return cupy.where(mask, value, x)

    def where(condition: Any, x: Any, y: Any) -> Any:
        return cupy.where(cupy.asarray(condition), x, y)  # CuPy takes no Python bool

    def argsort(x: Any, axis: int = -1, stable: bool = True) -> Any:
        return cupy.argsort(x, axis=axis)  # which is always stable

    def put_add(x: Any, *, shape: tuple[int, ...], key: Any) -> Any:
        y = cupy.zeros(shape, x.dtype)
        cupy.add.at(y, key, x)
        return y

    @cache
    def constant(values: Any, dtype: Any) -> Any:
        return cupy.asarray(np.asarray(values), dtype=dtype)

    def asarray(x: Any, dtype: Any = None) -> Any:
        """Numbers of a rule (weights of an interpolation, say) are brought to the device once and kept there."""
        if isinstance(x, cupy.ndarray | np.ndarray | np.generic):  # a result, which somebody may change in place
            return cupy.asarray(x, dtype=dtype)
        return constant(_hashable(x), None if dtype is None else np.dtype(dtype))

    def solve(a: Any, b: Any) -> Any:
        if b.ndim > 1:  # CuPy does not broadcast batches
            lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
            a = cupy.broadcast_to(a, (*lead, *a.shape[-2:]))
            b = cupy.broadcast_to(b, (*lead, *b.shape[-2:]))
        return cupy.linalg.solve(a, b)

    return {
        "erf": erf,
        "sigmoid": sigmoid,
        "masked_fill": masked_fill,
        "where": where,
        "argsort": argsort,
        "put_add": put_add,
        "asarray": asarray,
        "windows": partial(sliding.windows, cupy),
        "fold_windows": partial(sliding.fold_windows, cupy),
        "inv": cupy.linalg.inv,
        "solve": solve,
        "det": cupy.linalg.det,
        "cholesky": cupy.linalg.cholesky,
    }


def _hashable(x: Any) -> Any:
    if isinstance(x, list | tuple):
        return tuple(_hashable(one) for one in x)
    return x
