"""The matmul ladder in CUDA C: right on every rung, free of races, compiled for every architecture."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nanonet_kernels.cuda.emulation.build import available
from nanonet_kernels.cuda.memory import SimulatedArray
from nanonet_kernels.cuda.source import SourceKernel
from nanonet_kernels.ladders.cuda_matmul.source import RUNGS_C, SUM_SLICES, SourceRung, SplitRung

RUNGS = {rung.name: rung for rung in RUNGS_C}
BY_LAYOUT = [name for name, rung in RUNGS.items() if rung.by_layout]
KERNELS = {kernel.entry: kernel for kernel in [*(rung.kernel for rung in RUNGS_C), SUM_SLICES]}
CAPABILITIES = [(7, 5), (8, 0), (9, 0), (10, 0), (12, 0)]  # 8.6 and 8.9 too in the inspection of the whole catalogue
DECLARED = [(7, 5), (10, 0), (12, 0)]  # where some kernels declare a few spilled bytes
UNIT = {"float32": 0.0, "tf32": 2.0**-11, "half": 2.0**-11}  # what rounding the operands costs, relative

emulated = pytest.mark.skipif(available() is not None, reason=str(available()))
compiled = pytest.mark.skipif(
    importlib.util.find_spec("cuda.bindings") is None if importlib.util.find_spec("cuda") else True,
    reason="NVRTC's Python bindings are not installed (pip install cuda-bindings)",
)


def aligned(x: np.ndarray) -> np.ndarray:
    """A copy at an address that is a multiple of 256, as memory from CUDA's allocator is."""
    raw = np.empty(x.nbytes + 256, np.uint8)
    start = -raw.ctypes.data % 256
    y = raw[start : start + x.nbytes].view(x.dtype).reshape(x.shape)
    y[...] = x
    return y


def operands(m: int, n: int, k: int, layout: str = "nn") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a (m, k), b (k, n), bias (n,): "t" is column-major, "s" has strides of both kinds, one of them negative."""
    rng = np.random.default_rng(m * n + k)

    def matrix(rows: int, columns: int, kind: str) -> np.ndarray:
        if kind == "s":
            whole = np.full((2 * rows + 1, 3 * columns + 1), np.nan, np.float32)
            view = whole[1::2, ::3][:rows, :columns][::-1]
            view[...] = rng.standard_normal((rows, columns))
            return view
        shape = (columns, rows) if kind == "t" else (rows, columns)
        x = aligned(rng.standard_normal(shape).astype(np.float32))
        x.flags.writeable = False
        return x.T if kind == "t" else x

    return matrix(m, k, layout[0]), matrix(k, n, layout[1]), rng.standard_normal(n).astype(np.float32)


def activated(x: np.ndarray, activation: str | None) -> np.ndarray:
    if activation == "relu":
        return np.maximum(x, 0)
    if activation == "gelu":
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x


def excess(rung: SourceRung, out: np.ndarray, a: np.ndarray, b: np.ndarray, bias: Any, activation: str | None) -> float:
    """The largest error as a share of its bound: gamma_{K+2} |a| |b| and the rounding of the operands, in float64.

    gelu' is at most 1.13; gelu itself adds a few units of rounding of its result and of its argument.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    shift = 0 if bias is None else bias
    exact, size = a @ b + shift, np.abs(a) @ np.abs(b) + np.abs(shift)
    unit, gamma = UNIT[rung.precision], (a.shape[1] + 2) * 2.0**-24 * 1.01
    bound = 1.13 * (2 * unit + unit**2 + gamma) * size + (
        16 * 2.0**-24 * (np.abs(exact) + 1) if activation == "gelu" else 0
    )
    if rung.precision == "half":
        bound += 2.0**-24 * (np.abs(a).sum(1)[:, None] + np.abs(b).sum(0))  # halves below 6e-5 keep fewer bits
    if not a.shape[1]:
        bound += 1e-30
    error = np.abs(out - activated(exact, activation))
    return float(np.max(np.where(np.isnan(error), np.inf, error) / bound))


def run(
    rung: SourceRung, m: int, n: int, k: int, layout: str = "nn", activation: str | None = None, **more: Any
) -> float:
    a, b, bias = operands(m, n, k, layout)
    given = bias if activation else None
    out = np.full((m, n), np.nan, np.float32)
    arrays = [None if x is None else SimulatedArray(x) for x in (a, b, out, given)]
    rung.launch(*arrays, activation, **more)
    return excess(rung, out, a, b, given, activation)


