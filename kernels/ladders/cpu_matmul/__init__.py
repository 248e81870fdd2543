"""Float32 matrix products on the CPU, rung by rung: `RUNGS`, and `BLAS`, which they are measured beside."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_kernels.cpu.vector import SHAPE
from nanonet_kernels.ladders.cpu_matmul.blocked import TILE_COLUMNS, TILE_DEPTH, register_block, tiled
from nanonet_kernels.ladders.cpu_matmul.blocks import from_caches
from nanonet_kernels.ladders.cpu_matmul.loops import numba_ijk, numba_ikj, numpy_rows, python_loops
from nanonet_kernels.ladders.cpu_matmul.operands import checked
from nanonet_kernels.ladders.cpu_matmul.panels import packed
from nanonet_kernels.ladders.cpu_matmul.parallel import threaded
from nanonet_kernels.ladders.cpu_matmul.rung import Rung, flops
from nanonet_kernels.ladders.cpu_matmul.tuning import autotuned, tuned_blocks

Array = Any


def numpy_blas(a: Array, b: Array, out: Array | None = None) -> Array:
    """out = a @ b by the BLAS that NumPy was built with, on as many threads as that is set to."""
    return np.matmul(a, b, out=checked(a, b, out))


def _from_first_level(*_: int) -> float:
    rows, columns = SHAPE.rows, SHAPE.columns
    return 2 * rows * columns / (4 * (rows + columns))


def _of_tiles(M: int, N: int, K: int) -> float:
    return 2 / (4 / M + 4 / min(N, TILE_COLUMNS) + 8 / min(K, TILE_DEPTH))


def _from_second_level(*_: int) -> float:
    return SHAPE.columns / 2


def _from_third_level(M: int, N: int, K: int) -> float:
    return min(M, (tuned_blocks() or from_caches()).mc) / 2


RUNGS: list[Rung] = [
    Rung(
        "Python loops",
        python_loops,
        "the definition: three loops, every multiply-add goes through the interpreter",
        "lists of floats",
        lambda *_: 1 / 32,
        128,
    ),
    Rung(
        "NumPy row by row",
        numpy_rows,
        "the innermost loop is NumPy's, over a whole row of b",
        "first-level cache",
        lambda *_: 1 / 10,
        256,
    ),
    Rung(
        "Numba ijk",
        numba_ijk,
        "all three loops are machine code, but walk down the columns of b",
        "second-level cache",
        lambda *_: 1 / 34,
        512,
    ),
    Rung(
        "Numba ikj",
        numba_ikj,
        "the inner loops are exchanged: along rows, in vector instructions",
        "first-level cache",
        lambda *_: 1 / 6,
        2048,
    ),
    Rung(
        "tiled",
        tiled,
        "a tile of b stays in the second-level cache while all rows of a pass",
        "beyond the second-level cache",
        _of_tiles,
        2048,
    ),
    Rung(
        "register block",
        register_block,
        f"{SHAPE.rows} × {SHAPE.columns} sums stay in vector registers over all of K",
        "first-level cache",
        _from_first_level,
        2048,
    ),
    Rung(
        "packed panels",
        packed,
        "blocks are copied into the order in which the micro-kernel reads them, each sized for a cache",
        "second-level cache",
        _from_second_level,
        4096,
    ),
    Rung(
        "threads",
        threaded,
        "each thread computes rectangles of out of its own",
        "second-level cache of each core",
        _from_second_level,
        4096,
        threads=True,
    ),
    Rung(
        "autotuned",
        autotuned,
        "block sizes are measured on this machine",
        "third-level cache",
        _from_third_level,
        4096,
        threads=True,
    ),
]
BLAS = Rung(
    "NumPy's BLAS",
    numpy_blas,
    "what NumPy calls: assembly for each family of processors",
    "second-level cache of each core",
    _from_second_level,
    4096,
    threads=True,
)
