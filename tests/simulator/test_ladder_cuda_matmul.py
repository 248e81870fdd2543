"""Checks of the CUDA matmul ladder in Numba's simulator, started by tests/test_ladder_cuda_matmul.py.

Small tiles, the same source: a simulated thread is a Python thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nanonet_kernels.cuda.kernel import simulated
from nanonet_kernels.cuda.memory import SimulatedArray
from nanonet_kernels.ladders.cuda_matmul import pieces, register_tile, simple, vectorised
from nanonet_kernels.ladders.cuda_matmul.rungs import BY_NAME, RUNGS, launches, matmul
from nanonet_kernels.ladders.cuda_matmul.tiles import Tile

assert simulated(), "these checks need NUMBA_ENABLE_CUDASIM=1; run tests/test_ladder_cuda_matmul.py"

BLOCK = Tile(16, 16, 4, 4, 4)  # 16 threads
WARPS = Tile(16, 16, 8, 4, 8, wm=8, wn=16, warp=4)  # 2 warps of 2 x 2 lanes; each thread brings two vectors
TILES = {
    "naive": Tile(4, 4, 1),
    "coalesced": Tile(4, 4, 1),
    "shared_memory": Tile(4, 4, 4),
    "tile_1d": Tile(8, 8, 4, tm=4),
    "tile_2d": BLOCK,
    "vectorised": BLOCK,
    "conflict_free": BLOCK,
    "double_buffered": BLOCK,
    "warp_tile": WARPS,
    "split_k": WARPS,
}
NAMES = list(TILES)
UNIT = 2.0**-24  # half a unit in the last place of float32, relative
LAYOUTS = {"nn": (False, False), "nt": (False, True), "tn": (True, False), "tt": (True, True)}


def random_matrix(rows: int, columns: int, transposed: bool = False, seed: int = 0) -> np.ndarray:
    shape = (columns, rows) if transposed else (rows, columns)
    x = np.random.default_rng([seed, rows, columns]).standard_normal(shape).astype(np.float32)
    return x.T if transposed else x


def activated(x: np.ndarray, activation: str | None) -> np.ndarray:
    if activation == "relu":
        return np.maximum(x, 0)
    if activation == "gelu":
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x


def excess(out: np.ndarray, a: Any, b: Any, bias: Any = None, activation: str | None = None) -> float:
    """The largest error in units of its bound: γ of K sums and the bias, through activations of slope 1.13 at most,
    and what gelu's exponential adds. NaN where an element was not written."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    bias = np.zeros(b.shape[1]) if bias is None else np.asarray(bias, np.float64)
    steps = a.shape[1] + 1
    gamma = steps * UNIT / (1 - steps * UNIT)
    exact = activated(a @ b + bias, activation)
    bound = gamma * (np.abs(a) @ np.abs(b) + np.abs(bias))
    if activation == "gelu":
        bound = 1.13 * bound + 4e-6 * np.abs(exact) + 1e-7
    return float((np.abs(out - exact) / np.maximum(bound, 1e-30)).max()) if out.size else 0.0


def product(name: str, a: Any, b: Any, bias: Any = None, activation: str | None = None, **more: Any) -> np.ndarray:
    out = SimulatedArray(np.full((a.shape[0], b.shape[1]), np.nan, np.float32))
    given = None if bias is None else SimulatedArray(bias)
    matmul(SimulatedArray(a), SimulatedArray(b), out, name, given, activation, tile=TILES[name], **more)
    return out.get()


