"""The reference derivatives: which way they are found, and that none of the ways is believed without evidence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nanonet.gradcheck.progress import Watch
from nanonet.gradcheck.reference import Reference, derivatives, gradient
from nanonet.gradcheck.reference.channels import Channels, random_cotangent
from nanonet.gradcheck.reference.complex_step import complex_step
from nanonet.gradcheck.reference.derivatives import computes_in_long_double
from nanonet.gradcheck.reference.ladder import Walk, slope


def at(f: Any, x: float) -> Reference:
    """The reference of a function of one number."""
    return gradient(lambda v: np.asarray(f(v)).ravel(), np.array([x]), np.ones(1))


def steps(f: Any, x: float) -> Any:
    line = lambda v: np.atleast_1d(f(v))  # noqa: E731
    with np.errstate(all="ignore"):
        return complex_step(line, x, line(x))


@pytest.mark.parametrize(
    ("f", "x", "want"), [(np.exp, 1.0, np.e), (np.sin, 0.7, np.cos(0.7)), (lambda x: x**3 / 7, -2.0, 12 / 7)]
)
def test_an_analytic_function_has_a_complex_step(f: Any, x: float, want: float) -> None:
    found = steps(f, x)
    assert found.confirmed.all()
    assert abs(found.value[0] - want) <= found.bar[0] <= 1e-11 * abs(want)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.abs(x) * x,  # |x| of a complex number is its length
        lambda x: np.real(x) ** 2 + 0 * x,  # the imaginary part is lost
        lambda x: x * np.conj(x),
        lambda x: np.where(np.real(x) > 0, x, 0 * x),  # a kink
    ],
    ids=["length", "lost", "conjugate", "kink"],
)
def test_a_complex_step_that_real_steps_contradict_is_not_believed(f: Any) -> None:
    found = steps(f, 0.0 if f(-1.0) == 0 else 0.3)
    assert found is None or not found.confirmed.any()


def test_an_output_that_does_not_change_is_zero_only_where_large_steps_agree() -> None:
    assert steps(lambda x: 0 * x + 3.0, 0.5).confirmed.all()
    found = steps(lambda x: np.float32(np.real(x)) + 0 * x, 0.5)
    assert not found.confirmed.any()


def test_long_double_is_told_from_a_cast_within() -> None:
    x = np.array([0.3, -1.2])
    wide = np.finfo(np.longdouble).eps < np.finfo(np.float64).eps
    assert computes_in_long_double(np.abs, x, 2) == wide
    assert not computes_in_long_double(lambda v: np.sin(v.astype(np.float64)).astype(v.dtype), x, 2)
    assert not computes_in_long_double(lambda v: v * np.finfo(v.dtype).eps ** 0.25, x, 2)  # another function


def test_where_cancellation_hides_the_slope_the_bar_says_so() -> None:
    """(1 - cos x)/x²: within tiny steps cos x rounds to the same, and the slope seems to be -1e5."""
    found = at(lambda x: (1 - np.cos(x)) / x**2, 1e-5)
    assert abs(found.value[0] + 1e-5 / 12) <= 5 * found.bar[0]


def test_each_output_alone_is_in_the_jacobian() -> None:
    rng = np.random.default_rng(0)
    w, x = rng.standard_normal((4, 3)), rng.standard_normal(3)
    dy = random_cotangent(4, rng)
    found = derivatives(lambda v: np.tanh(w @ v), x, Channels(dy[None], units=True))
    want = (1 - np.tanh(w @ x) ** 2)[:, None] * w
    assert found.value.shape == (5, 3)
    np.testing.assert_allclose(found.value[1:], want, rtol=1e-12)
    np.testing.assert_allclose(found.value[0], dy @ want, rtol=1e-12)
    assert np.all(np.abs(found.value[1:] - want) <= found.bar[1:])


def test_an_infinite_output_does_not_spoil_the_others() -> None:
    found = derivatives(lambda v: np.array([np.inf, v[0] ** 2]), np.array([3.0]), Channels(np.ones((1, 2)), units=True))
    assert found.value[2, 0] == pytest.approx(6.0, rel=1e-12)
    assert not np.isfinite(found.bar[1, 0])


@pytest.mark.parametrize(("f", "left", "right"), [(np.abs, -1.0, 1.0), (lambda x: np.maximum(x, 0.25 * x), 0.25, 1.0)])
def test_one_sided_slopes_at_a_kink(f: Any, left: float, right: float) -> None:
    found = slope(Walk(lambda v: np.atleast_1d(f(v)), 0.0), lambda v: v, np.ones(1))
    assert found.kinked
    assert (found.left, found.right) == pytest.approx((left, right))


def test_an_interrupted_walk_keeps_what_it_has() -> None:
    calls = []

    def f(v: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) > 60:
            raise KeyboardInterrupt
        return v**2

    x = np.linspace(1.0, 2.0, 30)
    watch = Watch()
    found = derivatives(f, x, Channels(np.ones((1, 30)), units=False), watch=watch)
    finite = np.isfinite(found.bar[0])
    assert 0 < finite.sum() < 30
    np.testing.assert_allclose(found.value[0][finite], 2 * x[finite], rtol=1e-12)
    assert (
        watch.interrupted == f"interrupted after {finite.sum()} of 30 elements of an input: the rest was not looked at"
    )
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        derivatives(f, x, Channels(np.ones((1, 30)), units=False))
