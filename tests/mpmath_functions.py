"""Functions of one number, each written once for NumPy and for mpmath, and points at which their slope is known.

`f(m, x)` takes its functions from `m`: NumPy and SciPy in float64, or mpmath with as many digits as one likes. Every
point is away from where the function is not analytic. The float64 constants mean the same number on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import mpmath as mp
import numpy as np
from scipy import special

Function = Callable[[Any, Any], Any]

DIGITS = 50
SHARED = ("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sqrt")  # by the same name
REAL = SimpleNamespace(
    **{name: getattr(np, name) for name in SHARED},
    **{name: getattr(np, name) for name in ("arcsin", "arctan", "arcsinh", "arctanh")},
    erf=special.erf,
    erfc=special.erfc,
    gamma=special.gamma,
    logistic=special.expit,
    bessel=special.j0,
)
EXACT = SimpleNamespace(
    **{name: getattr(mp, name) for name in SHARED},
    arcsin=mp.asin,
    arctan=mp.atan,
    arcsinh=mp.asinh,
    arctanh=mp.atanh,
    erf=mp.erf,
    erfc=mp.erfc,
    gamma=mp.gamma,
    logistic=lambda x: 1 / (1 + mp.exp(-x)),
    bessel=lambda x: mp.besselj(0, x),
)


@dataclass(frozen=True)
class Known:
    """A function and a point."""

    name: str
    f: Function
    at: float

    def value(self, x: Any) -> Any:
        """f(x) by NumPy."""
        return self.f(REAL, x * np.float64(1))

    def slope(self) -> Any:
        """f' at the very float64 number, to DIGITS digits."""
        with mp.workdps(DIGITS):
            return mp.diff(lambda x: self.f(EXACT, x), mp.mpf(self.at))


# name: (function, a point where it is smooth and of ordinary size)
ORDINARY: dict[str, tuple[Function, float]] = {
    "exp": (lambda m, x: m.exp(x), 0.7),
    "expm1": (lambda m, x: m.expm1(x), 0.01),
    "log": (lambda m, x: m.log(x), 1.7),
    "log1p": (lambda m, x: m.log1p(x), -0.3),
    "sin": (lambda m, x: m.sin(x), 2.2),
    "cos": (lambda m, x: m.cos(x), -0.4),
    "tan": (lambda m, x: m.tan(x), 0.9),
    "sinh": (lambda m, x: m.sinh(x), -1.1),
    "cosh": (lambda m, x: m.cosh(x), 1.3),
    "tanh": (lambda m, x: m.tanh(x), 0.6),
    "sqrt": (lambda m, x: m.sqrt(x), 2.3),
    "arcsin": (lambda m, x: m.arcsin(x), 0.4),
    "arctan": (lambda m, x: m.arctan(x), -2.0),
    "arcsinh": (lambda m, x: m.arcsinh(x), 1.9),
    "arctanh": (lambda m, x: m.arctanh(x), 0.35),
    "erf": (lambda m, x: m.erf(x), 0.8),
    "erfc": (lambda m, x: m.erfc(x), 1.4),
    "gamma": (lambda m, x: m.gamma(x), 3.3),
    "logistic": (lambda m, x: m.logistic(x), -0.9),
    "bessel": (lambda m, x: m.bessel(x), 1.6),
    "cube": (lambda m, x: x**3, -1.2),
    "reciprocal": (lambda m, x: 1 / x, 0.6),
    "power 2.5": (lambda m, x: x**2.5, 1.4),
    "gaussian": (lambda m, x: m.exp(-x * x), 0.9),
    "rational": (lambda m, x: (x**2 - 3 * x + 1) / (x**2 + 2), 0.3),
    "softplus": (lambda m, x: m.log(1 + m.exp(x)), 0.4),
    "swish": (lambda m, x: x * m.logistic(x), 1.1),
    "gelu": (lambda m, x: 0.5 * x * (1 + m.erf(x / m.sqrt(x * 0 + 2))), -0.7),
    "gelu by tanh": (lambda m, x: 0.5 * x * (1 + m.tanh(0.75 * (x + 0.0625 * x**3))), 0.5),
    "x log x": (lambda m, x: x * m.log(x), 0.8),
    "sinc": (lambda m, x: m.sin(x) / x, 2.5),
    "damped wave": (lambda m, x: m.exp(-x) * m.sin(5 * x), 0.7),
    "polynomial": (lambda m, x: ((((x - 4) * x + 2) * x - 7) * x + 1) * x, 1.5),
    "quotient": (lambda m, x: m.exp(x) / (1 + x**4), 1.2),
    "hypotenuse": (lambda m, x: m.sqrt(1 + x * x), 0.8),
    "log cosh": (lambda m, x: m.log(m.cosh(x)), 0.9),
    "nested": (lambda m, x: m.sin(m.exp(m.cos(x))), 0.4),
    "tower": (lambda m, x: x**x, 1.3),
    "cross entropy": (lambda m, x: -m.log(m.exp(x) / (m.exp(x) + m.exp(x * 0 + 1) + 2)), 0.2),
    "normalised": (lambda m, x: x / m.sqrt(x * x + 3), 1.7),
}

