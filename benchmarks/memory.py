"""Does memory grow while training? Steps of the 784-128-64-10 network, with the process's own figures."""

from __future__ import annotations

import gc
import tracemalloc

from nanonet_benchmarks.training_step import nanonet_step


def run(steps: int = 10_000) -> tuple[int, int]:
    """Bytes held by Python and NumPy after 100 steps and after `steps` steps."""
    step = nanonet_step()
    tracemalloc.start()
    try:
        for _ in range(100):
            step()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(steps - 100):
            step()
        gc.collect()
        return before, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
