"""The reference's error bar covers the true error, measured against derivatives that mpmath gives to 50 digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from nanonet.gradcheck.reference import gradient, ridders

mp = pytest.importorskip("mpmath", reason="mpmath (nanonet[test]) gives the true derivatives")

from tests.mpmath_functions import DIGITS, EXACT, ORDINARY, REAL, Known, composed, known  # noqa: E402  (it needs mpmath)

COVERAGE = 0.99
MEDIAN = 1e-10


@dataclass(frozen=True)
class Measured:
    """What the reference says of one function, and what is true."""

    name: str
    value: float
    bar: float
    error: float
    relative: float

    def covered(self, shrink: float = 1.0) -> bool:
        return self.error <= self.bar * shrink


def measure(name: str, value: float, bar: float, true: Any) -> Measured:
    if not np.isfinite(value):
        return Measured(name, value, bar, np.inf, np.inf)
    with mp.workdps(DIGITS):
        error = abs(mp.mpf(value) - true)
        return Measured(name, value, bar, float(error), float(error / abs(true)))


def by_gradient(f: Callable[[Any], Any], x: float, *eps: float) -> tuple[float, float]:
    """`gradient` of one element, as a check calls it: complex and long double steps included, where f takes them."""
    found = gradient(lambda at: np.atleast_1d(f(at[0])), np.array([x]), np.ones(1), *eps)
    return (np.nan, np.inf) if found.kinked[0] else (float(found.value[0]), float(found.bar[0]))


WAYS = {"ridders": ridders, "gradient": by_gradient}


def measure_all(way: str, functions: Iterable[Known]) -> list[Measured]:
    with np.errstate(all="ignore"):
        return [measure(one.name, *WAYS[way](one.value, one.at), one.slope()) for one in functions]


@cache
def measured(way: str) -> list[Measured]:
    return measure_all(way, known())


def coverage(found: list[Measured], shrink: float = 1.0) -> float:
    return float(np.mean([one.covered(shrink) for one in found]))


@pytest.mark.parametrize("way", WAYS)
def test_the_error_bar_covers_the_true_error_in_99_of_100_functions(way: str) -> None:
    found = measured(way)
    share, median = coverage(found), float(np.median([one.relative for one in found]))
    missed = [f"{m.name}: error {m.error:.1e}, bar {m.bar:.1e}" for m in found if not m.covered()]
    print(f"\n{len(found)} functions: covered {share:.2%}, median relative error {median:.1e}; missed: {missed}")
    assert len(found) >= 200
    assert len({one.name for one in found}) == len(found)
    assert share >= COVERAGE, missed
    assert median <= MEDIAN


@pytest.mark.parametrize("way", WAYS)
def test_and_in_functions_that_nobody_chose(way: str) -> None:
    found = measure_all(way, composed(seed=0, count=300))
    missed = [f"{m.name}: error {m.error:.1e}, bar {m.bar:.1e}" for m in found if not m.covered()]
    median = float(np.median([one.relative for one in found]))
    print(
        f"\n{len(found)} functions: covered {coverage(found):.2%}, median relative error {median:.1e}; missed: {missed}"
    )
    assert coverage(found) >= COVERAGE, missed
    assert median <= MEDIAN


@pytest.mark.parametrize("way", WAYS)
def test_the_bars_are_not_wide_for_nothing(way: str) -> None:
    """A bar without end covers everything: half of them must be known to ten digits, nine in ten to six."""
    bars = np.array([m.bar / abs(m.value) for m in measured(way)])
    print(f"\nrelative bars: median {np.median(bars):.1e}, 90 % below {np.quantile(bars, 0.9):.1e}")
    assert np.median(bars) <= 1e-9
    assert np.quantile(bars, 0.9) <= 1e-6


def test_the_measure_fails_for_bars_that_are_too_small() -> None:
    assert coverage(measured("ridders"), shrink=1e-3) < COVERAGE


@pytest.mark.parametrize("declared", [True, False])
def test_the_bar_covers_the_noise_of_float32(declared: bool) -> None:
    """f computed in float32, and f rounded to float32; the reference may or may not be told of it."""
    found = []
    for name, (f, at) in ORDINARY.items():
        one = Known(name, f, float(np.float32(at)))
        roughly: list[Callable[[Any], Any]] = [
            lambda x, f=f: np.float64(f(REAL, np.float32(x))),
            lambda x, one=one: np.float64(np.float32(one.value(x))),
        ]
        for rough in roughly:
            found.append(measure(name, *by_gradient(rough, one.at, *([2.0**-23] if declared else [])), one.slope()))
    print(f"\n{len(found)} functions: covered {coverage(found):.2%}, worst {max(m.relative for m in found):.1e}")
    assert coverage(found) >= (COVERAGE if declared else 0.95)
    assert max(m.relative for m in found) < 1e-4


# Of three numbers: sums whose terms cancel, or differ by many powers of ten.
SEVERAL: dict[str, tuple[Callable[[Any, list[Any]], Any], list[float]]] = {
    "log-sum-exp": (lambda m, v: m.log(m.exp(v[0]) + m.exp(v[1]) + m.exp(v[2])), [0.3, -1.2, 2.0]),
    "softmax": (lambda m, v: m.exp(v[0]) / (m.exp(v[0]) + m.exp(v[1]) + m.exp(v[2])), [0.3, 9.0, 1.0]),
    "norm": (lambda m, v: m.sqrt(v[0] ** 2 + v[1] ** 2 + v[2] ** 2), [3.0, 1e-4, -2.0]),
    "product": (lambda m, v: v[0] * v[1] * v[2], [1e5, 1e-5, 0.3]),
    "Rosenbrock": (lambda m, v: 100 * (v[1] - v[0] ** 2) ** 2 + (1 - v[0]) ** 2 + v[2], [1.2, 1.43, 7.0]),
    "angle": (lambda m, v: m.arctan(v[0] / v[1]) * m.tanh(v[2]), [0.2, -0.9, 0.1]),
    "variance": (lambda m, v: (v[0] - (v[0] + v[1] + v[2]) / 3) ** 2, [100.1, 100.3, 99.7]),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_every_element_of_a_gradient_has_a_bar_that_covers(name: str) -> None:
    f, at = SEVERAL[name]
    reference = gradient(lambda v: np.atleast_1d(f(REAL, list(v))), np.array(at), np.ones(1))
    for i, (value, bar) in enumerate(zip(reference.value, reference.bar, strict=True)):
        with mp.workdps(DIGITS):
            point = [mp.mpf(x) for x in at]
            true = mp.diff(lambda x, i=i, p=point: f(EXACT, [*p[:i], x, *p[i + 1 :]]), point[i])
        found = measure(name, float(value), float(bar), true)
        assert found.covered(), found
        assert found.error < 1e-9 * np.max(np.abs(reference.value)), found