@emulated
@pytest.mark.parametrize("name", RUNGS)
def test_every_rung_is_right_on_ragged_shapes(name: str) -> None:
    assert run(RUNGS[name], 37, 45, 19, activation="gelu") <= 1
    assert run(RUNGS[name], 1, 1, 1) <= 1
    assert run(RUNGS[name], 131, 5, 67, activation="relu") <= 1


@emulated
@pytest.mark.parametrize("name", RUNGS)
def test_every_rung_is_right_on_whole_vectors(name: str) -> None:
    assert run(RUNGS[name], 132, 136, 36) <= 1
    assert run(RUNGS[name], 4, 140, 20, activation="gelu") <= 1


@emulated
@pytest.mark.parametrize("name", RUNGS)
def test_every_rung_takes_any_strides(name: str) -> None:
    assert run(RUNGS[name], 34, 41, 23, "ss", activation="relu") <= 1


@emulated
@pytest.mark.parametrize("layout", ["tn", "nt", "tt"])
@pytest.mark.parametrize("name", ["vectorised", "warp_tile", "tensor_tf32", "tensor_half"])
def test_transposed_operands_are_read_by_16_bytes_too(name: str, layout: str) -> None:
    assert run(RUNGS[name], 68, 72, 36, layout, activation="relu") <= 1
    chosen = RUNGS[name].launches(*operands(68, 72, 36, layout)[:2], np.empty((68, 72), np.float32))[0][0]
    assert (chosen.defines["A_VECTOR"], chosen.defines["B_VECTOR"]) == (4, 4)
    assert chosen.defines["A_ALONG_K"] == (layout[0] == "n")
    assert chosen.defines["B_ALONG_K"] == (layout[1] == "t")


@emulated
@pytest.mark.parametrize("slices", [1, 2, 5, 50])
def test_split_k_is_right_for_any_number_of_slices(slices: int) -> None:
    assert run(RUNGS["split_k"], 36, 40, 76, activation="gelu", slices=slices) <= 1


def test_split_k_chooses_slices_that_fill_a_gpu_and_are_not_short() -> None:
    rung = RUNGS["split_k"]
    assert isinstance(rung, SplitRung)
    assert rung.slice_length(128, 128, 65536) == 256  # one tile: as many slices as are not too short
    assert rung.slice_length(4096, 4096, 4096) == 4096  # tiles enough
    assert rung.slice_length(128, 128, 100) == 104  # one slice, a multiple of BK


@emulated
def test_the_empty_sum_is_bias_and_an_empty_product_is_left_alone() -> None:
    for name in ("naive", "warp_tile", "tensor_tf32", "split_k"):
        assert run(RUNGS[name], 5, 8, 0, activation="gelu") <= 1
    empty = SimulatedArray(np.empty((0, 8), np.float32))
    RUNGS["naive"].launch(
        SimulatedArray(np.empty((0, 4), np.float32)), SimulatedArray(np.ones((4, 8), np.float32)), empty
    )


@emulated
@pytest.mark.parametrize("name", RUNGS)
def test_no_rung_has_a_race_and_the_order_of_threads_does_not_matter(name: str) -> None:
    a, b, bias = operands(40, 44, 36)
    results = []
    for seed in (None, 7):
        out = np.full((40, 44), np.nan, np.float32)
        for kernel, grid, arguments in RUNGS[name].launches(a, b, out, bias, "relu"):
            trace = kernel.emulate(grid, *arguments, seed=seed, trace=seed is None)
            assert trace is None or trace.races() == []
        results.append(out)
    assert np.array_equal(*results)


@emulated
@pytest.mark.parametrize(
    ("name", "file", "barrier"),
    [
        ("shared_memory", "shared_memory.cu", "__syncthreads();  // nobody needs them any more"),
        ("warp_tile", "warp_product.cuh", "__syncthreads();"),
        ("tensor_tf32", "tensor_tf32.cu", "wait_copies<0>();"),
    ],
)
def test_a_barrier_taken_away_is_noticed(tmp_path: Path, name: str, file: str, barrier: str) -> None:
    right = RUNGS[name].kernel
    shutil.copytree(right.file.parent, tmp_path / "c")
    text = (tmp_path / "c" / file).read_text()
    assert barrier in text
    (tmp_path / "c" / file).write_text(text.replace(barrier, ""))
    faulty = SourceKernel(
        tmp_path / "c" / right.file.name,
        " ".join(right.signature),
        block=right.block,
        defines=right.defines,
        listed=False,
    )
    a, b, _ = operands(40, 44, 36)
    out = np.full((40, 44), np.nan, np.float32)
    ((_, grid, arguments),) = RUNGS[name].launches(a, b, out)
    trace = faulty.emulate(grid, *arguments, trace=True)
    assert trace.races() or np.isnan(out).any()


