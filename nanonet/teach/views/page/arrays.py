"""The arrays of a page: each once, as base64 of its bytes; those for which there is no room as a summary."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import numpy as np

SIDE, LITTLE = 12, 4  # rows and columns of the small map that a summary keeps; of each of very many
MANY = 1000
_EXACT = ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")  # what JavaScript reads without a loss


class Arrays:
    """A store in which a number stands for an array; equal arrays (shape, dtype and bytes) have the same number."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self.numbers: dict[tuple[str, tuple[int, ...], bytes], int] = {}

    def number(self, array: np.ndarray | None) -> int:
        """The number of an array; -1 for None."""
        if array is None:
            return -1
        array = np.asarray(array)
        shape = array.shape  # ascontiguousarray makes a vector of a 0-d array
        array = np.ascontiguousarray(array).reshape(shape)
        key = array.dtype.str, shape, hashlib.blake2b(array.tobytes(), digest_size=16).digest()
        if key not in self.numbers:
            self.numbers[key] = len(self.arrays)
            self.arrays.append(array)
        return self.numbers[key]

    def packed(self, room: int) -> list[dict[str, Any]]:
        """All of them for JSON, the smallest whole, until `room` characters are used; then summaries."""
        found: list[dict[str, Any]] = [{} for _ in self.arrays]
        for number in sorted(range(len(self.arrays)), key=lambda i: self.arrays[i].nbytes):
            array = self.arrays[number]
            room -= array.nbytes * 4 // 3 + 4
            found[number] = whole(array) if room >= 0 else summary(array, SIDE if len(found) < MANY else LITTLE)
        return found


def whole(array: np.ndarray) -> dict[str, Any]:
    """Shape, dtype and bytes (little-endian)."""
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    if kind not in _EXACT:  # float16 fits into float32; a wider float is rounded, as JavaScript has none
        array = array.astype("f4" if kind == "f2" else "f8")
        kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return {"shape": array.shape, "type": kind, "data": base64.b64encode(data).decode()}


def summary(array: np.ndarray, side: int = SIDE) -> dict[str, Any]:
    """Shape, least, largest and mean entry, and a small map of block averages in 255 levels around 0."""
    wide = array.astype("f8")
    blocks = averaged(wide.reshape(-1, array.shape[-1] if array.ndim else 1), side)
    largest = float(np.max(np.abs(blocks), initial=0.0, where=np.isfinite(blocks)))
    levels = np.full(blocks.shape, -128)
    finite = np.isfinite(blocks)
    levels[finite] = np.rint(blocks[finite] / (largest or 1.0) * 127)
    return {
        "shape": array.shape,
        "min": plain(wide.min()),
        "max": plain(wide.max()),
        "mean": plain(wide.mean()),
        "map": {
            "rows": blocks.shape[0],
            "cols": blocks.shape[1],
            "largest": largest,
            "data": base64.b64encode(levels.astype("i1").tobytes()).decode(),
        },
    }


def averaged(matrix: np.ndarray, side: int) -> np.ndarray:
    """A matrix of at most `side` rows and columns, each entry the mean of a block."""
    for axis in (0, 1):
        n = matrix.shape[axis]
        if n > side:
            starts = np.arange(side) * n // side
            counts = np.diff(np.append(starts, n))
            sums = np.add.reduceat(matrix, starts, axis=axis)
            matrix = sums / (counts[:, None] if axis == 0 else counts[None, :])
    return matrix


def plain(x: Any) -> float | str:
    """A number that JSON can hold: NaN and the infinities are words."""
    x = float(x)
    if np.isfinite(x):
        return x
    return "NaN" if np.isnan(x) else "Infinity" if x > 0 else "-Infinity"
