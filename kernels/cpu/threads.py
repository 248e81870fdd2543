"""The threads of the CPU kernels: a small pool of ours, whose threads sleep when they have nothing to do.

Numba's own parallel loops start a second pool beside that of the BLAS. Its OpenMP threads spin while they wait, so on
a small machine both pools fight for the same cores: a small training step was measured 10 to 50 times slower. Here
kernels release Python's lock (`nogil`), and `split` gives each thread one part of the work. Nothing spins.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_count = _available
_pool: ThreadPoolExecutor | None = None


def threads() -> int:
    """How many threads the kernels use."""
    return _count


def set_threads(count: int) -> None:
    """Use `count` threads from now on; 1 keeps everything in the calling thread."""
    global _count, _pool
    if count < 1:
        raise ValueError(f"set_threads: expected 1 or more, got {count}")
    if _pool is not None:
        _pool.shutdown()
        _pool = None
    _count = count


def split(n: int, least: int, work: Callable[[int, int], None]) -> None:
    """work(start, stop) for parts that cover range(n), at the same time; here and now where a part would be < least."""
    global _pool
    parts = min(_count, n // max(least, 1))
    if parts <= 1:
        work(0, n)
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(_count - 1, thread_name_prefix="nanonet-kernel")
    bounds = [n * i // parts for i in range(parts + 1)]
    waiting: list[Future[None]] = [_pool.submit(work, bounds[i], bounds[i + 1]) for i in range(parts - 1)]
    work(bounds[-2], bounds[-1])  # the calling thread does its share
    for future in waiting:
        future.result()
