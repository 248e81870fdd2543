"""The textbook backend: rules run on NumPy as they are written."""

from __future__ import annotations

from functools import partial
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from nanonet.backends import windows as sliding
from nanonet.backends.base import HOMES, VOCABULARY, Backend
from nanonet.ops import update
from nanonet_kernels.cpu import updates


def erf(x: Any) -> Any:
    """Error function 2/√π ∫₀ˣ exp(-t²) dt, which NumPy lacks."""
    from scipy import special  # here, because it would double the time that `import nanonet` takes

    return special.erf(x)


def _reduction(ufunc: np.ufunc) -> Any:
    """np.sum and its like, without their checks, which take longer than the sum of a small array."""

    def reduce(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return ufunc.reduce(x, axis, None, None, keepdims)  # pyright: ignore[reportCallIssue]

    return reduce


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)). Where exp(-x) overflows, y is 0 to the last bit; only the warning is unwanted."""
    y = np.asarray(np.negative(x))  # one array for all steps; asarray because NumPy makes a scalar of a 0-d array
    with np.errstate(over="ignore"):
        np.exp(y, out=y)
    np.add(y, 1, out=y)
    return np.divide(1, y, out=y)


def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    """x, but `value` where `mask` is true.

    Zeros, which gradients are full of, come from a bitwise and: several times faster than `where` on a random mask,
    whose branch at every element the processor predicts wrongly half of the time.
    """
    integer = _INTEGERS.get(getattr(x, "dtype", None))
    if integer is None or not isinstance(value, int | float) or value != 0 or not x.ndim or x.shape != mask.shape:
        return np.where(mask, value, x)
    y = mask.astype(integer)
    y -= 1  # all bits where the mask is false, none where it is true
    y &= x.view(integer)
    return y.view(x.dtype)


_INTEGERS = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


def put_add(x: Any, *, shape: tuple[int, ...], key: Any) -> Any:
    """Zeros of `shape`, then y[key] += x, where an index that occurs twice is added to twice."""
    y = np.zeros(shape, x.dtype)
    if _picks_once(key):
        y[key] = x
    elif y.size:
        places = _places(shape, key)
        x = np.broadcast_to(x, places.shape)
        np.add.at(y.reshape(-1), places.reshape(-1), x.reshape(-1))  # fast with one flat index only
    return y


def _picks_once(key: Any) -> bool:
    """Slices, integers, None, ... and one mask pick every element at most once; integer arrays may not."""
    parts = key if isinstance(key, tuple) else (key,)
    masks = sum(isinstance(p, np.ndarray) and p.dtype == np.bool_ for p in parts)
    basic = sum(p is None or p is Ellipsis or isinstance(p, slice | int | np.integer) for p in parts)
    return masks <= 1 and masks + basic == len(parts)


def _places(shape: tuple[int, ...], key: Any) -> Any:
    """Where each element of y[key] lies in the flattened y."""
    if isinstance(key, tuple) and len(key) == 1:
        key = key[0]
    if isinstance(key, np.ndarray) and key.dtype.kind in "iu":  # whole rows: as an embedding's gradient
        row = prod(shape[1:])
        rows = np.arange(0, shape[0] * row, row)[key]  # where each begins; checks the range too
        return rows.reshape((*key.shape, *(1,) * (len(shape) - 1))) + np.arange(row).reshape(shape[1:])
    return np.arange(prod(shape)).reshape(shape)[key]


def windows(x: Any, **attrs: Any) -> Any:
    """Every window of x: see `nanonet.backends.windows`. Read-only, for its elements lie over one another."""
    y = sliding.windows(np, x, **attrs)
    y.flags.writeable = False
    return y


_ours = {
    "sum": _reduction(np.add),
    "prod": _reduction(np.multiply),
    "max": _reduction(np.maximum),
    "min": _reduction(np.minimum),
    "erf": erf,
    "sigmoid": sigmoid,
    "masked_fill": masked_fill,
    "inv": np.linalg.inv,
    "solve": np.linalg.solve,
    "det": np.linalg.det,
    "cholesky": np.linalg.cholesky,
    "put_add": put_add,
    "windows": windows,
    "fold_windows": partial(sliding.fold_windows, np),
}

xp = SimpleNamespace(**{name: _ours[name] if name in _ours else getattr(np, name) for name in VOCABULARY})

# The update rules' kernels write into the parameter and the memory that optimizers donate: see nanonet.ops.update.
_in_place = ("sgd", "momentum", "rmsprop", "adagrad", "adam", "adamw", "scale_to_norm", "clip_value")

backend = Backend("numpy", xp, np.ndarray, {getattr(update, name): getattr(updates, name) for name in _in_place})
HOMES[np.ndarray] = backend
