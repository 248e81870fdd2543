"""Numba's kernels on what the samples do not have: larger and odd sizes, NaN and ∞; and how a backend is picked.

Every op at its samples: test_parity_backends.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet.backends import numba as numba_backend
from nanonet.gradcheck.suite.parity import check_parity
from nanonet.op import Op, Sample, ops, sample
from nanonet.sampling import normal
from tests.support import call, first_outputs

LARGER = {
    "relu": [sample(normal(33, 65))],
    "gelu": [sample(normal(33, 65), approximate="tanh")],
    "softmax": [sample(normal(5, 33), -1), sample(normal(2, 3, 7), 1), sample(normal(4, 6), 0)],
    "layer_norm": [
        sample(normal(5, 33), (33,), normal(33), normal(33)),
        sample(normal(5, 3, 4), (3, 4), normal(3, 4), None),
    ],
}
KERNELS = [op for op in ops() if op.forward in numba_backend.kernels]
CASES = [pytest.param(op, one, id=f"{op.name}-{i}") for op in KERNELS for i, one in enumerate(LARGER[op.name])]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("op", "one"), CASES)
def test_kernel_equals_rule_on_larger_inputs(op: type[Op], one: Sample, dtype: str) -> None:
    found = check_parity(op, one, "numba", dtype, seed=5)
    assert found, str(found)


@pytest.mark.parametrize("op", KERNELS)
def test_each_kernel_is_reached_by_its_larger_input(op: type[Op]) -> None:
    found = check_parity(op, LARGER[op.name][0], "numba")
    assert found.kernels == (f"{op.name}.backward", f"{op.name}.forward")


@pytest.mark.parametrize(
    ("op", "one"),
    CASES,
)
def test_nan_and_infinity_go_the_rules_way(op: type[Op], one: Sample) -> None:
    found = check_parity(op, one, "numba", special=True)
    assert found, str(found)


def forward_and_gradients(op: type[Op], one: Sample) -> list[np.ndarray]:
    y, inputs = call(op, one, one.draw(dtype=np.float32))
    outputs = first_outputs(y)
    dys = [np.ones(out.shape, np.float32) for out in outputs]
    return [out.array for out in outputs] + [dx.array for dx in nt.vjp_of(outputs, inputs, dys)]


@pytest.mark.parametrize(("op", "one"), CASES)
def test_kernels_work_under_a_backend_that_watches(op: type[Op], one: Sample) -> None:
    """A backend around this one may hand a rule's `saved` on in a tuple of its own."""
    with nt.use("numba"):
        want = forward_and_gradients(op, one)
        with nt.detect_anomaly():
            got = forward_and_gradients(op, one)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)


def test_use_restores_the_backend_also_after_an_error() -> None:
    before = nt.current_backend()
    with pytest.raises(KeyError), nt.use("numba"):
        assert nt.current_backend().name == "numba"
        raise KeyError
    assert nt.current_backend() is before


def test_unknown_and_unavailable_backends_say_so() -> None:
    with pytest.raises(ValueError, match="expected one of numpy, numba, cuda, got 'tpu'"):
        nt.use("tpu")
    reasons = nt.backends()
    assert reasons["numpy"] == ""
    assert reasons["cuda"]
    with pytest.raises(RuntimeError, match="cuda cannot run here"):
        nt.use("cuda")


def test_second_derivatives_do_not_need_kernels() -> None:
    x: Any = nt.tensor(np.array([0.5, -1.0], np.float32), requires_grad=True)
    with nt.use("numba"):
        y = F.gelu(x, approximate="tanh").sum()
        y.backward(create_graph=True)
        (x.grad * x.grad).sum().backward()
    assert np.isfinite(x.grad.array).all()