@pytest.mark.parametrize("shape", [(1, 1, 1), (17, 20, 12), (18, 5, 9)])
@pytest.mark.parametrize("name", NAMES)
def test_every_rung_is_right_on_ragged_shapes(name: str, shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    a, b = random_matrix(m, k), random_matrix(k, n, seed=1)
    assert excess(product(name, a, b), a, b) <= 1


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", [rung.name for rung in RUNGS if rung.by_layout])
def test_rungs_with_vectors_have_a_variant_for_every_layout(name: str, layout: str) -> None:
    m, n, k = 20 if layout[0] == "t" else 19, 24 if layout[1] == "n" else 21, 12
    a, b = random_matrix(m, k, LAYOUTS[layout][0]), random_matrix(k, n, LAYOUTS[layout][1], seed=1)
    out = np.empty((m, n), np.float32)
    assert launches(a, b, out, name, tile=TILES[name])[0][0].name.endswith(f"{name}.{TILES[name].name}_{layout}")
    assert excess(product(name, a, b), a, b) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_slices_and_repeated_rows_need_no_copy(name: str) -> None:
    a = random_matrix(14, 33)[::2, ::3]
    b = np.broadcast_to(random_matrix(1, 10), (11, 10))
    assert excess(product(name, a, b), a, b) <= 1


@pytest.mark.parametrize("activation", ["none", "relu", "gelu"])
@pytest.mark.parametrize("name", NAMES)
def test_bias_and_activation_come_with_the_product(name: str, activation: str) -> None:
    m, n, k = 6, 21, 12
    a, b, bias = random_matrix(m, k), random_matrix(k, n, True, seed=1), random_matrix(1, n, seed=2)[0]
    assert excess(product(name, a, b, bias, activation), a, b, bias, activation) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_sum_is_zero_and_nan_stays_nan(name: str) -> None:
    assert (product(name, np.empty((3, 0), np.float32), np.empty((0, 8), np.float32)) == 0).all()
    a, b = random_matrix(5, 8), random_matrix(8, 8)
    a[1, 2] = np.nan
    assert (np.isnan(product(name, a, b, activation="relu")).any(axis=1) == [False, True, False, False, False]).all()


def test_split_k_gives_the_same_bits_each_time_and_takes_any_number_of_slices() -> None:
    a, b = random_matrix(9, 44), random_matrix(44, 8, seed=1)
    for slices in (1, 2, 3, 6):
        workspace = SimulatedArray(np.full((slices, 9, 8), np.nan, np.float32))
        first, second = (product("split_k", a, b, slices=slices, workspace=workspace) for _ in range(2))
        assert excess(first, a, b) <= 1
        assert first.tobytes() == second.tobytes()


def test_what_does_not_fit_is_refused_in_one_line() -> None:
    a, b, out = random_matrix(4, 8), random_matrix(8, 4), np.empty((4, 4), np.float32)
    wrong = [
        (lambda: matmul(a, a, out), r"expected a \(M, K\) and b \(K, N\), got \(4, 8\) and \(4, 8\)"),
        (lambda: matmul(a, b, out.T), "out must be contiguous"),
        (lambda: matmul(a[::-1], b, out), "none below 0"),
        (lambda: matmul(a.astype(np.float64), b, out), "a must be float32, got float64"),
        (lambda: matmul(a, b, out, bias=np.ones(3, np.float32)), r"bias must be contiguous of shape \(4,\)"),
        (lambda: matmul(a, b, out, activation="tanh"), "activation must be None, 'relu' or 'gelu', got 'tanh'"),
        (lambda: matmul(a, b, out, "fastest"), "rung must be one of naive, .*, got 'fastest'"),
        (lambda: matmul(a, b, np.empty(17, np.float32)[1:].reshape(4, 4)), "multiple of 16 bytes"),
        (lambda: matmul(a, b, out, "split_k", workspace=out), "workspace must be contiguous of shape"),
        (
            lambda: matmul(a, b, out, "warp_tile", tile=Tile(16, 16, 4, 2, 2, wm=8, wn=8)),
            "columns must be 4 or 8, got 2",
        ),
    ]
    for call, message in wrong:
        with pytest.raises(ValueError, match=message) as refusal:
            call()
        assert "\n" not in str(refusal.value)


FAULTS = {
    "the panels are not awaited": (simple, "shared_memory", "cuda.syncthreads()  # the panels are complete", "pass"),
    "a panel is overwritten while it is read": (
        vectorised,
        "vectorised",
        "cuda.syncthreads()  # nobody needs them any more",
        "pass",
    ),
    "both buffers are one": (vectorised, "double_buffered", "now = INT(1 - now)", "pass"),
    "the end of k is not guarded": (register_tile, "tile_2d", "row < m and p < k", "row < m"),
    "rows of the panel are swapped": (register_tile, "tile_1d", "p * bm + y + i", "p * bm + y + (i ^ 1)"),
    "rows of a and columns of b share a coordinate": (simple, "coalesced", "b[j]", "b[i]"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str) -> None:
    module, name, right, wrong = FAULTS[fault]
    make = getattr(_planted(module, right, wrong), name)
    tile = TILES[name]
    kernel = make(tile, f"planted: {fault}")
    a, b = random_matrix(9, 23), random_matrix(23, 8, seed=1)
    if BY_NAME[name].by_layout:
        a, b = random_matrix(9, 24), random_matrix(24, 8, seed=1)
    out = np.full((9, 8), np.nan, np.float32)
    ((_, grid, arguments),) = launches(a, b, out, name, tile=tile)
    assert excess(product(name, a, b), a, b) <= 1
    try:
        kernel(grid, *arguments)
    except IndexError:
        return  # read outside of the matrix: caught too
    assert not excess(out, a, b) <= 1


def _planted(module: Any, right: str, wrong: str) -> Any:
    source = Path(module.__file__).read_text()
    assert right in source
    faulty = type(module)(f"{module.__name__}_faulty")
    exec(compile(source.replace(right, wrong), f"{module.__file__} (faulty)", "exec"), vars(faulty))
    return faulty


def test_the_pieces_refuse_tiles_without_whole_vectors() -> None:
    with pytest.raises(ValueError, match="no whole vectors"):
        pieces.loader(16, Tile(16, 16, 4, 4, 2), 16, along_k=True)
