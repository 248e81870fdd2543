"""Symbolic arrays: the numbers, computed by NumPy, and on demand the formula of any one entry.

A rule runs on them as on any other arrays. Nothing is expanded but the entry that is asked for, and what it needs.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nanonet.backends.numpy import xp as numpy_xp
from nanonet.teach.cards.expansion.expression import (
    Entry,
    Expression,
    Number,
    difference,
    negative,
    of,
    power,
    product,
    quotient,
    several,
    total,
)

Builder = Callable[..., Expression]
_serials = itertools.count()


class Lazy:
    """An array of which every entry knows how it was made.

    array       its numbers; a Python number where the rule would have had one
    name        the variable it is bound to in the rule, or what its maker calls it; "" for what has no name
    given       an input of the formula: its entries are names, and nothing is behind them
    moved       its entries are entries of other arrays, in other places: where these are inputs, it is looked through
    """

    __array_ufunc__ = None  # so that `array * lazy` comes to Lazy.__rmul__
    __hash__ = None  # type: ignore[assignment]  # == compares entries

    def __init__(self, array: Any, expand: Callable[[int], Expression] | None, name: str = "", moved: bool = False):
        self.array = array if type(array) in (int, float, bool, np.ndarray) else np.asarray(array)
        self.name, self.given, self.moved = name, expand is None, moved
        self.serial = next(_serials)
        self._expand = expand
        self._known: dict[int, Expression] = {}
        self._flat: Any = None

    def entry(self, position: int) -> Expression:
        """What a formula that uses the entry at this place of the flattened array contains for it."""
        if self.given or (self.name and not (self.moved and _is_given(self.definition(position)))):
            return Entry(self, position, self.number(position))
        return self.definition(position)

    def definition(self, position: int) -> Expression:
        """How the entry was made."""
        if self._expand is None:
            return self.entry(position)
        if position not in self._known:
            made = self._expand(position)
            if self.moved and self.name and isinstance(made, Entry) and not made.array.given:
                made = made.array.definition(made.position).given(*made.because)  # one name is enough
            self._known[position] = made
        return self._known[position]

    def number(self, position: int) -> Any:
        """The entry's value."""
        if self._flat is None:
            self._flat = np.asarray(self.array).reshape(-1)
        return self._flat[position]

    # What rules ask of an array

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.array)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.size(self.array))

    @property
    def dtype(self) -> Any:
        return np.asarray(self.array).dtype

    @property
    def T(self) -> Any:
        return moved(np.transpose, self)

    def astype(self, dtype: Any) -> Lazy:
        """The same numbers in another type: a float loses its fraction in an integer, anything is ≠ 0 in a bool."""
        before, after = self.dtype.kind, np.dtype(dtype).kind
        make: Builder = of("trunc") if before == "f" and after in "iu" else lambda x: x
        if after == "b" and before != "b":
            make = lambda x: of("≠")(x, Number(0))  # noqa: E731
        return Lazy(np.asarray(self.array).astype(dtype), lambda i: make(self.entry(i)))

    def __getitem__(self, key: Any) -> Any:
        key = plain(key)
        return moved(lambda x: x[key], self)

    def __len__(self) -> int:
        return self.shape[0]

    def __bool__(self) -> bool:
        return bool(self.array)

    def __int__(self) -> int:
        return int(self.array)

    def __float__(self) -> float:
        return float(self.array)

    def __index__(self) -> int:
        return int(self.array)


def _is_given(x: Expression) -> bool:
    return isinstance(x, Number) or (isinstance(x, Entry) and x.array.given)


def _operator(ufunc: Callable[..., Any], make: Builder, reflected: bool = False) -> Callable[..., Any]:
    def method(x: Lazy, other: Any) -> Any:
        return elementwise(ufunc, make, *((other, x) if reflected else (x, other)))

    return method


RELATIONS: dict[str, tuple[Any, str]] = {
    "eq": (np.equal, "="),
    "ne": (np.not_equal, "≠"),
    "lt": (np.less, "<"),
    "le": (np.less_equal, "≤"),
    "gt": (np.greater, ">"),
    "ge": (np.greater_equal, "≥"),
}
ARITHMETIC: dict[str, tuple[Any, Builder]] = {
    "add": (np.add, lambda a, b: total((a, b))),
    "sub": (np.subtract, difference),
    "mul": (np.multiply, lambda a, b: product((a, b))),
    "truediv": (np.divide, quotient),
    "pow": (np.power, power),
    "floordiv": (np.floor_divide, of("//")),
    "mod": (np.remainder, of("mod")),
    "and": (np.logical_and, several("all")),
    "or": (np.logical_or, several("any")),
}
for _name, (_ufunc, _make) in ARITHMETIC.items():
    setattr(Lazy, f"__{_name}__", _operator(_ufunc, _make))
    setattr(Lazy, f"__r{_name}__", _operator(_ufunc, _make, reflected=True))
