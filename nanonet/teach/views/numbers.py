"""Numbers in few characters, the same in every view."""

from __future__ import annotations

import numpy as np


def short(array: np.ndarray, digits: int = 3, most: int = 6) -> str:
    """A small array whole, a large one by its shape and range: "[0.1, -0.2]", "5×4 in [-1.2, 3]"."""
    if array.size == 0:
        return f"{shape(array)}, empty"
    if array.size > most:
        return f"{shape(array)} in [{array.min():.{digits}g}, {array.max():.{digits}g}]"
    return _nested(array, digits)


def shape(array: np.ndarray) -> str:
    """ "5×4"; "number" of a 0-d array."""
    return "×".join(map(str, array.shape)) or "number"


def _nested(array: np.ndarray, digits: int) -> str:
    if not array.ndim:
        return f"{array.item():.{digits}g}" if array.dtype.kind == "f" else str(array.item())
    return f"[{', '.join(_nested(one, digits) for one in array)}]"
