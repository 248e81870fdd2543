"""Element by element: each thread takes one element, then the one a whole grid further on."""

from __future__ import annotations

import numpy as np
from numba import cuda

from nanonet_kernels.cuda.kernel import Kernel

ZERO = np.float32(0)


def _relu(x, y, n):
    """y = x where x > 0, else 0 (NaN stays NaN)."""
    i, step = cuda.grid(1), cuda.gridsize(1)  # pyright: ignore[reportCallIssue]
    while i < n:
        y[i] = ZERO if x[i] <= ZERO else x[i]
        i += step


relu = Kernel(_relu, "f4* f4* i8")
