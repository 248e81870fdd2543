"""An array in as many characters as there is room for."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST_ENTRIES = 64  # of a larger array no view writes all


def number(x: Any, digits: int = 4) -> str:
    """One number: 0.3679, -1.2e-05, 3, True."""
    if isinstance(x, bool | np.bool_ | int | np.integer):
        return str(x)
    if not np.isfinite(x):
        return str(float(x))
    text = f"{float(x):.{digits}g}"
    return text[1:] if text == "-0" else text


def shape(sizes: tuple[int, ...]) -> str:
    """ "2×3"; "number" for no axes."""
    return "×".join(map(str, sizes)) or "number"


def inline(array: Any, room: int = 40) -> str:
    """In one line: all entries if they fit in `room` characters, with fewer digits if they must, else the range."""
    array = np.asarray(array)
    if array.size == 0:
        return f"{shape(array.shape)}, empty"
    if array.size <= MOST_ENTRIES:
        for digits in (4, 3):
            text = _all(array, digits)
            if len(text) <= room:
                return text
    return between(array)


def _all(array: np.ndarray, digits: int) -> str:
    if array.ndim == 0:
        return number(array[()], digits)
    return "[" + " ".join(_all(np.asarray(row), digits) for row in array) + "]"


def between(array: np.ndarray) -> str:
    """ "-1.2 … 0.8": the smallest and the largest entry."""
    if array.dtype.kind not in "fiub":
        return str(array.dtype)
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if finite.size == 0:
        return "no finite number"
    low, high = number(finite.min(), 3), number(finite.max(), 3)
    others = "" if finite.size == array.size else f", {array.size - finite.size:,} not finite"
    return (f"all {low}" if low == high else f"{low} … {high}") + others


def rows(array: Any, width: int = 72, height: int = 12, digits: int = 4) -> list[str]:
    """As lines, columns aligned; of a large one the first and last rows and columns. More than two axes: by slices."""
    array = np.asarray(array)
    if array.size == 0 or array.ndim == 0:
        return [inline(array)]
    if array.ndim > 2:
        return _slices(array, width, height, digits)
    table = array.reshape(1, -1) if array.ndim == 1 else array
    down = some(table.shape[0], height)
    widest = max(8, max(len(number(x, digits)) for x in table[[i for i in down if i is not None]].ravel()[:4096]))
    across = some(table.shape[1], max(3, (width - 4) // (widest + 2)))
    cells = [["⋮" if i is None else "…" if j is None else number(table[i, j], digits) for j in across] for i in down]
    return _aligned(cells)


def _slices(array: np.ndarray, width: int, height: int, digits: int) -> list[str]:
    lines: list[str] = []
    places = list(np.ndindex(array.shape[:-2]))
    for count, place in enumerate(places):
        block = rows(array[place], width, max(3, min(height, 4)), digits)
        if lines and len(lines) + len(block) + 1 > height:
            return [*lines, f"… and {len(places) - count:,} more slices"]
        lines += [f"[{', '.join(map(str, place))}]", *block]
    return lines


def some(count: int, most: int) -> list[int | None]:
    """Which of `count` are shown where there is room for `most`; None stands for those left out."""
    if count <= most:
        return list(range(count))
    first = max(1, most - 2)
    return [*range(first), None, count - 1]


def _aligned(cells: list[list[str]]) -> list[str]:
    widths = [max(len(row[j]) for row in cells) for j in range(len(cells[0]))]
    return ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in cells]
