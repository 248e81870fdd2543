"""gradcheck passes right gradients, and fails on planted faults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet.functional import function_of
from nanonet.gradcheck import check_sample
from nanonet.gradcheck.reference import ridders
from nanonet.op import Op
from nanonet.tensor import apply
from tests.support import cases


def planted(forward: Any, backward: Any) -> Any:
    """A function whose op has the given rules; it is not registered."""

    class Faulty(Op, abstract=True):
        pass

    Faulty.name = "faulty"
    Faulty.forward, Faulty.backward = staticmethod(forward), staticmethod(backward)
    return lambda *inputs: apply(Faulty, *inputs)


x34 = np.random.default_rng(0).standard_normal((3, 4))


@pytest.mark.parametrize(("op", "sample"), cases())
def test_every_op_passes(op: type[Op], sample: Any) -> None:
    if sample.kink:
        pytest.skip(f"not differentiable there: {sample.kink}")
    report = check_sample(op, function_of(op), sample)
    assert report, str(report)


@pytest.mark.parametrize(
    "backward",
    [
        lambda xp, saved, dy: (-dy * (1 - saved[0] ** 2),),
        lambda xp, saved, dy: (2 * dy * (1 - saved[0] ** 2),),
        lambda xp, saved, dy: (dy * (1 - saved[0]),),
        lambda xp, saved, dy: (1 - saved[0] ** 2,),
        lambda xp, saved, dy: (dy * 0,),
        lambda xp, saved, dy: (dy * (1 - saved[0] ** 2) * (1 + 1e-5),),
    ],
    ids=["sign", "factor 2", "missing square", "upstream ignored", "zero", "1e-5 too large"],
)
def test_a_wrong_gradient_fails(backward: Any) -> None:
    right = planted(lambda xp, x: ((y := np.tanh(x)), (y,)), lambda xp, saved, dy: (dy * (1 - saved[0] ** 2),))
    wrong = planted(lambda xp, x: ((y := np.tanh(x)), (y,)), backward)
    assert nt.gradcheck(right, [x34]).verdict == "pass"
    report = nt.gradcheck(wrong, [x34])
    assert report.verdict == "fail"
    assert not report


def test_the_place_of_a_single_wrong_element_is_named() -> None:
    def backward(xp: Any, saved: Any, dy: Any) -> Any:
        dx = 2 * dy * saved[0]
        dx[1, 2] = 0.0
        return (dx,)

    report = nt.gradcheck(planted(lambda xp, x: (x * x, (x,)), backward), [x34], name="square")
    assert report.verdict == "fail"
    assert report.where == (0, (1, 2))
    assert "square" in str(report)
    assert "element [1, 2]" in str(report)


def test_the_error_bar_covers_the_error() -> None:
    for f, x, want in [(np.exp, 1.0, np.e), (np.sin, 2.0, np.cos(2.0)), (np.sqrt, 0.02, 0.5 / np.sqrt(0.02))]:
        with np.errstate(invalid="ignore"):
            value, bar = ridders(f, x)
        assert abs(value - want) <= 10 * bar + 1e-12
        assert bar < 1e-8


def test_a_jump_is_inconclusive_not_a_pass() -> None:
    assert nt.gradcheck(lambda x: nt.where(x > 0.1, 1.0, 0.0) * 1e3 + x * 0.0, [np.array([0.1])]).verdict != "pass"


def test_what_cannot_be_checked_is_refused() -> None:
    with pytest.raises(ValueError, match="no floating input"):
        nt.gradcheck(lambda x: x, [np.array([1, 2])])
    with pytest.raises(TypeError, match="must return Tensors, got float"):
        nt.gradcheck(lambda x: 1.0, [np.ones(2)])


def test_one_input_needs_no_list_and_no_grad_is_no_obstacle() -> None:
    with nt.no_grad():
        assert nt.gradcheck(nt.exp, np.array([0.5, 1.0]))
    report = nt.gradcheck(lambda x: x.detach() * 0.0, nt.tensor(np.ones(2)))
    assert (report.verdict, report.where) == ("pass", (0, (0,)))


def test_float32_is_checked_in_float64() -> None:
    assert nt.gradcheck(nt.exp, [np.float32([0.1, 0.7])])
    assert nt.gradcheck(nt.exp, nt.tensor([0.1, 0.7])).bar < 1e-9


def slope(f: Any, x: float) -> tuple[float, float]:
    with np.errstate(all="ignore"):
        return ridders(lambda v: f(np.float64(v)), x)


@pytest.mark.parametrize(
    ("f", "x", "want"),
    [
        (lambda x: x * x, 1e10, 2e10),
        (lambda x: np.sin(1e5 * x), 0.7, 1e5 * np.cos(7e4)),
        (lambda x: np.sin(1e5 * x), 0.0, 1e5),
        (np.log, 5e-7, 2e6),
        (np.sqrt, 1e-8, 5e3),
        (lambda x: np.where(x > 0, x, 0.01 * x), 5e-7, 1.0),
        (lambda x: np.where(x > 0, x, 0.01 * x), -1e-12, 0.01),
        (lambda x: np.exp(-x * x * 1e8), 1e-4, -2e4 * np.exp(-1)),
        (lambda x: 1 / x, 1e-6, -1e12),
        (lambda x: 1e8 + x, 1.0, 1.0),
        (lambda x: (1e8 + x) - 1e8, 1.0, 1.0),
        (lambda x: np.float64(np.float32(np.sin(x))), 1.0, np.cos(1.0)),
        (lambda x: np.round(x, 2), 0.513, 0.0),
        (np.arctanh, 1 - 1e-9, 1 / (1 - (1 - 1e-9) ** 2)),
        (lambda x: np.sqrt(x * x + 1e-12), 0.0, 0.0),
        (lambda x: 4e-6 * x * x, 1.5, 1.2e-5),
    ],
)
def test_badly_scaled_functions_have_a_reference(f: Any, x: float, want: float) -> None:
    value, bar = slope(f, x)
    assert abs(value - want) <= 10 * bar + 1e-12 * abs(want)
    assert bar <= 1e-4 * abs(want) + 1e-11


@pytest.mark.parametrize(
    ("f", "dx", "at", "verdict"),
    [
        (nt.abs, 0.0, 0.0, "subgradient"),
        (nt.abs, -1.0, 0.0, "subgradient"),
        (nt.abs, 2.0, 0.0, "kink"),
        (F.relu, 0.0, 0.0, "subgradient"),
        (F.relu, 1.5, 0.0, "kink"),
        (lambda x: F.leaky_relu(x), 1.0, 5e-7, "pass"),
        (lambda x: F.leaky_relu(x), 0.01, 5e-7, "fail"),
        (lambda x: nt.sum(x * x) * 4e-6, 0.0, 1.0, "fail"),
    ],
)
def test_verdicts(f: Any, dx: float, at: float, verdict: str) -> None:
    """Functions of one number, with the gradient dy · dx."""
    function = planted(lambda xp, x: (f(nt.tensor(x)).array, None), lambda xp, saved, dy: (dy * dx + np.zeros(1),))
    report = nt.gradcheck(function, [np.array([at])])
    assert report.verdict == verdict, str(report)
    assert bool(report) == (verdict in ("pass", "subgradient"))
    if verdict in ("kink", "subgradient"):
        assert report.slopes is not None
        assert "to the left" in str(report)


def test_no_cause_is_guessed_for_several_outputs() -> None:
    report = nt.gradcheck(lambda x: (nt.sum(x), nt.exp(x).detach()), [x34])
    assert report.verdict == "fail"
    assert report.cause is not None
    assert report.cause.kind == "unknown"
