"""What kernels share inside: formulas as device functions, and the reductions of a row, a column or a block of threads.

The reductions are trees in shared memory, without warp shuffles, because Numba's simulator has none. A row's share of
the work is a handful of numbers per thread, so the tree's few barriers are hidden behind the memory traffic of other
blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda as numba_cuda

from nanonet_kernels.cuda.kernel import Kernel, simulated

cuda: Any = numba_cuda  # numba-cuda's, whose types differ from those of the numba.cuda that it replaces
MOST_THREADS = 512  # in a block: the length of the shared arrays, which Numba fixes when it compiles
PRECISIONS = {"f4": np.float32, "f8": np.float64}


class Precisions(dict[str, Kernel]):
    """The kernels of one family by the dtype's letter: `kernels[x.dtype.char]`."""

    def __missing__(self, char: str) -> Kernel:
        names = ", ".join(np.dtype(c).name for c in self)
        raise TypeError(f"cuda kernels take {names}, got {np.dtype(char).name}; cast with astype, or run the rule")


def precisions(make: Callable[[Any], Callable[..., None]], signature: str, **options: Any) -> Precisions:
    """Kernels for float32 and float64 from `make(T)`. In the signature "T" is the float; the name is make's."""
    family, name = make.__module__.removeprefix("nanonet_kernels."), make.__name__.strip("_")
    kernels = Precisions()
    for word, T in PRECISIONS.items():
        full = f"{family}.{name}" + ("" if word == "f4" else "_f8")
        kernels[np.dtype(T).char] = Kernel(make(T), signature.replace("T", word), name=full, **options)
    return kernels


def formula(function: Callable[..., Any]) -> Callable[..., Any]:
    """A device function that is arithmetic only. The simulator calls it as it is, which spares it most of its time."""
    return function if simulated() else cuda.jit(device=True)(function)


@formula
def row_start(row, columns, inner):
    """Where row `row` of x (outer, columns, inner) begins, its elements being `inner` apart."""
    if inner == 1:
        return row * columns  # spares most rows two divisions of 64-bit numbers, which are loops in machine code
    return (row // inner) * columns * inner + row % inner


def _tree(combine: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The reduction of `count` threads' values, t = 0 … count - 1, which lie `step` apart in shared memory.

    Halves are folded onto each other until one number is left, which every thread gets; `count` need be no power of
    two. Every thread of the block must come here, since the barriers are the block's. The last barrier lets `shared`
    be used again.
    """
    combine = formula(combine)

    @cuda.jit(device=True)
    def tree(shared, first, step, t, count, value):
        shared[first + t * step] = value
        cuda.syncthreads()
        while count > 1:
            half = (count + 1) // 2
            if t + half < count:
                shared[first + t * step] = combine(shared[first + t * step], shared[first + (t + half) * step])
            cuda.syncthreads()
            count = half
        result = shared[first]
        cuda.syncthreads()
        return result

    return tree


def _add(a, b):
    return a + b


def _larger(a, b):
    """The larger one, NaN if there is one."""
    return b if b > a or b != b else a


tree_sum = _tree(_add)
tree_max = _tree(_larger)


@cuda.jit(device=True)
def row_sum(shared, value):
    """Σ value over the threads with the same threadIdx.y."""
    width = cuda.blockDim.x
    return tree_sum(shared, cuda.threadIdx.y * width, 1, cuda.threadIdx.x, width, value)


@cuda.jit(device=True)
def row_max(shared, value):
    """The largest value of the threads with the same threadIdx.y."""
    width = cuda.blockDim.x
    return tree_max(shared, cuda.threadIdx.y * width, 1, cuda.threadIdx.x, width, value)


@cuda.jit(device=True)
def column_sum(shared, value):
    """Σ value over the threads with the same threadIdx.x."""
    return tree_sum(shared, cuda.threadIdx.x, cuda.blockDim.x, cuda.threadIdx.y, cuda.blockDim.y, value)


@cuda.jit(device=True)
def block_sum(shared, value):
    """Σ value over all threads of the block."""
    width = cuda.blockDim.x
    return tree_sum(shared, 0, 1, cuda.threadIdx.y * width + cuda.threadIdx.x, width * cuda.blockDim.y, value)


@cuda.jit(device=True)
def block_max(shared, value):
    """The largest value of all threads of the block."""
    width = cuda.blockDim.x
    return tree_max(shared, 0, 1, cuda.threadIdx.y * width + cuda.threadIdx.x, width * cuda.blockDim.y, value)