OUTER: dict[str, Function] = {
    "exp": lambda m, u: m.exp(u),
    "log": lambda m, u: m.log(2 + u),
    "sin": lambda m, u: m.sin(3 * u),
    "tanh": lambda m, u: m.tanh(u),
    "sqrt": lambda m, u: m.sqrt(2 + u),
    "arctan": lambda m, u: m.arctan(4 * u),
    "cosh": lambda m, u: m.cosh(u),
    "logistic": lambda m, u: m.logistic(5 * u),
    "erf": lambda m, u: m.erf(u),
    "rational": lambda m, u: (1 + u) / (3 + u * u),
}
INNER: dict[str, tuple[Function, float]] = {  # values between -1.5 and 1.5
    "sin x": (lambda m, x: m.sin(x), 0.8),
    "x³ - x": (lambda m, x: x**3 - x, 1.2),
    "exp(-x)": (lambda m, x: m.exp(-x), 0.4),
    "log x": (lambda m, x: m.log(x), 2.1),
    "x cos x": (lambda m, x: x * m.cos(x), 1.1),
    "1/(1+x²)": (lambda m, x: 1 / (1 + x * x), -0.6),
    "√x - 1": (lambda m, x: m.sqrt(x) - 1, 0.3),
    "tanh 2x": (lambda m, x: m.tanh(2 * x), -0.35),
}

# a slope of f at p becomes a times it for f(a·x) at p/a
SCALED = ("exp", "log", "sin", "tanh", "sqrt", "arctan", "logistic", "erf", "rational", "damped wave")
SCALES = (1e-6, 1e-3, 1e3, 1e6)

# name, function, point: steep, flat, oscillating, close to a singularity, far out, or with digits lost on the way
DIFFICULT: list[tuple[str, Function, float]] = [
    ("x² far out", lambda m, x: x * x, 1e10),
    ("x³ far out", lambda m, x: x**3, -3e7),
    ("log far out", lambda m, x: m.log(x), 1e12),
    ("√x far out", lambda m, x: m.sqrt(x), 1e9),
    ("1/x far out", lambda m, x: 1 / x, 1e5),
    ("arctan far out", lambda m, x: m.arctan(x), 1e4),
    ("cosh far out", lambda m, x: m.cosh(x), 30.0),
    ("exp far out", lambda m, x: m.exp(x), 200.0),
    ("exp far down", lambda m, x: m.exp(x), -200.0),
    ("rational far out", lambda m, x: (x * x + 1) / (x - 3), 1e6),
    ("sin far out", lambda m, x: m.sin(x), 1e4),
    ("tiny x²", lambda m, x: 4e-6 * x * x, 1.5),
    ("huge x²", lambda m, x: 1e30 * x * x, 1.5),
    ("x² at a small point", lambda m, x: x * x, 1e-6),
    ("sin at a small point", lambda m, x: m.sin(x), 1e-9),
    ("fast wave", lambda m, x: m.sin(1e5 * x), 0.7),
    ("fast wave at 0", lambda m, x: m.sin(1e5 * x), 0.0),
    ("chirp", lambda m, x: m.cos(1e3 * x * x), 0.9),
    ("wave on a slope", lambda m, x: x + 1e-3 * m.sin(1e3 * x), 0.4),
    ("ripple", lambda m, x: m.exp(x) + 1e-6 * m.cos(1e4 * x), 0.3),
    ("sin(1/x)", lambda m, x: m.sin(1 / x), 0.01),
    ("narrow bell", lambda m, x: m.exp(-x * x * 1e8), 1e-4),
    ("narrow resonance", lambda m, x: 1 / (1e-6 + (x - 0.5) ** 2), 0.5004),
    ("steep logistic", lambda m, x: m.logistic(1e4 * (x - 0.3)), 0.3001),
    ("steep tanh", lambda m, x: m.tanh(1e6 * x), 3e-7),
    ("steep erf", lambda m, x: m.erf((x - 1) * 1e5), 1.000003),
    ("log near 0", lambda m, x: m.log(x), 5e-7),
    ("√x near 0", lambda m, x: m.sqrt(x), 1e-8),
    ("1/x near 0", lambda m, x: 1 / x, 1e-6),
    ("1/x² near 0", lambda m, x: 1 / x**2, -1e-3),
    ("x^0.1 near 0", lambda m, x: x**0.1, 1e-5),
    ("x log x near 0", lambda m, x: x * m.log(x), 1e-7),
    ("pole at 1", lambda m, x: 1 / (x - 1), 1.0001),
    ("tan near π/2", lambda m, x: m.tan(x), 1.5697),
    ("arctanh near 1", lambda m, x: m.arctanh(x), 1 - 1e-6),
    ("arcsin near 1", lambda m, x: m.arcsin(x), 0.99999),
    ("log1p near -1", lambda m, x: m.log1p(x), -0.99999),
    ("gamma near 0", lambda m, x: m.gamma(x), 1e-3),
    ("√(x² + tiny)", lambda m, x: m.sqrt(x * x + 1e-8), 1e-5),
    ("flat bell", lambda m, x: m.exp(-x * x), 6.0),
    ("saturated tanh", lambda m, x: m.tanh(x), 9.0),
    ("saturated logistic", lambda m, x: m.logistic(x), 20.0),
    ("saturated erf", lambda m, x: m.erf(x), 3.5),
    ("erfc far out", lambda m, x: m.erfc(x), 8.0),
    ("near an extremum", lambda m, x: m.cos(x), 1e-5),
    ("high power", lambda m, x: x**40, 0.9),
    ("flat bottom", lambda m, x: x**6, 0.02),
    ("offset 1e4", lambda m, x: 1e4 + m.sin(x), 1.0),
    ("offset 1e8", lambda m, x: 1e8 + m.sin(x), 1.0),
    ("offset, subtracted again", lambda m, x: (1e8 + m.exp(x)) - 1e8, 0.5),
    ("1 - cos x", lambda m, x: (1 - m.cos(x)) / (x * x), 1e-2),
    ("difference of exponentials", lambda m, x: m.exp(x) - m.exp(x * 1.0009765625), 0.8),
    ("difference of roots", lambda m, x: m.sqrt(x + 1) - m.sqrt(x), 1e3),
    ("expanded polynomial", lambda m, x: x**5 - 5 * x**4 + 10 * x**3 - 10 * x**2 + 5 * x - 1, 1.3),
    ("log of a sum of exponentials", lambda m, x: m.log(m.exp(40 * x) + m.exp(-40 * x)), 0.7),
    ("product of far scales", lambda m, x: m.exp(20 * x) * m.exp(-21 * x), 0.9),
    ("Runge", lambda m, x: 1 / (1 + 25 * x * x), 0.3),
    ("many waves", lambda m, x: m.sin(x) + m.sin(10 * x) / 10 + m.sin(100 * x) / 100, 0.6),
    ("wave packet", lambda m, x: m.exp(-50 * (x - 1) ** 2) * m.cos(80 * x), 1.05),
    ("bessel far out", lambda m, x: m.bessel(x), 50.0),
]


