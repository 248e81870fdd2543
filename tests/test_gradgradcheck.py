"""gradgradcheck passes right second derivatives and forward modes, and fails on planted faults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet.functional import function_of
from nanonet.gradcheck import forward_mode_check
from nanonet.gradcheck.second_order.adjoint import adjoint_test, symmetry_test
from nanonet.gradcheck.second_order.replay import Replay, cotangents
from nanonet.op import Op, Sample
from nanonet.tensor import Tensor
from tests.support import cases, is_float_draw
from tests.test_gradcheck import planted

X = np.random.default_rng(0).standard_normal((2, 3))
SMALL = 12  # elements of the inputs, up to which every one is differenced


def outside(x: Any) -> Any:
    """x as a constant that the graph does not know."""
    return x.detach() if isinstance(x, Tensor) else x


def inputs_of(op: type[Op], sample: Sample) -> tuple[Any, list[np.ndarray]]:
    """The public function at a sample, as a function of the arrays that have gradients, and those."""
    arrays = sample.draw()
    checked: list[np.ndarray] = []
    for draw, value in zip(sample.args, arrays, strict=True):
        pairs = zip(draw, value, strict=True) if isinstance(draw, list) else [(draw, value)]
        checked += [v for d, v in pairs if is_float_draw(d)]

    def f(*given: Tensor) -> Any:
        fresh = iter(given)

        def fill(draw: Any, value: Any) -> Any:
            if isinstance(draw, list):
                return [fill(d, v) for d, v in zip(draw, value, strict=True)]
            return next(fresh) if is_float_draw(draw) else value

        arguments = [fill(draw, value) for draw, value in zip(sample.args, arrays, strict=True)]
        return function_of(op)(*arguments, **sample.attrs)

    return f, checked


SMOOTH = [case for case in cases() if not case.values[1].kink]
FIRST = [case for case in SMOOTH if case.values[1] is next(s for s in case.values[0].samples if not s.kink)]


@pytest.mark.parametrize(("op", "sample"), FIRST)
def test_every_op_is_twice_differentiable(op: type[Op], sample: Sample) -> None:
    f, checked = inputs_of(op, sample)
    mode = "full" if sum(x.size for x in checked) <= SMALL else "fast"
    report = nt.gradgradcheck(f, checked, seed=0, name=op.name, mode=mode)
    assert report.verdict == "pass", str(report)
    assert report.looked == ("values", "slopes", "adjoint", "symmetry")


@pytest.mark.parametrize(("op", "sample"), SMOOTH)
def test_forward_mode_and_hessian_of_every_sample(op: type[Op], sample: Sample) -> None:
    f, checked = inputs_of(op, sample)
    subject = Replay("test", f, checked)
    report = adjoint_test(subject, seed=1)
    assert report.verdict == "pass", str(report)
    dys = cotangents(np.random.default_rng(1), subject(*subject.leaves()))
    report = symmetry_test(subject, dys, seed=1)
    assert report.verdict == "pass", str(report)


def cube(x: Any) -> Any:
    return x * x * x, (x,)


def test_a_right_op_passes() -> None:
    right = planted(lambda xp, x: cube(x), lambda xp, saved, dy: (3 * dy * saved[0] * saved[0],))
    assert nt.gradgradcheck(right, [X])


def test_a_detached_backward_is_cut_off() -> None:
    """The first derivative is right, so gradcheck passes; the second is lost."""
    detached = planted(lambda xp, x: cube(x), lambda xp, saved, dy: (3 * dy * outside(saved[0] * saved[0]),))
    assert nt.gradcheck(detached, [X])
    report = nt.gradgradcheck(detached, [X], name="cube")
    assert report.verdict == "fail"
    assert report.cause is not None
    assert report.cause.kind == "zero"
    assert "the second derivative is cut off" in report.cause.sentence
    assert "detach()" in report.cause.remedy
    assert "second order" in report.note


def test_a_detached_cotangent_is_cut_off_in_forward_mode() -> None:
    detached = planted(lambda xp, x: cube(x), lambda xp, saved, dy: (3 * outside(dy) * saved[0] * saved[0],))
    assert nt.gradcheck(detached, [X])
    for report in (nt.gradgradcheck(detached, [X]), forward_mode_check(detached, [X])):
        assert report.verdict == "fail"
        assert report.cause is not None
        assert report.cause.kind == "zero"


def test_a_second_derivative_that_misses_a_term_fails() -> None:
    half = planted(lambda xp, x: cube(x), lambda xp, saved, dy: (3 * dy * saved[0] * outside(saved[0]),))
    assert nt.gradcheck(half, [X])
    report = nt.gradgradcheck(half, [X])
    assert report.verdict == "fail"
    assert report.where is not None
    assert report.where[0] == 0
    assert abs(report.analytic / report.numeric - 0.5) < 1e-9
    assert "slopes" in report.note


@pytest.mark.parametrize("share", [0.5, 1e-6, 1e-9])
def test_a_forward_mode_that_misses_a_share_fails(share: float) -> None:
    """No differences are taken, so that a share of 1e-9 is seen as well."""

    def backward(xp: Any, saved: Any, dy: Any) -> Any:
        return (3 * saved[0] * saved[0] * ((1 - share) * dy + share * outside(dy)),)

    function = planted(lambda xp, x: cube(x), backward)
    assert nt.gradcheck(function, [X])
    report = forward_mode_check(function, [X])
    assert report.verdict == "fail"
    assert "forward and reverse mode disagree" in report.note
    assert report.cause is not None


@pytest.mark.parametrize(
    ("backward", "words"),
    [
        (lambda xp, saved, dy: (3 * saved[0] * saved[0] + 0 * dy,), "ignores its cotangent"),
        (lambda xp, saved, dy: (3 * saved[0] * saved[0] * dy * dy,), "not linear"),
    ],
)
def test_a_backward_that_is_not_linear_in_dy_fails(backward: Any, words: str) -> None:
    report = forward_mode_check(planted(lambda xp, x: cube(x), backward), [X])
    assert report.verdict == "fail"
    assert report.cause is not None
    assert words in report.cause.sentence


def test_an_asymmetric_hessian_fails_and_its_place_is_named() -> None:
    """dw is twice what it should be: consistent with its own slopes, but the gradient of no function."""
    product = planted(lambda xp, x, w: (x * w, (x, w)), lambda xp, saved, dy: (dy * saved[1], 2 * dy * saved[0]))
    report = nt.gradgradcheck(product, [np.array([0.7, 1.2]), np.array([-0.4, 2.0])])
    assert report.verdict == "fail"
    assert "symmetry" in report.note
    assert report.cause is not None
    assert "input 0, element" in report.cause.sentence
    assert "input 1, element" in report.cause.sentence


def test_a_gradient_that_changes_when_it_is_recorded_fails() -> None:
    def backward(xp: Any, saved: Any, dy: Any) -> Any:
        return (3 * dy * saved[0] * saved[0] * (1.001 if isinstance(dy, Tensor) else 1.0),)

    report = nt.gradgradcheck(planted(lambda xp, x: cube(x), backward), [X])
    assert report.verdict == "fail"
    assert report.cause is not None
    assert "when it is recorded" in report.cause.sentence


def test_a_backward_that_cannot_be_recorded_fails_with_its_error() -> None:
    def backward(xp: Any, saved: Any, dy: Any) -> Any:
        if isinstance(dy, Tensor):
            raise AttributeError("no such thing as ptp")
        return (3 * dy * saved[0] * saved[0],)

    report = nt.gradgradcheck(planted(lambda xp, x: cube(x), backward), [X])
    assert report.verdict == "fail"
    assert "no such thing as ptp" in report.note


def test_the_guilty_operation_of_a_longer_function_is_named() -> None:
    detached = planted(lambda xp, x: cube(x), lambda xp, saved, dy: (3 * dy * outside(saved[0] * saved[0]),))
    report = nt.gradgradcheck(lambda x: nt.sum(nt.exp(detached(nt.tanh(x) + 0.3)) * x), [X])
    assert report.verdict == "fail"
    assert report.op.startswith("faulty, operation 3 of 6")
    assert report.cause is not None
    assert report.cause.kind == "zero"


@pytest.mark.parametrize("f", [F.relu, nt.abs, lambda x: nt.maximum(x, 0.0) * x + x])
def test_a_kink_is_labelled_and_not_accused(f: Any) -> None:
    assert nt.gradgradcheck(f, [np.array([-0.5, 0.3, 1.0])]).verdict == "pass"
    if f is not nt.abs and f is not F.relu:  # x · max(x, 0) has a gradient without a jump
        return
    report = nt.gradgradcheck(f, [np.array([-0.5, 0.0, 1.0])])
    assert report.verdict == "kink"
    assert "has a kink at element [1]" in report.note


def test_linear_constant_and_several_outputs_pass() -> None:
    assert nt.gradgradcheck(lambda x: 2 * x, [X])
    assert nt.gradgradcheck(lambda x: x, [X])
    assert nt.gradgradcheck(lambda x, w: (nt.matmul(x, w), nt.sum(nt.exp(x))), [X, X.T])
    assert nt.gradgradcheck(lambda x, i: nt.take(x, i, axis=0) ** 2, [X, nt.tensor([0, 0, 1])])


def test_dropout_draws_the_same_mask_each_time() -> None:
    nt.manual_seed(3)
    assert nt.gradgradcheck(lambda x: F.dropout(x * x * x, 0.5), [X])


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_scale_of_the_function_does_not_matter(scale: float) -> None:
    assert nt.gradgradcheck(lambda x: scale * nt.sum(nt.sin(x) * x), [X])
    half = planted(lambda xp, x: cube(x), lambda xp, saved, dy: (3 * dy * saved[0] * outside(saved[0]),))
    assert nt.gradgradcheck(lambda x: scale * half(x), [X]).verdict == "fail"


def test_cancellation_is_taken_for_rounding() -> None:
    """The Jacobian of x/|x| is 0 for one number, and what is computed is rounding."""
    assert forward_mode_check(lambda x: x / nt.sqrt(nt.sum(x * x)), [np.array([0.7])])
    assert nt.gradgradcheck(lambda x: nt.sqrt(nt.sum((x - nt.mean(x)) ** 2) + 1e-9), [1e3 + X])


def test_a_seed_repeats_the_report() -> None:
    reports = [nt.gradgradcheck(nt.tanh, [X], seed=seed) for seed in (5, 5, None)]
    assert reports[0].max_error == reports[1].max_error
    assert reports[0].reproduce == "nt.gradgradcheck(f, inputs, seed=5)"
    assert str(reports[2].seed) in reports[2].reproduce


def test_fast_mode_sees_a_missing_term_too() -> None:
    half = planted(lambda xp, x: cube(x), lambda xp, saved, dy: (3 * dy * saved[0] * outside(saved[0]),))
    large = np.random.default_rng(0).standard_normal((40, 50))
    assert nt.gradgradcheck(half, [large], mode="fast").verdict == "fail"
    report = nt.gradgradcheck(lambda x: x * x * x, [large], mode="fast")
    assert (report.verdict, report.mode) == ("pass", "fast")
    assert report.miss is not None


def test_where_counts_the_inputs_as_the_caller_does() -> None:
    """An integer input comes first; what is wrong is the derivative with respect to input 1."""
    half = planted(lambda xp, x: cube(x), lambda xp, saved, dy: (3 * dy * saved[0] * outside(saved[0]),))
    report = nt.gradgradcheck(lambda i, x: nt.take(half(x), i, axis=0), [nt.tensor([0, 1, 1]), X])
    assert report.verdict == "fail"
    assert report.where is not None
    assert report.where[0] == 1
    assert "input 1" in report.note


def test_what_cannot_be_checked_is_refused() -> None:
    with pytest.raises(ValueError, match="gradgradcheck: no floating input"):
        nt.gradgradcheck(lambda x: x, [np.array([1, 2])])
    with pytest.raises(TypeError, match="forward_mode_check: the function must return Tensors, got float"):
        forward_mode_check(lambda x: 1.0, [X])
