"""What every rung asks of its operands, and the frame that gives the compiled loops contiguous arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any
# a·b + c may be one rounding instead of two, sums may be taken in another order; NaN and Inf keep their meaning.
# Without Python's lock, so that threads can run side by side.
FLAGS: Any = {"fastmath": {"contract", "nsz", "reassoc"}, "error_model": "numpy", "cache": True, "nogil": True}
_WORK: Any = 10_000  # what `np.shares_memory` may spend; beyond it two arrays count as overlapping


def checked(a: Array, b: Array, out: Array | None) -> Array:
    """`out` for a (M, K) @ b (K, N), made if it was not given; an error in one line if the three do not fit."""
    _refuse_other_than_matrices("a", a)
    _refuse_other_than_matrices("b", b)
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"matmul: a (M, K) = {a.shape} needs b ({a.shape[1]}, N), got {b.shape}")
    shape = (a.shape[0], b.shape[1])
    if out is None:
        return np.empty(shape, np.float32)
    _refuse_other_than_matrices("out", out)
    if out.shape != shape:
        raise ValueError(f"matmul: a {a.shape} @ b {b.shape} needs out {shape}, got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("matmul: out must be writeable, got a read-only array; give another, or none")
    for name, x in (("a", a), ("b", b)):
        if _overlap(x, out):
            raise ValueError(f"matmul: out must not overlap {name}, which is read while out is written; give another")
    if not out.flags.c_contiguous and _overlaps_itself(out):
        raise ValueError(f"matmul: out must not overlap itself, got strides {out.strides}; give another, or none")
    return out


def _refuse_other_than_matrices(name: str, x: Array) -> None:
    if not isinstance(x, np.ndarray):
        raise TypeError(f"matmul: {name} must be a NumPy array, got {type(x).__name__}; np.asarray makes one")
    if x.dtype != np.float32:
        raise TypeError(f"matmul: {name} must be float32, got {x.dtype}; {name}.astype(np.float32) makes it so")
    if x.ndim != 2:
        raise ValueError(f"matmul: {name} must have two dimensions, got shape {x.shape}; reshape it")


def on_contiguous(loops: Callable[[Array, Array, Array], None], a: Array, b: Array, out: Array) -> Array:
    """loops(a, b, out) on contiguous arrays, so that it is compiled once; others are copied: O(n²) beside O(n³).

    Read-only arrays are copied too; they would be another type to Numba.
    """
    need: Any = ["C_CONTIGUOUS", "ALIGNED", "WRITEABLE"]
    direct = out.flags.c_contiguous and out.flags.aligned
    c = out if direct else np.empty(out.shape, np.float32)
    loops(np.require(a, requirements=need), np.require(b, requirements=need), c)
    if not direct:
        out[...] = c
    return out


def _overlap(x: Array, y: Array) -> bool:
    """Whether some byte belongs to both arrays; True also where finding out would take too long."""
    try:
        return np.shares_memory(x, y, max_work=_WORK)
    except np.exceptions.TooHardError:
        return True


def _overlaps_itself(x: Array) -> bool:
    """Whether a step along one axis is too short for what lies along the others (0 where an array was broadcast)."""
    extent = x.itemsize if x.size else 0
    for stride, n in sorted((abs(stride), n) for stride, n in zip(x.strides, x.shape, strict=True) if n > 1):
        if stride < extent:
            return True
        extent += stride * (n - 1)
    return False
