"""How large the blocks of the packed rungs are, and what a processor's caches say about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nanonet_kernels.cpu.vector import SHAPE

_USUAL = {1: 32 << 10, 2: 512 << 10, 3: 8 << 20}  # bytes of the three caches, where the system does not tell
_KILO = {"K": 10, "M": 20}


@dataclass(frozen=True)
class Blocks:
    """Numbers of rows (mc), steps in depth (kc) and columns (nc) that are packed and multiplied at a time."""

    mc: int
    kc: int
    nc: int


@cache
def from_caches() -> Blocks:
    """Blocks whose panels fill half of each cache; the other half is for what passes by.

    A panel of b (kc, NR) shall stay in the first level while all panels of a pass, a block of a (mc, kc) in the second
    while all panels of b pass, a block of b (kc, nc) in the third. (Low, Igual, Smith, Quintana-Ortí: Analytical
    modeling is enough for high-performance BLIS, ACM TOMS 43, 2016, choose them more finely.)
    """
    first, second, third = (_bytes(level) // 2 // 4 for level in (1, 2, 3))  # in floats
    kc = max(first // SHAPE.columns, 64)
    mc = max(second // kc // SHAPE.rows, 1) * SHAPE.rows
    nc = min(max(third // kc // SHAPE.columns, 1) * SHAPE.columns, 4096)  # more saves nothing, and takes memory
    return Blocks(mc, kc, nc)


def even(total: int, most: int, step: int) -> int:
    """A block size of at most `most` (at least `step`), a multiple of `step`, that cuts `total` into equal parts."""
    parts = -(-total // max(most, step))
    return round_up(-(-total // parts), step)


def round_up(n: int, step: int) -> int:
    return -(-n // step) * step


def _bytes(level: int) -> int:
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            kind, of, size = ((folder / name).read_text().strip() for name in ("type", "level", "size"))
        except OSError:
            continue
        if kind != "Instruction" and of == str(level) and size[-1:] in _KILO and size[:-1].isdecimal():
            return int(size[:-1]) << _KILO[size[-1]]
    return _USUAL[level]
