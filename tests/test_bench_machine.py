"""The bench's machine: a fingerprint that tells nobody's name, ceilings that are measured, break-even as by hand."""

from __future__ import annotations

import getpass
import json
import math
import os
import re
import socket
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nanonet_benchmarks.machine import breakeven, code, crossings, devices, fingerprint, gpu, hardware, loops, roofline
from nanonet_benchmarks.machine.breakeven import Curve, Link, Work, crossing
from nanonet_benchmarks.machine.devices import Device
from tests import bench_records as made


def strings(value: Any) -> list[str]:
    """Every text in a nested value, names too."""
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in strings(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in strings(one)]
    return [value] if isinstance(value, str) else []


def personal(value: Any) -> list[str]:
    """Texts that tell a host, a user or a path."""
    secret = {socket.gethostname(), getpass.getuser(), str(Path.home()), os.getcwd()} - {"", "root", "/", "localhost"}
    words = [re.compile(rf"(?<!\w){re.escape(word)}(?!\w)") for word in secret] + [re.compile(r"(^|[\s=])[/~]\w")]
    return [text for text in strings(value) if any(word.search(text) for word in words)]


def test_a_fingerprint_tells_no_host_no_user_and_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(Path.home() / "cache"))
    facts = fingerprint.fingerprint()
    assert facts["environment"]["NUMBA_CACHE_DIR"] == "…"
    assert personal(facts) == []
    assert personal({"environment": {"NUMBA_CACHE_DIR": "/home/somebody/cache"}})  # a planted path is seen
    assert json.loads(json.dumps(facts)) == facts


def test_a_forced_blas_kernel_is_a_degraded_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    assert not any("CORETYPE" in text for text in fingerprint.fingerprint()["degraded"])
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    assert any("OPENBLAS_CORETYPE=Prescott" in text for text in fingerprint.fingerprint()["degraded"])


def test_blas_with_fewer_threads_than_processors_is_reported() -> None:
    few = made.machine(blas=[{"library": "openblas", "kernel": "Zen", "threads": 1, "layer": "", "of": "numpy"}])
    assert "1 of 2 threads" in fingerprint.degraded(few)[0]
    assert fingerprint.degraded(made.machine()) == []


def test_the_id_is_the_machines_and_not_the_settings() -> None:
    facts = made.machine()
    assert fingerprint.identity(facts) == fingerprint.identity(made.machine(packages={}, load={}, commit="else"))
    assert fingerprint.identity(facts) != fingerprint.identity(made.machine(cpu=facts["cpu"] | {"model": "Another"}))
    assert re.fullmatch(r"[0-9a-f]{8}", fingerprint.identity(facts))


def test_caches_are_read_as_the_system_tells_them(tmp_path: Path) -> None:
    def index(n: int, **facts: str) -> None:
        folder = tmp_path / f"index{n}"
        folder.mkdir()
        for name, text in facts.items():
            (folder / name).write_text(text + "\n", encoding="utf-8")

    index(0, level="1", type="Data", size="48K", shared_cpu_list="0,32")
    index(1, level="1", type="Instruction", size="32K", shared_cpu_list="0,32")
    index(2, level="3", type="Unified", size="105M", shared_cpu_list="0-31,64-95")
    expected = [hardware.Cache(1, 48 * 2**10, 2), hardware.Cache(3, 105 * 2**20, 64)]
    assert hardware.caches(tmp_path) == expected
    assert hardware.caches(tmp_path / "nothing") == []


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("fused", [True, False])
def test_the_chains_compute_what_they_say(lanes: int, fused: bool) -> None:
    x = np.arange(1, loops.ACCUMULATORS + 1, dtype=np.float64)
    for _ in range(5):
        x = x * 0.5 + 0.25
    got = loops.fma_chains(lanes, fused)(5, np.float32(0.5), np.float32(0.25))
    assert got == pytest.approx(lanes * x.sum(), rel=1e-6)


def test_the_inner_loop_is_made_of_vector_multiply_adds() -> None:
    if "avx2" not in hardware.instruction_sets():
        pytest.skip("this processor has no AVX2")
    run = loops.fma_chains(8, fused=True)
    text = next(iter(run.inspect_asm().values()))
    assert len(re.findall(r"vfmadd\w+ps\s.*%?ymm", text)) >= loops.ACCUMULATORS
    separate = next(iter(loops.fma_chains(8, fused=False).inspect_asm().values()))
    assert not re.findall(r"vfmadd\w+ps\s.*%?ymm", separate)  # the search finds nothing where there is none


