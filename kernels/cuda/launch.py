"""How many blocks of how many threads: a table per architecture, and the reasons.

Every kernel here is limited by memory, and right for any launch, so a plan only has to keep enough loads in flight:

- 256 threads in a block divide what a multiprocessor holds on every architecture (1024, 1536 or 2048 threads), so
  none stay idle for a remainder, and a block stays small enough that many of them hide each other's barriers.
- A grid-stride loop lets the number of blocks be bounded. Elementwise kernels get as many as fit on the device at
  once, so that in a large array each thread has several elements, whose loads it starts together; more blocks would
  only be started and ended. Rows get WAVES times as many, since blocks do not all take equally long.
- Rows are reduced by as many threads as leave each of them about 8 elements; short rows share a block, so that the
  threads of a warp read one stretch of memory. Where the reduced axis is not the last one (inner ≥ 32) a thread takes
  a row of its own, and neighbouring threads read neighbouring addresses.
- Columns are read by threads side by side (a warp reads 32 columns of a row: one 128-byte line), and the rows are cut
  into chunks until the device is full.

The number of blocks of a reduction decides in which order is added. It comes from this table and the shape alone, so
the same device gives the same bits every time.

In Numba's simulator a thread costs about 0.2 ms, so a launch has 4 threads there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from nanonet_kernels.cuda.device import MOST_THREADS
from nanonet_kernels.cuda.kernel import simulated

Dim = tuple[int, ...]
Capability = tuple[int, int]
THREADS = 256
WAVES = 4
PER_THREAD = 8  # elements of a row for each of its threads


@dataclass(frozen=True)
class Architecture:
    """What one launch can fill: multiprocessors of a large device, threads that are resident on one of them."""

    multiprocessors: int
    threads: int

    @property
    def resident(self) -> int:
        """Blocks of THREADS threads that run at the same time."""
        return self.multiprocessors * (self.threads // THREADS)


# Resident threads: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
TABLE: dict[Capability, Architecture] = {
    (7, 5): Architecture(72, 1024),  # TITAN RTX, Quadro RTX 8000
    (8, 0): Architecture(108, 2048),  # A100
    (8, 6): Architecture(84, 1536),  # A10, A40, RTX 3090
    (8, 9): Architecture(142, 1536),  # L40, RTX 4090
    (9, 0): Architecture(132, 2048),  # H100
    (10, 0): Architecture(148, 2048),  # B200
    (12, 0): Architecture(188, 1536),  # RTX PRO 6000, RTX 5090
}
SIMULATOR: dict[str, tuple[Dim, Dim]] = {  # (grid, block)
    "elementwise": ((1,), (4,)),
    "total": ((1,), (4,)),
    "rows": ((1,), (2, 2)),
    "columns": ((1, 1), (2, 2)),
    "channels": ((1,), (2, 2)),
    "scatter": ((1, 1), (2, 2)),
}


def architecture(capability: Capability) -> Architecture:
    """The table's entry, or that of the newest architecture before it."""
    known = [c for c in TABLE if c <= capability]
    return TABLE[max(known) if known else min(TABLE)]


@cache
def here() -> Capability | None:
    """The current device's compute capability; None in the simulator."""
    if simulated():
        return None
    import cupy as library  # pyright: ignore[reportMissingImports]

    cupy: Any = library
    text = cupy.cuda.Device().compute_capability
    return int(text[:-1]), int(text[-1])


def plan(
    kind: str, n: int, columns: int | None = None, inner: int = 1, capability: Capability | None = None
) -> tuple[Dim, Dim]:
    """(grid, block) for a launch over n elements, or n rows of `columns` elements that lie `inner` apart.

    kind: "elementwise"; "total" (all n elements to one number per block); "rows" (each row to one number);
    "columns" (n rows to one row; the grid's second number is how many chunks the rows are cut into);
    "channels" (n samples of `columns` channels of `inner` positions, to one number per channel); "scatter" (into n rows
    of `columns` elements). Without `capability` it is the current device's.
    """
    chosen = here() if capability is None else capability
    return SIMULATOR[kind] if chosen is None else _plan(kind, n, columns or 1, inner, chosen)


@lru_cache(maxsize=4096)
def _plan(kind: str, n: int, columns: int, inner: int, capability: Capability) -> tuple[Dim, Dim]:
    resident = architecture(capability).resident
    if kind == "elementwise":
        return (_clip(_parts(n, THREADS), resident),), (THREADS,)
    if kind == "total":  # one wave, so that few numbers are left for the second pass
        return (_clip(_parts(n, THREADS * PER_THREAD), min(resident, MOST_THREADS)),), (THREADS,)
    if kind == "rows":
        width = 1 if inner >= 32 else min(_power_of_two(_parts(columns, PER_THREAD)), MOST_THREADS)
        height = max(THREADS // width, 1)
        return (_clip(_parts(n, height), WAVES * resident),), (width, height)
    if kind == "columns":
        width = min(_power_of_two(columns), 32)
        height = THREADS // width
        across = _clip(_parts(columns, width), resident)
        chunks = _clip(_parts(n, height * PER_THREAD), max(resident // across, 1))
        return (across, chunks), (width, height)
    if kind == "channels":
        width = min(_power_of_two(inner), 32)
        return (_clip(columns, WAVES * resident),), (width, MOST_THREADS // width)
    if kind == "scatter":  # a group of rows for each threadIdx.y
        width = min(_power_of_two(columns), 32)
        height = THREADS // width
        across = _clip(_parts(columns, width), resident)
        return (across, _clip(_parts(n, height), max(resident // across, 1))), (width, height)
    raise ValueError(f"plan: expected one of {', '.join(SIMULATOR)}, got {kind!r}")


def _parts(n: int, size: int) -> int:
    return -(-n // size)


def _clip(n: int, most: int) -> int:
    return max(1, min(n, most))


def _power_of_two(n: int) -> int:
    """The smallest one that is not below n."""
    return 1 << max(n - 1, 0).bit_length()