def factors(name: str) -> dict[tuple[str, str], float]:
    """(buffer, access) -> units moved over the least possible, for one whole tile."""
    tile = RUNGS[name].kernel.defines
    a, b, _ = operands(tile["BM"], tile["BN"], 16)
    out = aligned(np.empty((tile["BM"], tile["BN"]), np.float32))
    ((kernel, grid, arguments),) = RUNGS[name].launches(a, b, out)
    units: Counter[tuple[str, str]] = Counter()
    ideal: Counter[tuple[str, str]] = Counter()
    for row in kernel.emulate(grid, *arguments, trace=True).traffic():
        key = (row.buffer.removeprefix("__shared__ "), row.access)
        units[key] += row.units
        ideal[key] += row.ideal
    return {key: units[key] / ideal[key] for key in units}


@emulated
def test_each_rung_moves_what_its_idea_promises() -> None:
    naive, coalesced = factors("naive"), factors("coalesced")
    assert naive["a", "read"] == naive["out", "write"] == 8.0  # 4 bytes used of each sector of 32
    assert set(coalesced.values()) == {1.0}
    vectorised, conflict_free = factors("vectorised"), factors("conflict_free")
    assert vectorised["panel_b", "read"] == 2.0
    assert set(conflict_free.values()) == {1.0}
    assert set(factors("double_buffered").values()) == {1.0}
    assert set(factors("warp_tile").values()) == {1.0}
    for name in ("tensor_tf32", "tensor_half"):
        tensor = factors(name)
        assert tensor["panel_a", "read"] == tensor["panel_b", "read"] == 1.0


def test_what_does_not_fit_is_refused_in_one_line() -> None:
    launch, x = RUNGS["naive"].launch, np.zeros((4, 6), np.float32)
    with pytest.raises(ValueError, match=r"^matmul: expected a \(M, K\) and b \(K, N\), got \(4, 6\) and \(4, 6\)$"):
        launch(x, x, x)
    with pytest.raises(ValueError, match="matmul: out must be contiguous of shape"):
        launch(x, x.T, x)
    with pytest.raises(ValueError, match="matmul: b must be float32, got float64"):
        launch(x, x.T.astype(np.float64), np.zeros((4, 4), np.float32))
    with pytest.raises(ValueError, match="activation must be None, 'relu' or 'gelu', got 'tanh'"):
        launch(x, x.T, np.zeros((4, 4), np.float32), None, "tanh")


