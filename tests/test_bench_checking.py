"""Nothing is timed before its result was checked: every way to be fast without doing the work is refused."""

from __future__ import annotations

import numpy as np
import pytest

from nanonet_benchmarks import workloads
from nanonet_benchmarks.checking.bounds import gamma
from nanonet_benchmarks.checking.check import check, judge
from nanonet_benchmarks.timer import clock
from nanonet_benchmarks.workloads import Prepared, Workload
from tests.cheating_kernels import CHEATS, honest, square

N = 10_000


def checked(workload: Workload, name: str) -> list[str]:
    """What the check before and the check after the timed calls say."""
    prepared = workload.variant(name).prepare(workload.inputs(0))
    before = check(workload, prepared, 1).refused
    for _ in range(20):
        prepared.call()
    return [before, check(workload, prepared, 2, lambda: clock.sample(prepared, 5)).refused]


def test_an_honest_kernel_passes_and_its_error_is_told() -> None:
    workload = square(N)
    prepared = honest(workload.inputs(0))
    found = check(workload, prepared, 1)
    assert found.refused == ""
    assert 0 < found.error <= found.bound < 1e-6


@pytest.mark.parametrize("name", list(CHEATS))
def test_a_kernel_that_does_not_do_its_work_is_refused(name: str) -> None:
    assert any(checked(square(N), name))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("writes nothing", "y was not written: it is NaN still"),
        ("wrong in one element", f"1 of {N} elements of y are wrong: y[{N // 3}] is "),
        ("returns cached output", "elements of y are wrong"),
    ],
)
def test_the_refusal_says_what_was_wrong(name: str, words: str) -> None:
    assert words in " ".join(checked(square(N), name))


def test_work_that_goes_on_after_the_call_is_seen_although_it_is_done_in_time_for_the_copy() -> None:
    """The planted fault is an output that changes between the glance and the copy."""
    workload = square(N)
    prepared = honest(workload.inputs(0))
    x, y = prepared.inputs["x"], prepared.outputs["y"]

    def results() -> dict[str, np.ndarray]:
        np.multiply(x, x, out=y)
        return {"y": y}

    late = Prepared(lambda: None, prepared.inputs, prepared.outputs, fetch=results)
    assert "the work went on after the call" in check(workload, late, 1).refused


def test_an_array_that_a_library_still_computes_is_refused() -> None:
    class Pending:
        def is_ready(self) -> bool:
            return False

    workload = square(N)
    prepared = Prepared(lambda: None, workload.inputs(0), fetch=lambda: {"y": Pending()})
    assert "returned before y was there" in check(workload, prepared, 1).refused


def test_outputs_that_are_inputs_too_are_not_poisoned() -> None:
    p, y = np.ones(3, np.float32), np.ones(3, np.float32)
    Prepared(lambda: None, {"p": p}, {"p": p, "y": y}).poison()
    assert p.tolist() == [1, 1, 1]
    assert np.isnan(y).all()


def test_judge_takes_nan_and_infinity_where_the_oracle_has_them_and_only_there() -> None:
    odd = np.array([np.nan, np.inf, 1.0])
    assert not judge({"y": odd.astype(np.float32)}, {"y": odd}, {"y": 0.0}).refused
    assert judge({"y": np.array([1.0, np.inf, 1.0])}, {"y": odd}, {"y": 0.0}).refused
    assert judge({"y": np.array([np.nan, np.inf, np.nan])}, {"y": odd}, {"y": 0.0}).refused


def test_a_missing_output_and_a_wrong_shape_are_refused() -> None:
    want = {"y": np.zeros(3)}
    assert "got nothing" in judge({}, want, {"y": 0.0}).refused
    assert "got (4,)" in judge({"y": np.zeros(4)}, want, {"y": 0.0}).refused


def test_gamma_is_the_documented_share_and_refuses_where_it_promises_nothing() -> None:
    u = 2.0**-24
    assert gamma(1024) == pytest.approx(1024 * u / (1 - 1024 * u))
    with pytest.raises(ValueError, match="expected k < 16777216"):
        gamma(2**24)


def test_a_product_of_one_order_less_precision_is_refused() -> None:
    """The planted fault: a product through float16."""
    workload = workloads.find("matmul", m=33, n=17, k=65)
    prepared = workload.variant("numpy: BLAS").prepare(workload.inputs(0))
    a, b, c = prepared.inputs["a"], prepared.inputs["b"], prepared.outputs["c"]
    assert not check(workload, prepared, 1).refused

    def half() -> None:
        c[...] = a.astype(np.float16).astype(np.float32) @ b

    assert check(workload, Prepared(half, prepared.inputs, prepared.outputs), 1).refused
