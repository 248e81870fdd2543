"""What is measured: every variant that can run here computes what its workload says, and a fault in it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nanonet_benchmarks import workloads
from nanonet_benchmarks.checking.check import check
from nanonet_benchmarks.timer import Plan, run
from nanonet_benchmarks.workloads import Arrays, Prepared, Workload
from nanonet_benchmarks.workloads.base import placed
from tests.fake_cupy import FakeCuPy

SIZES: dict[str, dict[str, int]] = {
    "matmul": {"m": 33, "n": 17, "k": 40},
    "gelu": {"n": 1003},
    "relu": {"n": 1003},
    "softmax": {"rows": 13, "columns": 65},
    "layer_norm": {"rows": 13, "columns": 65},
    "cross_entropy": {"rows": 13, "columns": 65},
    "adam": {"n": 1003},
    "training step": {"batch": 8},
}
SLOW_TO_IMPORT = ("torch", "jax")
WITH_PEERS = ("layer_norm", "training step")  # the peers' other variants are checked by the runs that measure them


def found(name: str) -> Workload:
    return workloads.find(name, **SIZES[name])


def test_every_workload_has_a_size_here() -> None:
    assert set(SIZES) == set(workloads.names())


@pytest.mark.parametrize("name", list(SIZES))
def test_a_variant_computes_what_its_workload_says_or_says_why_it_cannot_run(name: str) -> None:
    workload = found(name)
    for variant in workload.variants:
        if reason := variant.available():
            assert "\n" not in reason
        elif variant.library not in SLOW_TO_IMPORT or name in WITH_PEERS:
            prepared = variant.prepare(placed(workload.inputs(0)))
            assert not check(workload, prepared, 1).refused, variant.name
            # with other inputs, after calls that changed its state
            assert not check(workload, prepared, 2, prepared.call).refused, variant.name


@pytest.mark.parametrize("name", list(SIZES))
def test_inputs_are_the_same_for_the_same_seed_and_others_for_another(name: str) -> None:
    one, same, other = (found(name).inputs(seed) for seed in (1, 1, 2))
    for key, array in one.items():
        np.testing.assert_array_equal(array, same[key])
    assert any((array != other[key]).any() for key, array in one.items())


def spoiled(name: str, key: str, change: float) -> str:
    """What the check says of the first variant when one element of one result is off by the share `change`."""
    workload = found(name)
    prepared = next(v for v in workload.variants if v.library == "numpy").prepare(placed(workload.inputs(0)))

    def fetch() -> dict[str, np.ndarray]:
        results = {k: np.array(v) for k, v in prepared.results().items()}
        flat = results[key].reshape(-1)
        at = int(np.argmax(np.abs(flat)))
        flat[at] *= np.float32(1 + change)
        return results

    return check(workload, replace(prepared, fetch=fetch), 1).refused


FAULTS = [
    ("matmul", "c", 1e-4),
    ("gelu", "y", 1e-5),
    ("gelu", "dx", 1e-4),
    ("relu", "y", 1e-6),
    ("softmax", "y", 1e-4),
    ("softmax", "dx", 1e-3),
    ("layer_norm", "y", 1e-3),
    ("layer_norm", "dx", 1e-2),
    ("layer_norm", "dw", 1e-3),
    ("cross_entropy", "y", 1e-4),
    ("cross_entropy", "dx", 1e-3),
    ("adam", "p", 1e-6),
    ("adam", "v", 1e-5),
    ("training step", "loss", 1e-1),
    ("training step", "w2", 1e-2),
]


@pytest.mark.parametrize(("name", "key", "change"), FAULTS)
def test_one_element_that_is_off_is_refused(name: str, key: str, change: float) -> None:
    assert "1 of " in spoiled(name, key, change)
    assert not spoiled(name, key, 0.0)


def test_a_training_step_that_takes_the_sum_for_the_mean_is_refused() -> None:
    """Adam hides a factor of all gradients, so the fault is one of a single layer: its bias gets no gradient."""
    workload = found("training step")
    prepared = workload.variant("numpy backend").prepare(placed(workload.inputs(0)))

    def fetch() -> dict[str, np.ndarray]:
        results = {k: np.array(v) for k, v in prepared.results().items()}
        return results | {"b1": prepared.inputs["b1"]}

    assert "elements of b1 are wrong" in check(workload, replace(prepared, fetch=fetch), 1).refused


def test_the_phases_of_a_training_step_are_rows_of_their_own() -> None:
    workload = found("training step")
    some = replace(workload, variants=[v for v in workload.variants if v.name == "numpy backend"])
    plan = Plan(processes=1, most_processes=1, rounds=2, sample=1e-4)
    rows = {row.phase: row for row in run([some], plan)}
    assert set(rows) == {"", "data", "forward", "backward", "update"}
    whole = np.array(rows[""].samples)
    parts = sum(np.array(row.samples) for phase, row in rows.items() if phase)
    np.testing.assert_allclose(parts, whole)
    assert rows[""].flops
    assert rows["forward"].flops is None


def test_a_python_loop_is_not_run_on_a_large_product() -> None:
    reasons = {v.name: v.available() for v in workloads.find("matmul", m=1024, n=1024, k=1024).variants}
    assert reasons["numpy: BLAS"] == ""
    ladder = reasons.get("Python loops", reasons.get("ladder"))
    assert ladder


def test_an_unknown_name_or_size_is_one_line_that_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"expected one of matmul, gelu, .*, got 'gell'"):
        workloads.find("gell", n=1)
    with pytest.raises(ValueError, match=r"workload gelu: .*unexpected keyword argument 'm'"):
        workloads.find("gelu", m=1)


def test_a_workload_from_elsewhere_is_found_by_the_name_of_its_function() -> None:
    name = "tests.cheating_kernels:square"
    workload = workloads.find(name, n=3)
    assert workload.name == name
    with pytest.raises(ValueError, match="no variant 'dishonest'; there are honest"):
        workload.variant("dishonest")


def test_gpu_variants_say_why_they_are_skipped_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "1")
    on_gpu = [v for v in found("matmul").variants if v.device == "cuda"]
    assert on_gpu
    for variant in on_gpu:
        assert "a simulator has no times" in variant.available()


class HostArrays(FakeCuPy):
    """A stand-in whose arrays are NumPy's: enough to see that data goes there and back."""

    class Array(np.ndarray):
        def set(self, x: np.ndarray) -> None:
            self[...] = x

    def asarray(self, x: np.ndarray) -> Any:
        return np.array(x).view(self.Array)

    def asnumpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def empty(self, shape: Any, dtype: Any) -> Any:
        return np.empty(shape, dtype).view(self.Array)

    matmul = staticmethod(np.matmul)


def test_a_variant_on_a_gpu_is_checked_through_its_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    from nanonet_benchmarks.workloads import with_cupy

    monkeypatch.setattr(with_cupy, "import_module", lambda name: HostArrays())
    workload = found("matmul")
    variant = workload.variant("cupy: cuBLAS")
    prepared = variant.prepare(placed(workload.inputs(0)))
    assert not check(workload, prepared, 1).refused
    lazy = Prepared(lambda: None, prepared.inputs, fetch=prepared.fetch, send=prepared.send)
    assert "it is NaN still" in check(workload, lazy, 2).refused


def test_names_of_outputs_and_bounds_are_those_of_the_oracle() -> None:
    for name in SIZES:
        workload = found(name)
        inputs: Arrays = workload.inputs(0)
        expected = workload.oracle(inputs)
        assert set(workload.bound(inputs, expected)) == set(expected)
        assert all(array.dtype == np.float64 for array in expected.values())
        assert workload.flops
        assert workload.bytes
