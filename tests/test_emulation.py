"""CUDA C on the CPU: what the emulator computes, and the faults that it must find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nanonet_kernels.cuda.emulation import build as building
from nanonet_kernels.cuda.emulation.build import EmulatorUnavailable, available
from nanonet_kernels.cuda.emulation.run import EmulationFault
from nanonet_kernels.cuda.memory import SimulatedArray
from nanonet_kernels.cuda.source import SourceKernel

needs_compiler = pytest.mark.skipif(available() is not None, reason=str(available()))
pytestmark = needs_compiler

REVERSE = """
extern "C" __global__ void reverse(const float *x, float *y, int n) {
    __shared__ float tile[64];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    tile[threadIdx.x] = i < n ? x[i] : 0.0f;
    BARRIER
    if (i < n + EXCESS) y[i] = tile[blockDim.x - 1 - threadIdx.x];
}
"""


def kernel(folder: Path, text: str, signature: str, block: int = 64, **defines: int) -> SourceKernel:
    entry = text.split("__global__ void ")[1].split("(")[0]
    file = folder / f"{entry}.cu"
    file.write_text(text)
    return SourceKernel(file, signature, block=block, defines=defines, listed=False)


def reverse(folder: Path, barrier: str = "__syncthreads();", excess: int = 0) -> SourceKernel:
    text = REVERSE.replace("BARRIER", barrier).replace("EXCESS", str(excess))
    return kernel(folder, text, "f4* f4* i4")


def test_a_kernel_computes_what_it_says(tmp_path: Path) -> None:
    x, y = np.arange(128, dtype=np.float32), np.full(128, np.nan, np.float32)
    trace = reverse(tmp_path).emulate(2, x, y, 128, trace=True)
    assert np.array_equal(y, x.reshape(2, 64)[:, ::-1].reshape(-1))
    assert trace.races() == []


def test_simulated_memory_goes_to_the_emulator(tmp_path: Path) -> None:
    x, y = SimulatedArray(np.arange(64, dtype=np.float32)), SimulatedArray(np.empty(64, np.float32))
    reverse(tmp_path)(1, x, y, 64)
    assert np.array_equal(y.get(), x.get()[::-1])


def test_arrays_of_the_host_are_not_taken_for_the_device(tmp_path: Path) -> None:
    x = np.zeros(64, np.float32)
    with pytest.raises(TypeError, match=r"expected arrays on the device, got numpy\.ndarray"):
        reverse(tmp_path)(1, x, x, 64)


def test_a_missing_barrier_is_found_although_the_result_is_right(tmp_path: Path) -> None:
    text = REVERSE.replace("BARRIER", "").replace("tile[blockDim.x - 1 - threadIdx.x]", "tile[threadIdx.x / 2]")
    faulty = kernel(tmp_path, text.replace("EXCESS", "0"), "f4* f4* i4")
    x, y = np.arange(64, dtype=np.float32), np.empty(64, np.float32)
    trace = faulty.emulate(1, x, y, 64, trace=True)
    assert np.array_equal(y, x[np.arange(64) // 2])  # threads in order: each reads what an earlier one wrote
    races = trace.races()
    assert "__shared__ tile" in races[0]
    assert "reverse.cu:5" in races[0]
    assert "reverse.cu:7" in races[0]


def test_another_order_of_threads_shows_a_missing_barrier(tmp_path: Path) -> None:
    faulty = reverse(tmp_path, barrier="")
    x, y = np.arange(64, dtype=np.float32), np.empty(64, np.float32)
    faulty.emulate(1, x, y, 64, seed=1)
    assert np.isnan(y).any()  # shared memory is NaN before it is written


def test_a_barrier_that_some_threads_never_reach_is_found(tmp_path: Path) -> None:
    faulty = reverse(tmp_path, barrier="if (threadIdx.x != 40) __syncthreads();")
    x = np.zeros(64, np.float32)
    with pytest.raises(EmulationFault, match="waits for ever at __syncthreads"):
        faulty.emulate(1, x, x.copy(), 64)


def test_an_access_behind_an_array_is_found(tmp_path: Path) -> None:
    x, y = np.zeros(64, np.float32), np.zeros(50, np.float32)
    with pytest.raises(
        EmulationFault, match=r"reverse\.cu:7: thread \(50, 0, 0\) .* writes 4 bytes, 0 bytes behind the end of y"
    ):
        reverse(tmp_path, excess=14).emulate(1, x, y, 50)


def test_an_access_behind_a_shared_array_is_found(tmp_path: Path) -> None:
    text = REVERSE.replace("BARRIER", "__syncthreads();").replace("EXCESS", "0").replace("tile[64]", "tile[60]")
    x = np.zeros(64, np.float32)
    with pytest.raises(EmulationFault, match=r"thread \(60, 0, 0\) .* behind the end of __shared__ tile"):
        kernel(tmp_path, text, "f4* f4* i4").emulate(1, x, x.copy(), 64)


def test_an_input_may_not_be_written(tmp_path: Path) -> None:
    x, y = np.zeros(64, np.float32), np.zeros(64, np.float32)
    y.flags.writeable = False
    with pytest.raises(EmulationFault, match="in y, which may only be read"):
        reverse(tmp_path).emulate(1, x, y, 64)


def test_only_the_extent_of_a_view_may_be_touched(tmp_path: Path) -> None:
    whole = np.zeros(100, np.float32)
    with pytest.raises(EmulationFault, match="behind the end of x"):
        reverse(tmp_path).emulate(1, whole[:60], whole[:64].copy(), 64)


SWEEP = """
extern "C" __global__ void sweep(float *x, float *total) {
    __shared__ float tile[32 * PITCH];
    for (int i = 0; i < 32; i++) tile[i * PITCH + threadIdx.x] = x[SPACING * threadIdx.x];
    __syncwarp();
    float sum = 0.0f;
    for (int i = 0; i < 32; i++) sum += tile[threadIdx.x * PITCH + i];
    for (int half = 16; half > 0; half /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, half);
    atomicAdd(total, sum);
}
"""


@pytest.mark.parametrize(("pitch", "conflict"), [(32, 32.0), (33, 1.0), (36, 4.0)])
def test_bank_conflicts_are_counted(tmp_path: Path, pitch: int, conflict: float) -> None:
    x, total = np.ones(32, np.float32), np.zeros(1, np.float32)
    trace = kernel(tmp_path, SWEEP, "f4* f4*", 32, PITCH=pitch, SPACING=1).emulate(1, x, total, trace=True)
    assert total[0] == 32 * 32 * 32  # all lanes have the warp's sum, and all add it
    assert trace.races() == []  # a __syncwarp orders one warp, atomics do not race
    factors = {(row.line, row.access): row.factor for row in trace.traffic() if row.buffer == "__shared__ tile"}
    assert factors == {("sweep.cu:4", "write"): 1.0, ("sweep.cu:7", "read"): conflict}


@pytest.mark.parametrize(("spacing", "factor"), [(1, 1.0), (2, 2.0), (8, 8.0), (16, 8.0)])
def test_sectors_of_global_memory_are_counted(tmp_path: Path, spacing: int, factor: float) -> None:
    raw = np.zeros(32 * 16 + 64, np.float32)
    x = raw[-raw.ctypes.data % 128 // 4 :][: 32 * 16]
    trace = kernel(tmp_path, SWEEP, "f4* f4*", 32, PITCH=33, SPACING=spacing).emulate(1, x, x[:1].copy(), trace=True)
    (reads,) = [row for row in trace.traffic() if row.buffer == "x"]
    assert (reads.requests, reads.factor) == (1, factor)  # the compiler reads the invariant element once


def test_a_warps_barrier_orders_no_other_warp(tmp_path: Path) -> None:
    faulty = reverse(tmp_path, barrier="__syncwarp();")
    x, y = np.zeros(64, np.float32), np.zeros(64, np.float32)
    assert faulty.emulate(1, x, y, 64, trace=True).races()


def test_blocks_that_write_the_same_element_race(tmp_path: Path) -> None:
    text = 'extern "C" __global__ void last(float *x) { if (threadIdx.x == 0) x[0] = blockIdx.x; }'
    races = kernel(tmp_path, text, "f4*").emulate(2, np.zeros(1, np.float32), trace=True).races()
    assert "block 0" in races[0]
    assert "block 1" in races[0]


ASYNC = """
extern "C" __global__ void copied(const float *x, float *y) {
    __shared__ __align__(16) float tile[128];
    copy_async<16>(tile + 4 * threadIdx.x, x + OFFSET + 4 * threadIdx.x, threadIdx.x < 31);
    commit_copies();
    WAIT
    __syncthreads();
    for (int i = 0; i < 4; i++) y[4 * threadIdx.x + i] = tile[127 - 4 * threadIdx.x - i];
}
"""


def test_an_asynchronous_copy_arrives_when_it_is_waited_for(tmp_path: Path) -> None:
    x, y = np.arange(128, dtype=np.float32), np.empty(128, np.float32)
    good = kernel(tmp_path, ASYNC.replace("WAIT", "wait_copies<0>();"), "f4* f4*", 32, OFFSET=0)
    assert good.emulate(1, x, y, trace=True).races() == []
    assert np.array_equal(y, np.where(x >= 124, 0, x)[::-1])  # the last lane copies zeros
    faulty = kernel(tmp_path, ASYNC.replace("WAIT", "wait_copies<1>();"), "f4* f4*", 32, OFFSET=0)
    faulty.emulate(1, x, y)
    assert np.isnan(y).all()


def test_a_wrong_alignment_is_found(tmp_path: Path) -> None:
    x, y = np.zeros(132, np.float32), np.zeros(128, np.float32)
    faulty = kernel(tmp_path, ASYNC.replace("WAIT", "wait_copies<0>();"), "f4* f4*", 32, OFFSET=1)
    with pytest.raises(EmulationFault, match="no multiple of 16, in x"):
        faulty.emulate(1, x, y)


FRAGMENTS = """
extern "C" __global__ void fragments(const unsigned *a, const unsigned *b, float *c) {
    unsigned x[4], y[2];
    float z[4] = {};
    for (int i = 0; i < 4; i++) x[i] = a[4 * threadIdx.x + i];
    for (int i = 0; i < 2; i++) y[i] = b[2 * threadIdx.x + i];
    MMA(z, x, y);
    for (int i = 0; i < 4; i++) c[4 * threadIdx.x + i] = z[i];
}
"""
GROUP, MEMBER = np.arange(32) // 4, np.arange(32) % 4


def lanes_of_c(c: np.ndarray) -> np.ndarray:
    """A (16, 8) product as the lanes hold it, after the figures in the PTX manual: (32, 4)."""
    return np.stack([c[GROUP + 8 * (i // 2), 2 * MEMBER + i % 2] for i in range(4)], axis=1)


def test_tf32_products_of_a_warp_have_the_documented_layout(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(-8, 9, (16, 8)).astype(np.float32), rng.integers(-8, 9, (8, 8)).astype(np.float32)
    of_a = np.stack([a[GROUP + 8 * (i % 2), MEMBER + 4 * (i // 2)] for i in range(4)], axis=1)
    of_b = np.stack([b[MEMBER + 4 * i, GROUP] for i in range(2)], axis=1)
    c = np.empty((32, 4), np.float32)
    made = kernel(tmp_path, FRAGMENTS.replace("MMA", "mma_tf32"), "u4* u4* f4*", 32)
    made.emulate(1, of_a.view(np.uint32), of_b.view(np.uint32), c)
    assert np.array_equal(c, lanes_of_c(a @ b))


def test_half_products_of_a_warp_have_the_documented_layout(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(-8, 9, (16, 16)).astype(np.float16), rng.integers(-8, 9, (16, 8)).astype(np.float16)
    column = lambda i, half: 2 * MEMBER + 8 * (i // 2) + half  # noqa: E731
    of_a = np.stack([a[GROUP + 8 * (i % 2), column(i, h)] for i in range(4) for h in range(2)], axis=1)
    of_b = np.stack([b[2 * MEMBER + 8 * i + h, GROUP] for i in range(2) for h in range(2)], axis=1)
    c = np.empty((32, 4), np.float32)
    made = kernel(tmp_path, FRAGMENTS.replace("MMA", "mma_half"), "u4* u4* f4*", 32)
    made.emulate(1, of_a.view(np.uint32), of_b.view(np.uint32), c)
    assert np.array_equal(c, lanes_of_c(a.astype(np.float32) @ b.astype(np.float32)))


def test_numbers_are_rounded_as_tensor_cores_take_them(tmp_path: Path) -> None:
    text = """
