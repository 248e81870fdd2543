"""The kernels' exp, tanh, erf, … keep the bounds they state, on samples here and on every float32 in `tests.ulp`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nanonet_kernels.cpu import mathf
from tests.ulp import FUNCTIONS, Function, errors, every_float, loop_of, worst

LIMITS = {
    "exp": ([-np.inf, -104.0, 0.0, -0.0, 88.8, np.inf], [0.0, 0.0, 1.0, 1.0, np.inf, np.inf]),
    "exp_below": ([-np.inf, -104.0, 0.0, -0.0], [0.0, 0.0, 1.0, 1.0]),
    "expm1": ([-np.inf, -50.0, 0.0, -0.0], [-1.0, -1.0, 0.0, -0.0]),
    "tanh": ([-np.inf, -20.0, 0.0, -0.0, 1e-30, 20.0, np.inf], [-1.0, -1.0, 0.0, -0.0, 1e-30, 1.0, 1.0]),
    "sigmoid": ([-np.inf, -1e4, 0.0, 1e4, np.inf], [0.0, 0.0, 0.5, 1.0, 1.0]),
    "log": (
        [0.0, -0.0, -1.0, -np.inf, 1.0, np.inf, 1e-45],
        [-np.inf, -np.inf, np.nan, np.nan, 0.0, np.inf, -103.27893],
    ),
    "log1p": ([0.0, 1e-30, 1.0], [0.0, 1e-30, 0.6931472]),
    "erf": ([-np.inf, -5.0, 0.0, -0.0, 5.0, np.inf], [-1.0, -1.0, 0.0, -0.0, 1.0, 1.0]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_stays_within_its_bound_all_over_float32(name: str) -> None:
    """A million inputs from all over, subnormal and huge ones too."""
    error, at = worst(FUNCTIONS[name], every_float(4211))
    assert error <= FUNCTIONS[name].bound, f"{error} ulp at {at}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_is_exact_at_the_limits_and_nan_at_nan(name: str) -> None:
    x, want = LIMITS[name]
    got = np.empty(len(x) + 1, np.float32)
    loop_of(FUNCTIONS[name].kernel)(np.array([*x, np.nan], np.float32), got)
    expected = np.array([*want, np.nan], np.float32)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got[:-1]), np.signbit(expected[:-1]))


def test_the_exact_functions_are_exact() -> None:
    """float64 against mpmath, which is what the bounds are counted from."""
    import mpmath

    rng = np.random.default_rng(0)
    exact: dict[str, Any] = {
        "exp": mpmath.exp,
        "tanh": mpmath.tanh,
        "erf": mpmath.erf,
        "log": mpmath.log,
        "expm1": mpmath.expm1,
    }
    for name, function in exact.items():
        x = np.abs(rng.standard_normal(200).astype(np.float32)).astype(np.float64)
        want = [float(function(float(v))) for v in x]
        np.testing.assert_allclose(FUNCTIONS[name].exact(x), want, rtol=1e-14)


def test_the_normal_tail_is_close_relative_to_itself() -> None:
    from math import erfc, sqrt

    t = np.linspace(0, 5, 1001, dtype=np.float32)
    exact = np.array([0.5 * erfc(float(v) / sqrt(2)) for v in t])
    got = np.empty_like(t)
    loop_of(_tail)(t, got)
    assert np.max(np.abs(got / exact - 1)) < 1.5e-6
    assert np.max(np.abs(got - exact)) < 1.2e-7


@mathf.njit(**mathf.INLINE)
def _tail(t):  # type: ignore[no-untyped-def]
    return mathf.normal_tail32(t)[0]


@mathf.njit(**mathf.INLINE)
def _wrong_exp(x):  # type: ignore[no-untyped-def]
    """The last bits of one constant wrong."""
    n = np.floor(x * np.float32(1.442695) + np.float32(0.5))
    r = x - n * np.float32(0.6931470)  # ln 2 is 0.6931472
    p = ((((r / 5 + 1) * r / 4 + 1) * r / 3 + 1) * r / 2 + 1) * r + 1
    return np.float32(p * 2.0**n)


def test_a_wrong_constant_is_found() -> None:
    error, _ = worst(Function(_wrong_exp, np.exp, 2.0, -80.0, 80.0), every_float(4211))
    assert error > 2.0


def test_errors_are_counted_in_units_of_the_last_place() -> None:
    one = np.float32(1)
    got = np.array([one, np.nextafter(one, np.float32(2)), np.inf, np.nan, np.nan, 1], np.float32)
    found = errors(got, np.array([1, 1, np.inf, np.nan, 1, np.inf]))
    np.testing.assert_array_equal(found, [0, 1, 0, 0, np.inf, np.inf])