def test_passes_move_what_they_say() -> None:
    rng = np.random.default_rng(0)
    n = 1000
    length = n + loops.SHIFT * loops.SHIFTS
    a, b, c = (rng.integers(-1000, 1000, length).astype(np.int32) for _ in range(3))
    before = b.copy()
    found = loops.passes()
    assert found["read"][0](a, b, c, n, 1) == np.bitwise_xor.reduce(a[:n])
    found["copy"][0](a, b, c, n, 2)  # the second pass begins SHIFT further on
    np.testing.assert_array_equal(b[: n + loops.SHIFT], a[: n + loops.SHIFT])
    np.testing.assert_array_equal(b[n + loops.SHIFT :], before[n + loops.SHIFT :])
    x, y, z = (rng.standard_normal(length).astype(np.float32) for _ in range(3))
    found["triad"][0](x, y, z, n, 1)
    np.testing.assert_allclose(z[:n], x[:n] + 3 * y[:n], rtol=1e-6, atol=1e-6)


def test_a_sample_is_as_long_as_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "_seconds", lambda run, n: n * 1e-6)
    n, samples = roofline.sample(lambda n: None, roofline.Effort(0.005, 4))
    assert n * 1e-6 >= 0.005
    assert len(samples) == 4


def test_ceilings_are_measured_for_every_level_and_set() -> None:
    rows = list(roofline.compute(roofline.Effort(1e-4, 2), 1)) + list(roofline.bandwidth(roofline.Effort(1e-4, 2), 2))
    assert {row.evidence for row in rows} == {"measured"}
    sets = {name for name, needed, *_ in roofline.SETS if needed in hardware.instruction_sets()}
    assert {row.size["level"] for row in rows if row.size["what"] == "compute"} == sets
    levels = {row.size["level"] for row in rows if row.size["what"] == "bandwidth"}
    assert levels == {level for level, *_ in roofline.working_sets(2)}
    assert all(roofline.ceiling(row) > 0 for row in rows)


def test_a_ceiling_is_that_of_the_fastest_sample() -> None:
    row = made.product(64, "x", 1e9)
    assert roofline.ceiling(row) == row.flops / min(s for process in row.samples for s in process)


def test_working_sets_fit_each_level_and_the_last_fits_none(monkeypatch: pytest.MonkeyPatch) -> None:
    caches = [hardware.Cache(1, 32 * 2**10, 1), hardware.Cache(3, 32 * 2**20, 2)]
    monkeypatch.setattr(roofline, "caches", lambda: caches)
    monkeypatch.setattr(roofline, "free_memory", lambda: 2**34)
    assert [(name, size) for name, size, _ in roofline.working_sets(2)] == [
        ("L1", 32 * 2**10),  # two of them, half of each
        ("L3", 16 * 2**20),  # one, shared
        ("memory", 128 * 2**20),
    ]
    monkeypatch.setattr(roofline, "free_memory", lambda: 2**28)
    *_, (_, size, notes) = roofline.working_sets(2)
    assert size == 2**26
    assert "where 4 were wanted" in notes[0]
    monkeypatch.setattr(roofline, "caches", lambda: [])
    assert "assumed" in next(iter(roofline.working_sets(1)))[2][0]


def test_devices_are_known_by_the_names_that_drivers_report() -> None:
    names = {
        "NVIDIA H100 80GB HBM3": "H100 SXM", "NVIDIA H100 PCIe": "H100 PCIe", "NVIDIA A100-SXM4-80GB": "A100 SXM 80GB",
        "Tesla T4": "T4", "NVIDIA GeForce RTX 4090": "RTX 4090", "NVIDIA L4": "L4", "NVIDIA A10": "A10",
    }  # fmt: skip
    for reported, expected in names.items():
        found = devices.recognise(reported)
        assert found is not None
        assert found.name == expected
    for other in ("NVIDIA L40S", "NVIDIA A10G", "NVIDIA A1000", "Quadro P4000"):
        assert devices.recognise(other) is None
    with pytest.raises(ValueError, match="expected one of T4"):
        devices.device("T5")


def test_the_table_has_a_source_for_each_device_and_slots_by_the_specification() -> None:
    assert len({one.name for one in devices.DEVICES}) == len(devices.DEVICES)
    assert all(one.source and one.fp32 <= (one.tf32 or math.inf) <= math.inf for one in devices.DEVICES)
    assert devices.PCIE[3] == pytest.approx(15.754e9, rel=1e-4)
    assert devices.PCIE[5] == pytest.approx(63.015e9, rel=1e-4)


IDEAL = Device("ideal", "sm_90", 1e13, None, 1e13, math.inf, None, 4, 0, "by hand")


