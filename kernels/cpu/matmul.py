"""The best rung of the ladder as a kernel: a float32 product on the threads of the CPU kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_kernels.ladders.cpu_matmul.blocks import from_caches
from nanonet_kernels.ladders.cpu_matmul.operands import checked
from nanonet_kernels.ladders.cpu_matmul.parallel import multiply_in_parallel
from nanonet_kernels.ladders.cpu_matmul.tuning import tuned_blocks

Array = Any
SMALL = 1 << 18  # multiply-adds, up to which OpenBLAS wakes no thread of its own (4 · 65,536 in its interface/gemm.c)


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """out = a @ b for float32 a (M, K), b (K, N), out (M, N) of any strides, which must not overlap.

    Small products go to NumPy, whose call costs less. The others use the threads of the other kernels: those of
    OpenBLAS spin for a tenth of a second after each larger product and take a core from everyone else. Alone, NumPy's
    product is the faster one: this one is for work in which the other kernels need the cores.

    Measures nothing: block sizes are those that `autotuned` has found on this machine, or else those that the caches
    suggest. Errors: TypeError for other types, ValueError for shapes that do not fit or an out that overlaps, each in
    one line.
    """
    c = checked(a, b, out)
    if c.size * a.shape[1] <= SMALL:
        return np.matmul(a, b, out=c)
    multiply_in_parallel(a, b, c, tuned_blocks() or from_caches())
    return c
