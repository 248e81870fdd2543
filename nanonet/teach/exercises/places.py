"""Which entries of a gradient are wrong, in words: all, a row, where the input is negative, …"""

from __future__ import annotations

import numpy as np


def entries_in_words(wrong: np.ndarray, x: np.ndarray) -> str:
    """Where `wrong` is true, for a gradient in the shape of the input x."""
    count, total = int(np.count_nonzero(wrong)), wrong.size
    if total == 1 or count == 0:
        return ""
    if count == total:
        return "in every entry"
    for words, condition in conditions(x):
        if np.array_equal(wrong, condition):
            return f"exactly where {words}"
    for axis in range(wrong.ndim if wrong.ndim > 1 else 0):
        rest = tuple(i for i in range(wrong.ndim) if i != axis)
        lines = np.flatnonzero(np.any(wrong, axis=rest))
        if np.array_equal(lines, np.flatnonzero(np.all(wrong, axis=rest))):
            return f"in all entries with index {indices(lines)} of axis {axis}"
    first = [int(i) for i in np.argwhere(wrong)[0]]
    return f"in {count} of {total} entries, the first at {first}"


def indices(found: np.ndarray) -> str:
    """0, 2 or 0 to 5."""
    if len(found) > 2 and found[-1] - found[0] == len(found) - 1:
        return f"{found[0]} to {found[-1]}"
    return ", ".join(str(int(i)) for i in found)


def conditions(x: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """What may distinguish entries of x."""
    found = [("the input is negative", x < 0), ("the input is positive", x > 0), ("the input is 0", x == 0)]
    if x.ndim == 2 and x.shape[0] == x.shape[1]:
        diagonal = np.eye(len(x), dtype=bool)
        found += [
            ("the row is the column (the diagonal)", diagonal),
            ("the row is not the column (off the diagonal)", ~diagonal),
        ]
    return found