@pytest.mark.parametrize("reuses", [1, 10, 100])
def test_break_even_of_products_is_as_worked_out_by_hand(reuses: float) -> None:
    """2n³/P_cpu = 2n³/P_gpu + 12n²/(r B): n = 6 / (r B (1/P_cpu - 1/P_gpu))."""
    peak_cpu, rate = 1e11, 2e10
    cpu = Curve((0.01,), (2 * 0.01**3 / peak_cpu,), breakeven.MATMUL.flops)
    link = Link(rate, latency=0.0)

    def gpu_seconds(n: float) -> float:
        kernel = breakeven.kernel_seconds(IDEAL, breakeven.MATMUL, n, launch=0.0)
        return breakeven.call_seconds(kernel, breakeven.MATMUL, n, link, reuses)

    by_hand = 6 / (reuses * rate * (1 / peak_cpu - 1 / IDEAL.fp32))
    found = crossing(cpu, gpu_seconds, 0.01, 1e6)
    assert found.kind == "at"
    assert found.size == pytest.approx(by_hand, rel=1e-6)
    forgotten = breakeven.call_seconds(0.0, breakeven.MATMUL, 100.0, link, 1) - 8 * 100.0**2 / rate
    assert forgotten == pytest.approx(4 * 100.0**2 / rate)  # the result comes back too


def test_launch_and_copies_cost_what_the_formula_says() -> None:
    work = Work("w", lambda n: 10 * n, lambda n: 8 * n, lambda n: 4 * n, lambda n: 4 * n, 1e9)
    device = Device("d", "sm_80", 1e12, None, 1e12, 1e11, None, 4, 0, "by hand")
    n = 1e6
    kernel = breakeven.kernel_seconds(device, work, n)
    assert kernel == pytest.approx(6.7e-6 + 8e6 / 1e11)  # bytes take longer than operations
    link = Link(1e10, 1e-5)
    assert breakeven.call_seconds(kernel, work, n, link, 2) == pytest.approx(kernel + (2e-5 + 8e6 / 1e10) / 2)
    assert breakeven.call_seconds(kernel, work, n, link, math.inf) == kernel
    slow = breakeven.pageable(device, host_copy=2e10)
    assert slow.seconds(1e9) - slow.latency == pytest.approx(1e9 / (0.85 * device.slot) + 2e9 / 2e10)


def modelled(cpu: Curve, work: Work, device: Device) -> list[dict[str, Any]]:
    return crossings.table(cpu, work, device, lambda n: breakeven.kernel_seconds(device, work, n), 2e10, "by hand")


def test_a_gpu_that_copies_more_slowly_than_the_cpu_computes_never_wins_with_transfers() -> None:
    work = Work("w", lambda n: n, lambda n: 8 * n, lambda n: 4 * n, lambda n: 4 * n, 1e9)
    cpu = Curve((1e3, 1e6), (8e3 / 5e10, 8e6 / 5e10), work.bytes)  # 50 GB/s, where the slot has 27
    entries = modelled(cpu, work, devices.device("H100 SXM"))
    kinds = {(one["scenario"], one["memory"]): one["kind"] for one in entries}
    t4 = modelled(cpu, work, devices.device("T4"))
    assert {(one["scenario"], one["memory"]): one["kind"] for one in t4}["transfers each time", "pinned"] == "never"
    assert kinds["transfers never", ""] == "at"


def test_crossings_are_at_below_or_never() -> None:
    assert crossing(lambda n: n, lambda n: 100.0, 1, 1e6).size == pytest.approx(100)
    assert crossing(lambda n: n, lambda n: n / 2, 1, 1e6).kind == "below"
    assert crossing(lambda n: n, lambda n: 2 * n, 1, 1e6).kind == "never"
    # won between 10 and 100, lost, and won for good from 1000 on: only the last counts
    bumpy = crossing(lambda n: 1.0, lambda n: 0.5 if 10 < n < 100 or n > 1000 else 2.0, 1, 1e6)
    assert bumpy.size == pytest.approx(1000, rel=1e-3)


def test_times_between_sizes_follow_the_power_law_and_beyond_them_the_rate() -> None:
    curve = Curve.of({10.0: 1e-3, 1000.0: 1e3}, lambda n: n**3)
    assert curve(100.0) == pytest.approx(1.0)
    assert curve(2000.0) == pytest.approx(8e3)
    with pytest.raises(ValueError, match="measure the workload first"):
        Curve.of({}, lambda n: n)


def test_break_even_is_modelled_with_its_reason_and_never_holds_a_gpu_time() -> None:
    entries = made.record().more["break_even"]
    assert {one["workload"] for one in entries} == {"matmul", "gelu"}
    for one in entries:
        assert one["evidence"] == "modelled"
        assert "data sheet" in one["reason"]
        assert not {"seconds", "median", "time"} & set(one)
    assert crossings.entries(made.record().rows, devices.DEVICES, None) == []
    curves = {(one["scenario"], one["memory"]): one["curve"] for one in entries if one["device"] == "L4"}
    for (_, often), (_, seldom) in zip(
        curves["transfers each time", "pinned"], curves["transfers never", ""], strict=True
    ):
        assert often <= seldom
    for (_, slow), (_, fast) in zip(
        curves["transfers each time", "pageable"], curves["transfers each time", "pinned"], strict=True
    ):
        assert slow <= fast


