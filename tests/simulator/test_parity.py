"""Every rule that has a CUDA kernel gives what the textbook rule gives, at every sample, and waits for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nanonet.backends.base import Backend
from nanonet.backends.cuda.backend import backend
from nanonet.backends.cuda.rules import kernels
from nanonet.gradcheck.suite.parity import check_parity
from nanonet.op import Op, ops
from nanonet.ops.rectifier import Relu

EITHER_ZERO = {"max"}  # which of 0 and -0 is the larger one depends on the order in which they are met
KERNELS = {rule for rule in kernels if getattr(rule, "op", None) is not None}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", [pytest.param(op, id=f"{op.__module__.rsplit('.', 1)[-1]}-{op.name}") for op in ops()])
def test_cuda_agrees_with_the_rules(op: type[Op], dtype: str) -> None:
    if dtype == "float64" and op.forward not in KERNELS:
        pytest.skip("the op has no kernel: float32 has shown that it runs on device arrays")
    found = [check_parity(op, sample, "cuda", dtype) for sample in op.samples]
    wrong = [one for one in found if not one]
    assert not wrong, "\n".join(map(str, wrong))
    assert {one.evidence for one in found} == {"emulated"}
    if op.forward in KERNELS:
        assert any(one.kernels for one in found), f"{op.name} has a kernel and no sample reaches it"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels_treat_nan_and_infinities_as_their_rules_do(dtype: str) -> None:
    found = [
        check_parity(op, s, "cuda", dtype, special=True) for op in ops() if op.forward in KERNELS for s in op.samples
    ]
    wrong = [one for one in found if np.isinf(one.difference) and one.op not in EITHER_ZERO]  # not a matter of rounding
    assert not wrong, "\n".join(map(str, wrong))
    assert sum(one.verdict == "pass" for one in found) > 50


def planted(wrong: Callable[..., Any]) -> Backend:
    """The backend with one kernel replaced."""
    changed = {**backend.kernels, Relu.forward: wrong}
    return type(backend)("cuda", backend.xp, backend.array_type, changed)


def test_a_wrong_kernel_is_found() -> None:
    right = backend.kernels[Relu.forward]

    def one_wrong(x: Any) -> Any:
        y, saved = right(x)
        y.host.reshape(-1)[-1:] += np.float32(1e-3)
        return y, saved

    assert check_parity(Relu, Relu.samples[0], planted(right))
    assert check_parity(Relu, Relu.samples[0], planted(one_wrong)).verdict == "fail"


def test_a_kernel_that_writes_nothing_is_found() -> None:
    from nanonet.backends.cuda.arrays import empty_like

    def lazy(x: Any) -> Any:
        y = empty_like(x)
        return y, (y, {})

    assert check_parity(Relu, Relu.samples[0], planted(lazy)).verdict == "fail"
