"""The array module for symbolic arrays: all of `VOCABULARY`. This is the only table there is; it knows no op."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from nanonet.backends.base import VOCABULARY
from nanonet.backends.numpy import xp as numpy_xp
from nanonet.teach.cards.expansion import matrices, sums
from nanonet.teach.cards.expansion.expression import Expression, Number, negative, of, power, quotient, several
from nanonet.teach.cards.expansion.lazy import (
    ARITHMETIC,
    Lazy,
    elementwise,
    entry,
    moved,
    numpy_or,
    place,
    plain,
)

# Functions of each entry, or of entries that stand at the same place

_SAME_NAME = """
    abs sign exp expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh floor ceil trunc erf
    hypot arctan2 logaddexp isnan isfinite isinf
""".split()  # noqa: SIM905 (a list of words reads better than a list of strings)

ELEMENTWISE: dict[str, Callable[..., Expression]] = {
    **{name: of(name) for name in _SAME_NAME},
    "sqrt": of("√"),
    "sigmoid": of("σ"),
    "rint": of("round"),
    "exp2": lambda x: power(Number(2), x),
    "square": lambda x: power(x, Number(2)),
    "reciprocal": lambda x: quotient(Number(1), x),
    "negative": negative,
    "maximum": several("max"),
    "minimum": several("min"),
    "add": ARITHMETIC["add"][1],
    "subtract": ARITHMETIC["sub"][1],
    "multiply": ARITHMETIC["mul"][1],
    "divide": quotient,
    "power": power,
    "floor_divide": of("//"),
    "remainder": of("mod"),
    "equal": of("="),
    "not_equal": of("≠"),
    "less": of("<"),
    "less_equal": of("≤"),
    "greater": of(">"),
    "greater_equal": of("≥"),
    "logical_and": several("all"),
    "logical_or": several("any"),
    "logical_not": of("not"),
}

# Functions that put entries in other places: NumPy's own, of the places

MOVING = ("reshape", "transpose", "swapaxes", "moveaxis", "squeeze", "expand_dims", "broadcast_to", "flip", "diagonal")

# What does not depend on the numbers of its arguments

CONSTANT = ("zeros", "ones", "full", "zeros_like", "ones_like", "full_like", "arange", "eye", "result_type")


def _elementwise(name: str, make: Callable[..., Expression]) -> Callable[..., Any]:
    return lambda *operands: elementwise(getattr(numpy_xp, name), make, *operands)


def _moving(name: str) -> Callable[..., Any]:
    function = getattr(numpy_xp, name)
    return lambda x, *args, **kwargs: moved(lambda places: function(places, *plain(args), **_plain(kwargs)), x)


def _joining(name: str) -> Callable[..., Any]:
    function = getattr(numpy_xp, name)
    return lambda arrays, axis=0: moved(lambda *places: function(places, axis=axis), *arrays)


def _triangle(name: str) -> Callable[..., Any]:
    """The places are counted from 1 meanwhile, so that NumPy's zeros can be told from the first."""
    function = getattr(numpy_xp, name)

    def keep(x: Any, k: int = 0) -> Any:
        return moved(lambda places: function(places + 1, k) - 1, x, value=function(x.array, k))

    return keep


def _constant(name: str) -> Callable[..., Any]:
    """What does not depend on the numbers of its arguments: zeros_like, arange, result_type."""
    function = getattr(numpy_xp, name)
    return lambda *args, **kwargs: function(*plain(args), **_plain(kwargs))


def _plain(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in kwargs.items()}


def clip(x: Any, low: Any = None, high: Any = None) -> Any:
    """min(max(x, low), high)."""
    x = x if low is None else elementwise(np.maximum, several("max"), x, low)
    return x if high is None else elementwise(np.minimum, several("min"), x, high)


def where(condition: Any, a: Any, b: Any) -> Any:
    """The condition decides with its numbers; the formula is that of what it chose, and remembers why."""
    value = np.where(plain(condition), plain(a), plain(b))

    def choose(i: int) -> Expression:
        asked = entry(condition, place(plain(condition), value.shape, i))
        chosen = a if asked.value else b
        reason = () if isinstance(asked, Number) else ((asked, bool(asked.value)),)
        return entry(chosen, place(plain(chosen), value.shape, i)).given(*reason)

    return Lazy(value, choose, moved=True)


def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    return where(mask, value, x)


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    if mode != "constant":
        other: Any = mode
        return moved(lambda places: np.pad(places, pad_width, mode=other), x)
    value = np.pad(x.array, pad_width, constant_values=constant_values)
    return moved(lambda places: np.pad(places, pad_width, constant_values=-1), x, fill=constant_values, value=value)


def windows(x: Any, *, fill: float = 0.0, **geometry: Any) -> Any:
    value = numpy_xp.windows(x.array, fill=fill, **geometry)
    return moved(lambda places: numpy_xp.windows(places, fill=-1, **geometry), x, fill=fill, value=value)


def take(x: Any, indices: Any, axis: Any = None) -> Any:
    return moved(lambda places: np.take(places, plain(indices), axis=axis), x)


def take_along_axis(x: Any, indices: Any, axis: Any = -1) -> Any:
    return moved(lambda places: np.take_along_axis(places, plain(indices), axis), x)


def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    return moved(lambda places: np.roll(places, shift, axis), x)


def sort(x: Any, axis: int = -1, **options: Any) -> Any:
    return take_along_axis(x, np.argsort(x.array, axis=axis, **options), axis)


def asarray(x: Any, dtype: Any = None) -> Any:
    if not isinstance(x, Lazy):
        x = moved(lambda *places: np.stack(places), *x)
    return x if dtype is None or x.dtype == dtype else x.astype(dtype)


_functions: dict[str, Callable[..., Any]] = {
    **{name: _elementwise(name, make) for name, make in ELEMENTWISE.items()},
    **{name: _moving(name) for name in MOVING},
    **{name: _joining(name) for name in ("concatenate", "stack")},
    **{name: _triangle(name) for name in ("tril", "triu")},
    **{name: _constant(name) for name in CONSTANT},
    **{f.__name__: f for f in (clip, where, masked_fill, pad, windows, take, take_along_axis, roll, sort, asarray)},
    **sums.functions,
    **matrices.functions,
}


def _offer(name: str) -> Any:
    ours = getattr(numpy_xp, name)
    return numpy_or(name, _functions[name]) if name in _functions else ours  # else a constant: pi, float32


xp = SimpleNamespace(**{name: _offer(name) for name in VOCABULARY})