def tool(name: str) -> str:
    """One of NVIDIA's tools out of the pip wheels."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(place) / "cu13" / "bin" for place in (spec.submodule_search_locations or [])] if spec else []
    found = next((folder / name for folder in folders if (folder / name).exists()), None)
    if found is None:
        pytest.skip(f"{name} is not installed (pip install nvidia-cuda-{name})")
    return str(found)


def disassembled(code: bytes, folder: Path, what: str) -> str:
    file = folder / "kernel.cubin"
    file.write_bytes(code)
    return subprocess.run([tool("cuobjdump"), what, str(file)], capture_output=True, text=True, check=True).stdout


@compiled
@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_compiles_and_spills_no_more_than_declared(name: str, tmp_path: Path) -> None:
    kernel = KERNELS[name]
    for capability in CAPABILITIES:
        if capability < kernel.needs:
            with pytest.raises(ValueError, match=r"needs compute capability 8\.0 or higher, got 7\.5"):
                kernel.cubin(capability)
            continue
        usage = disassembled(kernel.cubin(capability), tmp_path, "-res-usage")
        registers, stack, local = (int(re.search(rf"{key}:(\d+)", usage)[1]) for key in ("REG", "STACK", "LOCAL"))  # pyright: ignore[reportOptionalSubscript]
        assert stack + local <= kernel.spills, (capability, usage)  # each spilled byte has its place on the stack
        assert stack + local == 0 or capability in DECLARED, (capability, usage)
        threads = int(np.prod(kernel.block))
        assert registers * threads * kernel.defines.get("BLOCKS", 1) <= 65536, (capability, usage)


def hottest_loop(sass: str) -> Counter[str]:
    """Instructions of the loop with the most multiply-adds."""
    code = re.findall(r"/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\d+ )?([A-Z0-9_.]+)([^;]*);", sass)
    best: Counter[str] = Counter()
    for address, name, operand in code:
        target = re.search(r"0x([0-9a-f]+)", operand) if name.startswith("BRA") else None
        if target and int(target[1], 16) < int(address, 16):
            body = Counter(op for at, op, _ in code if int(target[1], 16) <= int(at, 16) <= int(address, 16))
            best = max(best, body, key=lambda c: sum(n for op, n in c.items() if op.startswith(("FFMA", "HMMA"))))
    return best


@compiled
@pytest.mark.parametrize("capability", [(8, 0), (9, 0)])
@pytest.mark.parametrize("name", ["vectorised", "double_buffered", "warp_tile", "split_k"])
def test_the_inner_loop_multiplies_and_reads_by_16_bytes(
    name: str, capability: tuple[int, int], tmp_path: Path
) -> None:
    loop = hottest_loop(disassembled(KERNELS[name].cubin(capability), tmp_path, "-sass"))
    assert loop["FFMA"] >= 0.8 * loop.total()
    assert any(op.startswith("LDG.E.128") for op in loop)
    assert not any(op.startswith(("LDL", "STL")) for op in loop)  # what is spilled elsewhere is declared


@compiled
@pytest.mark.parametrize(
    ("name", "capability", "instructions"),
    [
        ("tensor_tf32", (8, 0), ["HMMA.1688.F32.TF32", "LDGSTS", "LDSM"]),
        ("tensor_tf32", (9, 0), ["HMMA.1688.F32.TF32", "LDGSTS", "LDSM"]),
        ("tensor_half", (7, 5), ["HMMA.1688.F32", "LDG.E.128", "LDSM"]),
        ("tensor_half", (8, 0), ["HMMA.16816.F32", "LDG.E.128", "LDSM"]),
    ],
)
def test_tensor_cores_are_used(name: str, capability: tuple[int, int], instructions: list[str], tmp_path: Path) -> None:
    loop = hottest_loop(disassembled(KERNELS[name].cubin(capability), tmp_path, "-sass"))
    for instruction in instructions:
        assert any(op.startswith(instruction) for op in loop), instruction


@compiled
def test_every_layout_compiles() -> None:
    for name in ("vectorised", "tensor_tf32", "tensor_half"):
        for layout in ((0, 1, 1, 1), (0, 4, 1, 4)):
            macros = dict(zip(("A_ALONG_K", "A_VECTOR", "B_ALONG_K", "B_VECTOR"), layout, strict=True))
            assert ".entry " + name in RUNGS[name].kernel.variant(**macros).ptx((8, 0))


def gpu() -> Any:
    if importlib.util.find_spec("cupy") is None:
        return None
    import cupy

    try:
        return cupy if cupy.cuda.runtime.getDeviceCount() else None
    except cupy.cuda.runtime.CUDARuntimeError:
        return None


@pytest.mark.parametrize("name", RUNGS)
def test_every_rung_is_right_on_a_gpu(name: str) -> None:
    cupy = gpu()
    if cupy is None:
        pytest.skip("no GPU")
    rung = RUNGS[name]
    capability = tuple(map(int, re.fullmatch(r"(\d+)(\d)", cupy.cuda.Device().compute_capability).groups()))  # pyright: ignore[reportOptionalMemberAccess]
    if capability < rung.kernel.needs:
        pytest.skip(f"this GPU's compute capability is {capability}, {name} needs {rung.kernel.needs}")
    for m, n, k, layout in [(512, 384, 1024, "nn"), (257, 129, 515, "tt"), (300, 260, 128, "ss")]:
        a, b, bias = operands(m, n, k, layout)
        out = cupy.full((m, n), np.nan, np.float32)
        rung.launch(cupy.asarray(a), cupy.asarray(b), out, cupy.asarray(bias), "gelu")
        assert excess(rung, out.get(), a, b, bias, "gelu") <= 1
