"""The CUDA matmul ladder in Numba: compiled, and its table; with a GPU, on it. In the simulator: tests/simulator.

What the machine code of every rung looks like, for every architecture, is held in test_inspection_kernels.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

RUNGS = ["naive", "coalesced", "shared_memory", "tile_1d", "tile_2d"]
RUNGS += ["vectorised", "conflict_free", "double_buffered", "warp_tile", "split_k"]


def test_a_rung_compiles_to_registers_and_128_bit_accesses() -> None:
    rungs = _rungs_to_compile()
    text = rungs.BY_NAME["warp_tile"].kernel.ptx((8, 0))
    assert ".entry ladders_cuda_matmul_numba_warp_tile" in text
    assert ".local" not in text, "a local array lives in memory"
    assert text.count("fma.rn.f32") >= 64
    for access in ("ld.global", "ld.shared", "st.shared", "st.global"):
        assert re.search(rf"{access}\.v4\.[fb]32", text), f"{access} of 16 bytes is missing"
    assert ".maxntid 256" in text
    assert ".minnctapersm 2" in text


def test_a_long_loop_over_the_sums_is_seen_in_the_ptx() -> None:
    """The check above can fail: a loop that is too long to be unrolled puts its local array into memory."""
    _rungs_to_compile()
    from numba import cuda

    from nanonet_kernels.cuda.kernel import CATALOGUE, Kernel

    def long_loop(x, n):
        sums = cuda.local.array(64, np.float32)
        for i in range(n):
            sums[i] = x[i]
        for i in range(n):
            x[i] = sums[n - i]

    planted = Kernel(long_loop, "f4* i4", name="planted.long_loop")
    del CATALOGUE[planted.name]
    assert ".local" in planted.ptx((8, 0))


def test_the_table_has_a_valid_tile_for_every_shape_and_architecture() -> None:
    from nanonet_kernels.ladders.cuda_matmul.tiles import TILES, choose

    for capability, classes in TILES.items():
        for tile in classes.values():
            assert tile.threads % 32 == 0
            assert tile.wm is not None
            assert tile.wn is not None
            assert (tile.bm % tile.wm, tile.bn % tile.wn) == (0, 0)
            assert tile.wm * tile.wn == 32 * tile.tm * tile.tn, "a warp's tile is its 32 lanes'"
            assert tile.each(tile.bm) % 4 == tile.each(tile.bn) % 4 == 0, "each thread brings whole vectors"
            assert 2 * 4 * tile.bk * (tile.bm + tile.bn + 8) <= 48 * 1024, "two panels in static shared memory"
            assert 65536 // (tile.threads * tile.per_sm) >= tile.tm * tile.tn + tile.tm + tile.tn, "sums in registers"
        for m, n, k in [
            (1, 1, 1),
            (8, 4096, 4096),
            (4096, 10, 64),
            (300, 300, 70),
            (8192, 8192, 8192),
            (512, 512, 65536),
        ]:
            choice = choose(m, n, k, capability)
            assert choice.tile in classes.values()
            assert (choice.slices > 1) == (choice.rung == "split_k")
    assert choose(4096, 4096, 4096, (9, 0)).rung == "warp_tile"
    assert choose(128, 128, 65536, (9, 0)).rung == "split_k"
    assert choose(64, 64, 64, (9, 3)) == choose(64, 64, 64, (9, 0)), "an unknown architecture gets an older one's tiles"


def test_intensities_follow_from_the_tile() -> None:
    from nanonet_kernels.ladders.cuda_matmul.rungs import BY_NAME
    from nanonet_kernels.ladders.cuda_matmul.rungs import RUNGS as LADDER

    assert [rung.name for rung in LADDER] == RUNGS
    assert BY_NAME["naive"].global_intensity() == 0.25
    assert BY_NAME["naive"].shared_intensity() is None
    assert BY_NAME["shared_memory"].global_intensity() == 8
    assert BY_NAME["tile_2d"].global_intensity() == 32
    assert BY_NAME["tile_2d"].shared_intensity() == 2
    assert BY_NAME["warp_tile"].shared_intensity() == pytest.approx(32 * 64 / 2 / 96)
    for rung in LADDER:
        assert rung.block == np.prod(rung.kernel.block)


def test_autotune_refuses_without_a_gpu() -> None:
    if _gpu() is not None:
        pytest.skip("there is a GPU")
    from nanonet_kernels.ladders.cuda_matmul.autotune import autotune

    with pytest.raises(RuntimeError, match="expected a CUDA GPU and CuPy, found none"):
        autotune([(64, 64, 64)])


@pytest.mark.parametrize("name", RUNGS)
def test_every_rung_is_right_on_a_gpu(name: str) -> None:
    cupy = _gpu()
    if cupy is None:
        pytest.skip("no GPU")
    from nanonet_kernels.ladders.cuda_matmul.rungs import matmul

    random = np.random.default_rng(0)
    for m, n, k in [(1, 1, 1), (129, 260, 68), (255, 257, 131), (64, 10, 4096), (512, 512, 512)]:
        for turned in (False, True):
            x, y = (random.standard_normal(s).astype(np.float32) for s in ((m, k), (n, k) if turned else (k, n)))
            a, b = cupy.asarray(x), cupy.asarray(y).T if turned else cupy.asarray(y)
            out, bias = cupy.full((m, n), cupy.nan, cupy.float32), random.standard_normal(n).astype(np.float32)
            matmul(a, b, out, name, cupy.asarray(bias), "relu")
            left, right = x.astype(np.float64), (y.T if turned else y).astype(np.float64)
            bound = (k + 2) * 2.0**-24 * (np.abs(left) @ np.abs(right) + np.abs(bias))
            assert (np.abs(out.get() - np.maximum(left @ right + bias, 0)) <= bound).all(), (m, n, k, turned)


def test_autotuned_choices_are_kept_and_read_back(tmp_path: Path) -> None:
    if _gpu() is None:
        pytest.skip("no GPU")
    from nanonet_kernels.ladders.cuda_matmul.autotune import autotune, tuned

    found = autotune([(256, 256, 1024)], tmp_path / "tuned.json", repeats=3)
    assert tuned(tmp_path / "tuned.json") == found


def _gpu() -> Any:
    """CuPy where it finds a GPU, else None."""
    try:
        import cupy

        return cupy if cupy.cuda.runtime.getDeviceCount() else None
    except Exception:  # not installed, or no driver
        return None


def _rungs_to_compile() -> Any:
    pytest.importorskip("numba_cuda", reason="numba-cuda, which compiles, is not installed")
    from nanonet_kernels.ladders.cuda_matmul import rungs

    return rungs