def known() -> Iterator[Known]:
    """All of them."""
    for name, (f, at) in ORDINARY.items():
        yield Known(name, f, at)
    for outer, g in OUTER.items():
        for inner, (h, at) in INNER.items():
            yield Known(f"{outer} of {inner}", lambda m, x, g=g, h=h: g(m, h(m, x)), at)
    for name in SCALED:
        f, at = ORDINARY[name]
        for scale in SCALES:
            yield Known(f"{name} of {scale:g}·x", lambda m, x, f=f, a=scale: f(m, a * x), at / scale)
    for name, f, at in DIFFICULT:
        yield Known(name, f, at)


POSITIVE = ("log", "sqrt", "power 2.5", "x log x", "tower", "gamma")
BELOW_ONE = ("arcsin", "arctanh", "log1p")


def composed(seed: int, count: int) -> Iterator[Known]:
    """Random pairs of the ordinary functions: scaled, multiplied, added, one inside the other; at random points.

    Left out are those that are not defined or not real at their point, too large, or flat.
    """
    rng = np.random.default_rng(seed)
    names = list(ORDINARY)
    found = 0
    while found < count:
        first, second = (str(name) for name in rng.choice(names, 2))
        f, g = ORDINARY[first][0], ORDINARY[second][0]
        scale, at, inner = float(10 ** rng.uniform(-3, 3)), _point(rng, first), _point(rng, second)
        one = [
            Known(f"{first} of {scale}·x", lambda m, x, f=f, a=scale: f(m, a * x), at / scale),
            Known(f"{first} · {second}", lambda m, x, f=f, g=g: f(m, x) * g(m, x), at),
            Known(f"{first} + {scale}·{second}", lambda m, x, f=f, g=g, a=scale: f(m, x) + a * g(m, x), at),
            Known(f"{first} of {second}", lambda m, x, f=f, g=g: f(m, g(m, x)), inner),
        ][rng.integers(4)]
        if _usable(one):
            found += 1
            yield one


def _point(rng: np.random.Generator, name: str) -> float:
    if name in POSITIVE:
        return float(10 ** rng.uniform(-3, 0.6))
    return (
        float(rng.uniform(-0.99, 0.99)) if name in BELOW_ONE else float(rng.choice([-1, 1]) * 10 ** rng.uniform(-3, 1))
    )


def _usable(one: Known) -> bool:
    try:
        with np.errstate(all="ignore"):
            y, slope = one.value(one.at), one.slope()
    except (ArithmeticError, ValueError):  # mpmath's way to say that it is not defined there
        return False
    return bool(np.isfinite(y) and abs(y) < 1e200 and isinstance(slope, mp.mpf) and mp.isfinite(slope) and slope != 0)