for _name, (_ufunc, _sign) in RELATIONS.items():
    setattr(Lazy, f"__{_name}__", _operator(_ufunc, of(_sign)))
setattr(Lazy, "__neg__", lambda x: elementwise(np.negative, negative, x))  # noqa: B010
setattr(Lazy, "__abs__", lambda x: elementwise(np.abs, of("abs"), x))  # noqa: B010
setattr(Lazy, "__invert__", lambda x: elementwise(np.logical_not, of("not"), x))  # noqa: B010


def plain(x: Any) -> Any:
    """The numbers of x, of a list or of an index with symbolic arrays in it."""
    if isinstance(x, Lazy):
        return x.array
    return type(x)(plain(one) for one in x) if type(x) in (tuple, list) else x


def is_lazy(x: Any) -> bool:
    return isinstance(x, Lazy) or (type(x) in (tuple, list) and any(is_lazy(one) for one in x))


def entry(x: Any, position: int) -> Expression:
    """The entry of a symbolic array, of an array of constants or of a number."""
    return x.entry(position) if isinstance(x, Lazy) else Number(np.asarray(x).reshape(-1)[position])


def place(x: Any, shape: Sequence[int], position: int) -> int:
    """Which entry of x stands at `position` after x is broadcast to `shape`."""
    own = np.shape(x)
    if own == tuple(shape):
        return position
    if not own:
        return 0
    at = index(position, shape)[len(shape) - len(own) :]
    return position_of([0 if n == 1 else i for i, n in zip(at, own, strict=True)], own)


def index(position: int, shape: Sequence[int]) -> list[int]:
    """The index of an entry of the flattened array."""
    at: list[int] = []
    for n in reversed(shape):
        position, i = divmod(position, n)
        at.insert(0, i)
    return at


def position_of(at: Sequence[int], shape: Sequence[int]) -> int:
    """The entry's place in the flattened array: `index` undone."""
    position = 0
    for i, n in zip(at, shape, strict=True):
        position = position * n + i
    return position


def elementwise(function: Callable[..., Any], make: Builder, *operands: Any) -> Any:
    """`function` of broadcast operands; `make` makes the formula of an entry of those of the operands' entries."""
    value = function(*[plain(x) for x in operands])
    if all(type(plain(x)) in (int, float, bool) for x in operands):
        value = np.asarray(value).item()  # Python's numbers leave the type of an array as it is, NumPy's do not
    shape = np.shape(value)
    return Lazy(value, lambda i: make(*[entry(x, place(x, shape, i)) for x in operands]))


def moved(function: Callable[..., Any], *arrays: Any, fill: float = 0.0, value: Any = None) -> Any:
    """`function` of arrays which only puts entries in other places.

    Where an entry comes from is found by doing the same to the numbers of the places. A `function` that fills in must
    fill in -1; the formula then has `fill`, and `value` is the filled array.
    """
    places: list[Any] = []

    def find(i: int) -> Expression:
        if not places:
            starts = list(itertools.accumulate((np.size(plain(x)) for x in arrays), initial=0))
            numbered = [
                np.arange(start, start + np.size(plain(x))).reshape(np.shape(plain(x)))
                for x, start in zip(arrays, starts, strict=False)
            ]
            places.extend((np.asarray(function(*numbered)).reshape(-1), starts))
        source, starts = int(places[0][i]), places[1]
        if source < 0:
            return Number(fill)
        which = bisect_right(starts, source) - 1
        return entry(arrays[which], source - starts[which])

    return Lazy(function(*[plain(x) for x in arrays]) if value is None else value, find, moved=True)


def numpy_or(name: str, symbolic: Callable[..., Any]) -> Callable[..., Any]:
    """`symbolic` where a symbolic array is among the arguments, NumPy's function of that name where none is."""
    function = getattr(numpy_xp, name)

    def either(*args: Any, **kwargs: Any) -> Any:
        if is_lazy(args) or is_lazy(list(kwargs.values())):
            return symbolic(*args, **kwargs)
        return function(*args, **kwargs)

    return either
