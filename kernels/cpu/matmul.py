"""The best rung of the ladder as a kernel: a float32 product on the threads of the CPU kernels."""

from __future__ import annotations

from typing import Any

from nanonet_kernels.ladders.cpu_matmul.blocks import from_caches
from nanonet_kernels.ladders.cpu_matmul.operands import checked
from nanonet_kernels.ladders.cpu_matmul.parallel import multiply_in_parallel
from nanonet_kernels.ladders.cpu_matmul.tuning import tuned_blocks

Array = Any


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """out = a @ b for float32 a (M, K), b (K, N), out (M, N) of any strides, which must not overlap.

    Measures nothing: block sizes are those that `autotuned` has found on this machine, or else those that the caches
    suggest. Beside NumPy's product it is some percent slower alone, but uses the same threads as the other kernels:
    those of OpenBLAS keep a core busy for a while after each large product, and take it from everyone else
    (`nanonet_benchmarks.thread_pools` measures it).

    Errors: TypeError for other types, ValueError for shapes that do not fit or an out that overlaps, each in one line.
    """
    out = checked(a, b, out)
    multiply_in_parallel(a, b, out, tuned_blocks() or from_caches())
    return out
