"""One-sided slopes to sixty digits, with which the corpus's labels are proven. Needs mpmath (pip install mpmath).

Forward itself is run on arrays of numbers with 100 digits; a step of 1e-45 then leaves nothing of the error
of a difference. That is slow, simple, and shares no line of code with any checker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

from nanonet_benchmarks.gradcorpus.case import Case

DIGITS, STEP = 100, "1e-45"


class Number:
    """A real number of many digits; NumPy's functions call the methods of the same names on arrays of objects."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __neg__(self) -> Number:
        return Number(-self.value)

    def __abs__(self) -> Number:
        return Number(abs(self.value))

    def __hash__(self) -> int:
        return hash(self.value)

    def rint(self) -> Number:
        return Number(mpmath.nint(self.value))

    def log1p(self) -> Number:
        return Number(mpmath.log(1 + self.value))


def _raw(x: Any) -> Any:
    return x.value if isinstance(x, Number) else mpmath.mpf(float(x))


def _real(x: Any) -> Any:
    """The root of a negative number is none."""
    return mpmath.nan if isinstance(x, mpmath.mpc) else x


def _give_methods() -> None:
    """The arithmetic of Number, its comparisons and its functions."""
    for name in ("add", "sub", "mul", "truediv", "pow"):
        direct = getattr(mpmath.mpf, f"__{name}__")
        setattr(Number, f"__{name}__", lambda a, b, op=direct: Number(op(a.value, _raw(b))))
        setattr(Number, f"__r{name}__", lambda a, b, op=direct: Number(op(_raw(b), a.value)))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        compare = getattr(mpmath.mpf, f"__{name}__")
        setattr(Number, f"__{name}__", lambda a, b, op=compare: op(a.value, _raw(b)))
    for own, theirs in [("sign", "sign"), ("arctan", "atan"), *((n, n) for n in FUNCTIONS)]:
        function = getattr(mpmath, theirs)
        setattr(Number, own, lambda a, f=function: Number(_real(f(a.value))))


FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")
_give_methods()


def slopes(case: Case, dy: Any, at: int, direction: Any) -> tuple[float, float]:
    """(left, right) slope of Σ dy ⊙ forward along a direction in input `at`."""
    with mpmath.workdps(DIGITS):
        return _slopes(_value(case, dy), case.inputs, at, np.asarray(direction))


def gradient(case: Case, dy: Any, at: int, elements: Sequence[Any] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(left, right) slopes of Σ dy ⊙ forward in the elements of input `at`, or in these; NaN elsewhere."""
    x = np.asarray(case.inputs[at])
    left, right = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    with mpmath.workdps(DIGITS):
        value = _value(case, dy)
        middle = value(case.inputs)
        for i in np.ndindex(x.shape) if elements is None else elements:
            unit = np.zeros(x.shape)
            unit[i] = 1.0
            left[i], right[i] = _slopes(value, case.inputs, at, unit, middle)
    return left, right


def _value(case: Case, dy: Any) -> Callable[[Sequence[Any]], Any]:
    """Σ dy ⊙ forward as a number of many digits, random numbers drawn anew."""

    def value(inputs: Sequence[Any]) -> Any:
        copies = [_numbers(x) if i in case.floating else x for i, x in enumerate(inputs)]
        np.random.seed(0)
        y = (case.model or case.forward)(*copies)
        if case.cache and case.model is None:
            y = y[0]
        flat = np.asarray(y, dtype=object).ravel()
        return sum((mpmath.mpf(float(d)) * _raw(v) for d, v in zip(np.ravel(dy), flat, strict=True)), mpmath.mpf(0))

    return value


def _slopes(
    value: Any, inputs: Sequence[Any], at: int, direction: np.ndarray, middle: Any = None
) -> tuple[float, float]:
    h = mpmath.mpf(STEP)
    middle = value(inputs) if middle is None else middle
    moved = [list(inputs) for _ in range(2)]
    for sign, one in zip((-1, 1), moved, strict=True):
        one[at] = _numbers(inputs[at], sign * h, direction)
    below, above = value(moved[0]), value(moved[1])
    return float((middle - below) / h), float((above - middle) / h)


def _numbers(x: Any, h: Any = 0, direction: Any = None) -> np.ndarray:
    """An array of Numbers, x + h · direction."""
    x = np.asarray(x)
    found = np.empty(x.shape, dtype=object)
    for i in np.ndindex(x.shape):
        exact = x[i].value if isinstance(x[i], Number) else mpmath.mpf(float(x[i]))
        found[i] = Number(exact if direction is None else exact + h * mpmath.mpf(float(direction[i])))
    return found
