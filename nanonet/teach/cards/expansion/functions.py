"""What the words and signs of a formula mean, as functions of numbers: used to build formulas and to evaluate them."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet.backends.numpy import erf


def largest(*values: Any) -> Any:
    """The largest; NaN, if one of them is, as in NumPy."""
    return functools.reduce(np.maximum, values)


def smallest(*values: Any) -> Any:
    return functools.reduce(np.minimum, values)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.float64(x)))


def argsort(k: Any, *values: Any) -> int:
    """Where the k-th of the sorted values stood. Equal ones keep their order."""
    return int(np.argsort(values, kind="stable")[int(k)])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "sign": np.sign,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "√": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "erf": erf,
    "σ": sigmoid,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "trunc": np.trunc,
    "hypot": np.hypot,
    "arctan2": np.arctan2,
    "logaddexp": np.logaddexp,
    "max": largest,
    "min": smallest,
    "argmax": lambda *values: int(np.argmax(values)),
    "argmin": lambda *values: int(np.argmin(values)),
    "argsort": argsort,
    "all": lambda *values: all(values),
    "any": lambda *values: any(values),
    "not": operator.not_,
    "isnan": np.isnan,
    "isfinite": np.isfinite,
    "isinf": np.isinf,
}

RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "≠": operator.ne,
    "<": operator.lt,
    "≤": operator.le,
    ">": operator.gt,
    "≥": operator.ge,
}

OPERATORS: dict[str, Callable[..., Any]] = {
    "+": lambda *terms: sum(terms[1:], terms[0]),
    "·": lambda *factors: math.prod(factors[1:], start=factors[0]),
    "-": operator.neg,
    "/": np.divide,
    "^": np.float_power,
    "//": np.floor_divide,
    "mod": np.remainder,
}

MEANING: dict[str, Callable[..., Any]] = {**FUNCTIONS, **RELATIONS, **OPERATORS}