def test_kernels_measured_on_a_gpu_take_the_place_of_its_ceilings() -> None:
    """Twice the kernel's time, and the size from which it wins without transfers grows."""
    rows = made.record().rows

    def without_transfers(rate: float) -> dict[str, Any]:
        ours = [made.on_gpu(made.product(n, "cuda: tiles", rate)) for n in (64, 512)]
        found = crossings.entries([*rows, *ours], (), roofline.host_copy(rows))
        assert {one["device"] for one in found} == {made.GPU}
        assert all("GPU kernels measured" in one["reason"] for one in found)
        return next(one for one in found if one["scenario"] == "transfers each time" and one["memory"] == "pinned")

    fast, slow = without_transfers(2e13), without_transfers(3e11)
    assert fast["size"] < slow["size"]
    unknown = [made.on_gpu(made.product(64, "cuda: tiles", 1e12), name="NVIDIA of tomorrow")]
    assert crossings.entries([*rows, *unknown], (), roofline.host_copy(rows)) == []


def fake_cupy(monkeypatch: pytest.MonkeyPatch, count: int, error: str = "") -> None:
    class CUDARuntimeError(RuntimeError):
        pass

    def devices_here() -> int:
        if error:
            raise CUDARuntimeError(error)
        return count

    module = ModuleType("cupy")
    runtime = SimpleNamespace(getDeviceCount=devices_here, CUDARuntimeError=CUDARuntimeError)
    module.cuda = SimpleNamespace(runtime=runtime)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cupy", module)
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: object())


def test_each_way_to_have_no_gpu_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_driver", lambda: True)
    fake_cupy(monkeypatch, 1)
    assert gpu.missing() == ""
    fake_cupy(monkeypatch, 0)
    assert gpu.missing() == gpu.NO_DEVICE
    fake_cupy(monkeypatch, 0, "cudaErrorNoDevice: no CUDA-capable device is detected")
    assert gpu.missing() == gpu.NO_DEVICE
    fake_cupy(monkeypatch, 0, "cudaErrorInsufficientDriver: CUDA driver version is insufficient")
    assert "insufficient" in gpu.missing()
    monkeypatch.setattr(gpu, "_driver", lambda: False)
    assert gpu.missing() == gpu.NO_DRIVER
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: None)
    assert gpu.missing() == gpu.NO_CUPY
    assert gpu.too_large(2**30, 2**29, "the GPU").startswith("too little memory: the GPU has 0.5 GiB free")
    assert gpu.too_large(2**20, 2**29, "the GPU") == gpu.too_large(2**20, None, "the GPU") == ""


def fake_inspection(monkeypatch: pytest.MonkeyPatch, *found: Any) -> None:
    class MissingToolError(RuntimeError):
        pass

    package, survey = ModuleType("nanonet_kernels.inspection"), ModuleType("nanonet_kernels.inspection.survey")
    package.MissingToolError = MissingToolError  # type: ignore[attr-defined]
    package.catalogue = lambda: {one.name: one for one in found}  # type: ignore[attr-defined]
    package.architecture = lambda name: SimpleNamespace(capability=(9, 0))  # type: ignore[attr-defined]
    survey.survey = lambda names, capabilities, processes: [one for one in found if one.name in names]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, survey.__name__, survey)
    monkeypatch.setattr("nanonet_kernels.inspection", package, raising=False)


def test_machine_code_becomes_compiled_rows_without_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    good = SimpleNamespace(
        name="k", architecture="sm_90", error="", registers=32, spills=0, shared=0, occupancy=1.0,
        instructions={"FFMA": 4}, inner_loop={}, problem="",
    )  # fmt: skip
    bad = SimpleNamespace(name="b", architecture="sm_90", error="b: does not compile")
    fake_inspection(monkeypatch, good, bad)
    rows = list(code.compile_rows(("sm_90",), seconds=60))
    assert [(row.variant, row.evidence, row.median) for row in rows] == [
        ("k", "compiled", None),
        ("b", "skipped", None),
    ]
    assert rows[0].compiled is not None
    assert rows[0].compiled["registers"] == 32
    late = list(code.compile_rows(("sm_90",), seconds=-1))
    assert [(row.evidence, "no time left" in row.reason) for row in late] == [("skipped", True)]


def test_without_the_compiler_there_is_one_skipped_row_without_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nanonet_kernels.inspection.survey", None)
    rows = list(code.compile_rows(("sm_90",), seconds=60))
    assert [row.evidence for row in rows] == ["skipped"]
    error = ImportError("cannot import name 'x' from 'y' (/somewhere/y/__init__.py)")
    assert code.without_paths(error) == "cannot import name 'x' from 'y'"
