"""A cold cache: everything is pushed out by a buffer twice as large as the largest cache."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

LEAST = 64 << 20  # bytes, also where the system does not say how large its caches are
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@cache
def largest_cache() -> int:
    """Bytes of the largest data cache that the system tells of; 0 where it tells nothing."""
    sizes = [0]
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text(encoding="ascii").strip()
        sizes.append(int(text[:-1]) * _UNITS[text[-1]] if text[-1] in _UNITS else int(text))
    return max(sizes)


@cache
def _buffer() -> np.ndarray:
    return np.zeros(max(2 * largest_cache(), LEAST) // 8, np.int64)


def evict() -> None:
    """Read and write every line of the buffer, so that what was in the caches no longer is."""
    buffer = _buffer()
    np.add(buffer, 1, out=buffer)
