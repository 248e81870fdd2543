"""Our CUDA kernels as `nanonet bench` calls them: prepared, called and checked, in the simulator."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nanonet_benchmarks import workloads
from nanonet_benchmarks.checking.check import check
from nanonet_benchmarks.workloads import Variant, with_cupy
from nanonet_kernels.cuda.memory import SimulatedArray

SIZES: dict[str, dict[str, int]] = {
    "gelu": {"n": 301},
    "relu": {"n": 301},
    "softmax": {"rows": 5, "columns": 33},
    "layer_norm": {"rows": 5, "columns": 33},
    "cross_entropy": {"rows": 5, "columns": 33},
    "adam": {"n": 301},
    "matmul": {"m": 12, "n": 20, "k": 8},
}
LARGER = {"matmul": {"m": 128, "n": 128, "k": 512}, "layer_norm": {"rows": 600, "columns": 33}}  # k and rows divided
RUNGS = ("cuda: naive", "cuda: shared_memory", "cuda: tile_1d")  # cheap here; tests/simulator has all of them


class Array(SimulatedArray):
    """As CuPy's arrays, it takes what is in the host's memory where it is asked to."""

    def set(self, host: np.ndarray) -> None:
        self.host[...] = host


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the variants use of CuPy, over simulated memory."""
    library = SimpleNamespace(
        asarray=lambda x: Array(np.array(x)),
        empty=lambda shape, dtype: Array(np.empty(shape, dtype)),
        empty_like=lambda x: Array(np.empty_like(x.host)),
        asnumpy=lambda x: x.get(),
        cuda=SimpleNamespace(Device=lambda: SimpleNamespace(synchronize=lambda: None)),
    )
    monkeypatch.setattr(with_cupy, "import_module", lambda name: library)


def ours(name: str) -> list[Variant]:
    found = [v for v in workloads.find(name, **SIZES[name]).variants if v.name.startswith("cuda")]
    return [v for v in found if name != "matmul" or v.name in RUNGS]


@pytest.mark.parametrize("name", list(SIZES))
def test_our_kernels_compute_what_the_workload_says(name: str) -> None:
    workload = workloads.find(name, **SIZES[name])
    assert ours(name)
    for variant in ours(name):
        prepared = variant.prepare(workload.inputs(0))
        assert check(workload, prepared, 1).refused == "", variant.name
        assert check(workload, prepared, 2, prepared.call).refused == "", variant.name  # after calls that changed state


def test_a_kernel_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from nanonet_kernels.cuda import activation

    monkeypatch.setattr(activation, "gelu_tanh", activation.gelu)
    workload = workloads.find("gelu", n=301)
    prepared = ours("gelu")[0].prepare(workload.inputs(0))
    assert check(workload, prepared, 1).refused


@pytest.mark.parametrize("name", list(SIZES))
def test_every_kernel_that_is_launched_is_in_a_bundle(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from nanonet_benchmarks.bundle.needed import needed
    from nanonet_kernels.cuda.kernel import Kernel

    launched: list[str] = []
    monkeypatch.setattr(Kernel, "__call__", lambda kernel, *arguments, **more: launched.append(kernel.name))
    workload = workloads.find(name, **LARGER.get(name, SIZES[name]))
    for variant in workload.variants:
        if variant.name.startswith("cuda:"):
            variant.prepare(workload.inputs(0)).call()
    assert launched
    assert set(launched) <= set(needed())


def test_simulated_variants_are_never_timed() -> None:
    """A simulator has no times: whoever asks whether they can run here is told so."""
    variants: list[Any] = [v for name in SIZES for v in ours(name)]
    assert all("a simulator has no times" in v.available() for v in variants)


def test_every_rung_in_float32_is_there_and_none_that_rounds_its_operands() -> None:
    names = [v.name for v in workloads.find("matmul", m=8, n=8, k=8).variants if v.device == "cuda"]
    assert {"cuda: naive", "cuda: split_k", "cuda: by the table", "cuda C: warp_tile", "cupy: cuBLAS"} <= set(names)
    assert not any("tensor" in name for name in names)
