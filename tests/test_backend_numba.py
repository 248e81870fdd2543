"""Every Numba kernel equals the rule it stands for, on the op's samples and on larger inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet.backends import numba as numba_backend
from nanonet.backends.base import Backend, installed
from nanonet.op import Op, Sample, ops, sample
from nanonet.sampling import normal
from tests.support import call, first_outputs

BOUND = 2e-6  # relative to the largest element: a few roundings of float32, and the polynomial exp (5 ulp)
LARGER = {
    "relu": [sample(normal(33, 65))],
    "gelu": [sample(normal(33, 65), approximate="tanh")],
    "softmax": [sample(normal(5, 33), -1), sample(normal(2, 3, 7), 1), sample(normal(4, 6), 0)],
    "layer_norm": [
        sample(normal(5, 33), (33,), normal(33), normal(33)),
        sample(normal(5, 3, 4), (3, 4), normal(3, 4), None),
    ],
}
CASES = [
    pytest.param(op, one, id=f"{op.name}-{one.name or i}")
    for op in ops()
    if op.forward in numba_backend.kernels
    for i, one in enumerate([*op.samples, *LARGER[op.name]])
]


def forward_and_gradients(op: type[Op], one: Sample, dtype: Any, strided: bool = False) -> list[np.ndarray]:
    arrays = one.draw(dtype=dtype)
    y, inputs = call(op, one, arrays)
    outputs = first_outputs(y)
    rng = np.random.default_rng(5)
    dys = [rng.standard_normal(out.shape[::-1]).astype(dtype).T for out in outputs]
    if not strided:
        dys = [np.ascontiguousarray(dy) for dy in dys]
    return [out.array for out in outputs] + [dx.array for dx in nt.vjp_of(outputs, inputs, dys)]


def largest_error(got: list[np.ndarray], want: list[np.ndarray]) -> float:
    errors = [0.0]
    for a, b in zip(got, want, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        scale = max(1.0, float(np.abs(b[np.isfinite(b)]).max(initial=0.0)))
        errors.append(float(np.abs(np.nan_to_num(a) - np.nan_to_num(b)).max(initial=0.0)) / scale)
    return max(errors)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("strided", [False, True], ids=["contiguous", "strided"])
@pytest.mark.parametrize(("op", "one"), CASES)
def test_kernel_equals_rule(op: type[Op], one: Sample, dtype: Any, strided: bool) -> None:
    want = forward_and_gradients(op, one, dtype, strided)
    with nt.use("numba"):
        got = forward_and_gradients(op, one, dtype, strided)
    assert largest_error(got, want) <= (BOUND if dtype == np.float32 else 0.0)


@pytest.mark.parametrize(("op", "one"), [case for case in CASES if not case.values[1].kink])
def test_kernels_work_under_a_backend_that_watches(op: type[Op], one: Sample) -> None:
    """A backend around this one may hand a rule's `saved` on in a tuple of its own."""
    want = forward_and_gradients(op, one, np.float32)
    with nt.use("numba"), nt.detect_anomaly():
        got = forward_and_gradients(op, one, np.float32)
    assert largest_error(got, want) <= BOUND


def test_a_wrong_kernel_is_seen() -> None:
    from nanonet.ops.rectifier import Relu

    def wrong(saved: Any, dy: Any) -> Any:
        return (dy * (saved[0] >= 0),)

    op, one = Relu, LARGER["relu"][0]
    want = forward_and_gradients(op, one, np.float32)
    planted = Backend("planted", numba_backend.xp, np.ndarray, {Relu.backward: wrong})
    with installed(planted):
        assert largest_error(forward_and_gradients(op, one, np.float32), want) > BOUND


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
    x = nt.tensor(np.array([0.5, -1.0], np.float32), requires_grad=True)
    with nt.use("numba"):
        y = F.gelu(x, approximate="tanh").sum()
        y.backward(create_graph=True)
        (x.grad * x.grad).sum().backward()
    assert np.isfinite(x.grad.array).all()
