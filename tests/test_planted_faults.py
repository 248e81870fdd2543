"""The tests that are made from the registry fail on planted faults: an op with one thing wrong at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nanonet import functional
from nanonet.op import Op, sample
from nanonet.sampling import normal
from tests import test_ops

SAMPLE = sample(normal(3, 4))


def planted(monkeypatch: pytest.MonkeyPatch, forward: Any, backward: Any, name: str = "planted") -> type[Op]:
    """An op with these rules that is reachable as F.<name>, for one test only."""
    op: Any = type("Planted", (Op,), {"__doc__": "y = tanh x;  dx = dy (1 - y²)."}, abstract=True)
    op.name, op.latex, op.samples = name, "y = x; dx = dy", [SAMPLE]
    op.forward, op.backward = staticmethod(forward), staticmethod(backward)
    monkeypatch.setitem(functional.network_functions, name, functional.make_function(op))
    return op


def tanh_forward(xp: Any, x: Any) -> Any:
    y = xp.tanh(x)
    return y, (y,)


def tanh_backward(xp: Any, saved: Any, dy: Any) -> Any:
    (y,) = saved
    return (dy * (1 - y * y),)


def test_the_right_op_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    op = planted(monkeypatch, tanh_forward, tanh_backward)
    test_ops.test_gradient_is_the_central_difference(op, SAMPLE)
    test_ops.test_double_backward_is_the_central_difference_of_the_gradient(op, SAMPLE)
    test_ops.test_rules_change_no_input(op, SAMPLE)
    test_ops.test_float32_stays_float32(op, SAMPLE)


def test_a_gradient_wrong_by_one_in_100_000_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    op = planted(monkeypatch, tanh_forward, lambda xp, saved, dy: (1.00001 * dy * (1 - saved[0] ** 2),))
    with pytest.raises(AssertionError):
        test_ops.test_gradient_is_the_central_difference(op, SAMPLE)


def test_a_detached_second_derivative_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def backward(xp: Any, saved: Any, dy: Any) -> Any:
        y = saved[0].detach() if hasattr(saved[0], "detach") else saved[0]
        return (dy * (1 - y * y),)

    op = planted(monkeypatch, tanh_forward, backward)
    test_ops.test_gradient_is_the_central_difference(op, SAMPLE)
    with pytest.raises(AssertionError):
        test_ops.test_double_backward_is_the_central_difference_of_the_gradient(op, SAMPLE)


@pytest.mark.parametrize("part", ["forward", "backward"])
def test_a_rule_that_writes_into_its_input_is_seen(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    def forward(xp: Any, x: Any) -> Any:
        if part == "forward":
            x *= 1.0
        return tanh_forward(xp, x)

    def backward(xp: Any, saved: Any, dy: Any) -> Any:
        if part == "backward":
            dy *= 1 - saved[0] ** 2
            return (dy,)
        return tanh_backward(xp, saved, dy)

    op = planted(monkeypatch, forward, backward)
    with pytest.raises(ValueError, match="read-only"):
        test_ops.test_rules_change_no_input(op, SAMPLE)


def test_a_rule_that_widens_float32_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    op = planted(monkeypatch, lambda xp, x: (xp.tanh(x) * np.float64(1.0), (x,)), tanh_backward)
    with pytest.raises(AssertionError):
        test_ops.test_float32_stays_float32(op, SAMPLE)


def test_a_function_outside_the_vocabulary_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(xp: Any, x: Any) -> Any:
        return xp.nanmedian(x), ()

    op = planted(monkeypatch, forward, tanh_backward)
    with pytest.raises(AssertionError, match="nanmedian: not in"):
        test_ops.test_rules_keep_to_the_vocabulary(op)


def test_a_difference_from_torch_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    test_parity: Any = pytest.importorskip("tests.test_parity", reason="needs torch: pip install '.[peers]'")
    right = planted(monkeypatch, tanh_forward, tanh_backward, name="tanhshrink")
    with pytest.raises(AssertionError, match="forward"):
        test_parity.test_equals_torch(right, SAMPLE, np.float64)
    wrong = planted(monkeypatch, lambda xp, x: (x - xp.tanh(x), (xp.tanh(x),)), tanh_backward, name="tanhshrink")
    with pytest.raises(AssertionError, match="gradient"):
        test_parity.test_equals_torch(wrong, SAMPLE, np.float64)
