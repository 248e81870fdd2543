"""Elementwise CUDA kernels against the rules of nanonet.ops in float64: see tests/simulated_cuda.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from nanonet.ops import activation as smooth
from nanonet.ops import elementary, elu, rectifier
from nanonet_kernels.cuda import activation, bias_activation
from nanonet_kernels.cuda import rectifier as straight
from nanonet_kernels.cuda.elementwise import Elementwise
from tests.simulated_cuda import DTYPES, assert_near, on_device, poisoned, xp

SELU = (elu.SELU_ALPHA, elu.SELU_SCALE, 1.0)


@dataclass
class Case:
    """A rule with its attributes; the kernels, their numbers; `of`: what the backward kernel reads."""

    rule: Any
    attrs: dict[str, Any]
    forward: Elementwise
    backward: Elementwise
    numbers: tuple[float, ...] = ()
    backward_numbers: tuple[float, ...] | None = None
    of: str = "x"


CASES = {
    "relu": Case(rectifier.Relu, {}, straight.relu, straight.relu_backward, of="y"),
    "relu6": Case(rectifier.Relu6, {}, straight.relu6, straight.relu6_backward, of="y"),
    "leaky_relu": Case(
        rectifier.LeakyRelu, {"slope": 0.3}, straight.leaky_relu, straight.leaky_relu_backward, (0.3,)
    ),
    "hardtanh": Case(
        rectifier.Hardtanh, {"min_val": -0.5, "max_val": 0.25}, straight.hardtanh, straight.hardtanh_backward,
        (-0.5, 0.25),
    ),
    "hardsigmoid": Case(rectifier.Hardsigmoid, {}, straight.hardsigmoid, straight.hardsigmoid_backward),
    "hardswish": Case(rectifier.Hardswish, {}, straight.hardswish, straight.hardswish_backward),
    "hardshrink": Case(rectifier.Hardshrink, {"lambd": 0.5}, straight.hardshrink, straight.shrink_backward, (0.5,)),
    "softshrink": Case(rectifier.Softshrink, {"lambd": 0.5}, straight.softshrink, straight.shrink_backward, (0.5,)),
    "threshold": Case(
        rectifier.Threshold, {"threshold": 0.5, "value": -2.0}, straight.threshold, straight.threshold_backward,
        (0.5, -2.0), (0.5,),
    ),
    "elu": Case(elu.Elu, {"alpha": 0.7}, straight.elu, straight.elu_backward, (0.7, 1.0, 1.0)),
    "selu": Case(elu.Selu, {}, straight.elu, straight.elu_backward, SELU),
    "celu": Case(elu.Celu, {"alpha": 0.5}, straight.elu, straight.elu_backward, (0.5, 1.0, 2.0)),
    "sigmoid": Case(elementary.Sigmoid, {}, activation.sigmoid, activation.sigmoid_backward, of="y"),
    "tanh": Case(elementary.Tanh, {}, activation.tanh, activation.tanh_backward, of="y"),
    "gelu": Case(smooth.Gelu, {}, activation.gelu, activation.gelu_backward),
    "gelu tanh": Case(
        smooth.Gelu, {"approximate": "tanh"}, activation.gelu_tanh, activation.gelu_tanh_backward
    ),
    "silu": Case(smooth.Silu, {}, activation.silu, activation.silu_backward),
    "mish": Case(smooth.Mish, {}, activation.mish, activation.mish_backward),
    "softplus": Case(
        smooth.Softplus, {"beta": 2.0, "threshold": 3.0}, activation.softplus, activation.softplus_backward, (2.0, 3.0)
    ),
    "logsigmoid": Case(smooth.Logsigmoid, {}, activation.logsigmoid, activation.logsigmoid_backward),
}  # fmt: skip
CORNERS = [0.0, -0.0, 0.5, -0.5, 0.25, 6.0, 3.0, -3.0, 1.5, 30.0, -30.0, 1e4, -1e4, np.nan]
INFINITE = [np.inf, -np.inf]


def inputs(size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=size).astype(np.float32).astype(np.float64), rng.normal(size=size)


@np.errstate(all="ignore")
def assert_equals_rule(case: Case, x: np.ndarray, dy: np.ndarray, dtype: Any) -> None:
    x, dy = x.astype(dtype).astype(np.float64), dy.astype(dtype).astype(np.float64)
    expected, saved = case.rule.forward(xp, x, **case.attrs)
    (expected_dx,) = case.rule.backward(xp, saved, dy)
    y, dx = poisoned(x.shape, dtype), poisoned(x.shape, dtype)
    case.forward(on_device(x, dtype=dtype), y, *case.numbers)
    assert_near(y, expected.astype(dtype), what="y")
    read = on_device(expected if case.of == "y" else x, dtype=dtype)
    numbers = case.numbers if case.backward_numbers is None else case.backward_numbers
    case.backward(read, on_device(dy, dtype=dtype), dx, *numbers)
    assert_near(dx, expected_dx.astype(dtype), what="dx")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_it_equals_its_rule(name: str, dtype: Any) -> None:
    for size in (0, 1, 7, 13):
        assert_equals_rule(CASES[name], *inputs(size), dtype)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("special", CORNERS)
def test_corners_and_nan_are_the_rules(name: str, special: float) -> None:
    """The 1.0 beside it gives the scale that roundings are measured by."""
    assert_equals_rule(CASES[name], np.array([special, 1.0]), np.array([1.5, -0.5]), np.float32)


@pytest.mark.parametrize("name", CASES)
def test_infinite_inputs_are_the_rules(name: str) -> None:
    """Forward; the smooth gradients are NaN there by ∞ · 0 in one order of the products and not in another."""
    case = CASES[name]
    with np.errstate(all="ignore"):
        expected, _ = case.rule.forward(xp, np.array(INFINITE), **case.attrs)
    y = poisoned(2, np.float32)
    case.forward(on_device(np.array(INFINITE), dtype=np.float32), y, *case.numbers)
    assert_near(y, expected)


def test_the_output_may_be_the_input() -> None:
    x, _ = inputs(9)
    got = on_device(x, dtype=np.float32)
    straight.relu(got, got)
    assert_near(got, np.maximum(x, 0))


def test_a_planted_fault_is_caught() -> None:
    def make_wrong(T: Any) -> Any:
        return lambda x: x * (T(0.5) * (T(1) + np.tanh(T(0.7978845608) * (x + T(0.044714) * x * x * x))))

    right = CASES["gelu tanh"]
    make_wrong.__module__ = __name__
    wrong = Case(right.rule, right.attrs, Elementwise(make_wrong), right.backward)
    x, dy = inputs(13)
    assert_equals_rule(right, x, dy, np.float64)
    with pytest.raises(AssertionError, match="y"):
        assert_equals_rule(wrong, x, dy, np.float64)


def test_an_element_left_out_is_caught() -> None:
    class Forgetful:
        def __call__(self, x: Any, y: Any, *numbers: float) -> None:
            straight.relu(x, y)
            y.host[3] = np.nan

    case: Any = Case(rectifier.Relu, {}, Forgetful(), straight.relu_backward, of="y")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="y"):
        assert_equals_rule(case, *inputs(7), np.float32)


def test_an_integer_array_is_refused_in_one_line() -> None:
    with pytest.raises(TypeError, match="cuda kernels take float32, float64, got int64"):
        straight.relu(on_device(np.arange(3)), on_device(np.arange(3)))


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "gelu", "gelu tanh", "silu"])
@pytest.mark.parametrize(("shape", "positions"), [((5, 3), 1), ((1, 1), 1), ((2, 3, 5), 5), ((0, 3), 1)])
def test_a_bias_and_an_activation_are_one_pass(name: str, shape: tuple[int, ...], positions: int) -> None:
    case, rng = CASES[name], np.random.default_rng(1)
    x, b, dy = (rng.normal(size=s).astype(np.float32).astype(np.float64) for s in (shape, shape[1], shape))
    z = x + (b if positions == 1 else b[:, None])
    expected, saved = case.rule.forward(xp, z, **case.attrs)
    (expected_dx,) = case.rule.backward(xp, saved, dy)
    word = name.replace(" ", "_")
    for dtype in DTYPES:
        y, dx = poisoned(shape, dtype), poisoned(shape, dtype)
        arrays = on_device(x, b, dy, dtype=dtype)
        getattr(bias_activation, word)(*arrays[:2], y, positions)
        getattr(bias_activation, word + "_backward")(*arrays, dx, positions)
        assert_near(y, expected, what="y")
        assert_near(dx, expected_dx, what="dx")