extern "C" __global__ void rounded(const float *x, unsigned *tf32, unsigned *halves, int n) {
    for (int i = threadIdx.x; i < n; i += blockDim.x) tf32[i] = to_tf32(x[i]), halves[i] = to_halves(x[i], -x[i]);
}
"""
    rng = np.random.default_rng(0)
    edges = [0, -0.0, 1, 2049, 2051, 65504, 65519.9, 65520, 6.1e-5, 6e-8, 2.98e-8, 2.99e-8, np.inf, -np.inf, np.nan]
    x = np.r_[edges, rng.standard_normal(4000) * 10.0 ** rng.integers(-9, 5, 4000)].astype(np.float32)
    tf32, halves = np.zeros((2, len(x)), np.uint32)
    kernel(tmp_path, text, "f4* u4* u4* i4").emulate(1, x, tf32, halves, len(x))
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16)
    np.testing.assert_array_equal(halves.astype(np.uint16).view(np.float16), expected)
    np.testing.assert_array_equal((halves >> 16).astype(np.uint16).view(np.float16), -expected)
    finite = np.isfinite(x)
    exponent = np.frexp(x[finite].astype(np.float64))[1]
    scale = np.ldexp(1.0, 11 - exponent)  # 11 significant bits; ties away from zero
    away = np.copysign(np.floor(np.abs(x[finite] * scale) + 0.5), x[finite]) / scale
    np.testing.assert_array_equal(tf32.view(np.float32)[finite], away.astype(np.float32))
    np.testing.assert_array_equal(tf32.view(np.float32)[~finite], x[~finite])


def test_what_the_compiler_refuses_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"reverse: g\+\+ refuses it: .*reverse\.cu:6.*nonsense") as caught:
        reverse(tmp_path, barrier="nonsense();").emulate(1, np.zeros(64, np.float32), np.zeros(64, np.float32), 64)
    assert "\n" not in str(caught.value)


def test_without_a_compiler_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building.shutil, "which", lambda tool: None)
    with pytest.raises(EmulatorUnavailable, match=r"^emulating CUDA C needs g\+\+ .*: install a C\+\+ compiler.*$"):
        reverse(tmp_path, excess=99).emulate(1, np.zeros(64, np.float32), np.zeros(64, np.float32), 64)
