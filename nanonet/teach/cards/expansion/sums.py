"""Functions of many entries: reductions, running sums, products of matrices, and adding to places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from nanonet.backends.numpy import xp as numpy_xp
from nanonet.ops.einsum import parse
from nanonet.teach.cards.expansion.expression import (
    Expression,
    Node,
    Number,
    Rest,
    of,
    product,
    quotient,
    several,
    total,
)
from nanonet.teach.cards.expansion.lazy import Lazy, entry, index, moved, place, plain, position_of
from nanonet.teach.cards.expansion.shortening import FIRST, NOUNS

WRITTEN_OUT = 64  # terms of a sum
Many = Callable[[Sequence[Expression]], Expression]


REDUCTIONS: dict[str, Many] = {
    "sum": total,
    "prod": product,
    "mean": lambda parts: quotient(total(parts), Number(len(parts))),
    "max": lambda parts: several("max")(*parts),
    "min": lambda parts: several("min")(*parts),
    "all": lambda parts: several("all")(*parts),
    "any": lambda parts: several("any")(*parts),
    "argmax": lambda parts: of("argmax")(*parts),
    "argmin": lambda parts: of("argmin")(*parts),
}


def reduction(name: str, make: Many) -> Callable[..., Any]:
    """One of NumPy's reductions, over an axis, several or all: `make` of the entries that come together."""

    def reduce(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(a % x.ndim for a in axes) if x.ndim else ()
        rows: list[Any] = []

        def expand(i: int) -> Expression:
            if not rows:
                rows.append(_rows(x.shape, axes))
            row = rows[0][i]
            if make is total:
                return long_total(lambda: x.array.reshape(-1)[row], len(row), lambda j: x.entry(int(row[j])))
            return make([x.entry(int(j)) for j in row])

        return Lazy(getattr(numpy_xp, name)(x.array, axis=axis, keepdims=keepdims), expand)

    return reduce


def long_total(values: Callable[[], Any], count: int, term: Callable[[int], Expression]) -> Expression:
    """The sum of `count` terms. Of very many only the first few that are not 0 become formulas, the rest a number.

    values      the terms' numbers, asked for only then
    """
    if count <= WRITTEN_OUT:
        return total([term(j) for j in range(count)])
    numbers = np.asarray(values(), dtype=np.float64).reshape(-1)
    few = [int(j) for j in np.flatnonzero(numbers)[:FIRST]] or list(range(FIRST))
    rest = np.delete(numbers, few).sum()
    return Node("+", [*[term(j) for j in few], Rest(rest, count - len(few), NOUNS["+"][1])])


def _rows(shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    """(size of the result, entries each): the places that come together."""
    kept = [a for a in range(len(shape)) if a not in axes]
    places = np.arange(int(np.prod(shape))).reshape(shape).transpose(*kept, *axes)
    return places.reshape(int(np.prod([shape[a] for a in kept])), int(np.prod([shape[a] for a in axes])))


def running(name: str, make: Many) -> Callable[..., Any]:
    """cumsum and cumprod: `make` of the entries so far."""

    def accumulate(x: Any, axis: Any = None) -> Any:
        shape, along = ((x.size,), 0) if axis is None else (x.shape, axis % x.ndim)

        def expand(i: int) -> Expression:
            at = index(i, shape)
            before = [(*at[:along], n, *at[along + 1 :]) for n in range(at[along] + 1)]
            return make([x.entry(position_of(one, shape)) for one in before])

        return Lazy(getattr(numpy_xp, name)(x.array, axis=axis), expand)

    return accumulate


def argsort(x: Any, axis: int = -1, **options: Any) -> Any:
    """Entry k of a row is the place of the k-th smallest in it."""
    along = axis % x.ndim

    def expand(i: int) -> Expression:
        at = index(i, x.shape)
        row = [(*at[:along], n, *at[along + 1 :]) for n in range(x.shape[along])]
        return of("argsort")(Number(at[along]), *[x.entry(position_of(one, x.shape)) for one in row])

    return Lazy(np.argsort(x.array, axis=axis, **options), expand)


def einsum(subscripts: str, *operands: Any) -> Any:
    return contraction(subscripts, operands, np.asarray(numpy_xp.einsum(subscripts, *plain(list(operands)))))


def contraction(subscripts: str, operands: Sequence[Any], value: Any) -> Any:
    """`value`, entry by entry: the sum over the labels that the output lacks of products of the operands' entries."""
    labels, output = parse(subscripts, tuple(np.shape(plain(x)) for x in operands))
    sizes: dict[str, int] = {}
    for name, x in zip(labels, operands, strict=True):
        for label, n in zip(name, np.shape(plain(x)), strict=True):
            sizes[label] = max(n, sizes.get(label, 1)) if n else 0
    summed = [label for label in sizes if label not in output]
    lengths = [sizes[label] for label in summed]

    def factor(x: Any, name: str, at: dict[str, int]) -> Expression:
        shape = np.shape(plain(x))
        at_x = tuple(0 if n == 1 else at[label] for label, n in zip(name, shape, strict=True))
        return entry(x, position_of(at_x, shape))

    def expand(i: int) -> Expression:
        at = dict(zip(output, index(i, value.shape), strict=True))

        def term(j: int) -> Expression:
            here = at | dict(zip(summed, index(j, lengths), strict=True))
            return product([factor(x, name, here) for x, name in zip(operands, labels, strict=True)])

        def values() -> Any:
            return products(plain(list(operands)), labels, at, summed, lengths)

        return long_total(values, prod(lengths), term)

    return Lazy(value, expand)


def products(
    arrays: Sequence[Any], labels: Sequence[str], at: dict[str, int], summed: Sequence[str], lengths: Sequence[int]
) -> Any:
    """The numbers of all terms: what each array has at the output's index `at`, multiplied over the summed labels."""
    result: Any = np.ones(tuple(lengths))
    for x, name in zip(arrays, labels, strict=True):
        grid = np.ix_(*(np.arange(n) for n in lengths)) if lengths else ()
        where = dict(zip(summed, grid, strict=True))
        key = tuple(0 if n == 1 else where.get(label, at.get(label, 0)) for label, n in zip(name, x.shape, strict=True))
        result = result * x[key]
    return result


def matmul(a: Any, b: Any) -> Any:
    left = "k" if np.ndim(plain(a)) == 1 else "...ik"
    right = "k" if np.ndim(plain(b)) == 1 else "...kj"
    output = "..." + "i" * (left != "k") + "j" * (right != "k")
    value = np.asarray(np.matmul(plain(a), plain(b)))
    return contraction(f"{left},{right}->{output}" if "..." in left + right else "k,k->", (a, b), value)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    n, m = np.ndim(plain(a)), np.ndim(plain(b))
    ours, theirs = (range(n - axes, n), range(axes)) if isinstance(axes, int) else axes
    ours = [ours] if isinstance(ours, int) else ours
    theirs = [theirs] if isinstance(theirs, int) else theirs
    labels = "abcdefghijklmnopqrstuvwxyz"
    left, right = list(labels[:n]), list(labels[n : n + m])
    for i, j in zip(ours, theirs, strict=True):
        right[j] = left[i]
    free = [x for x in left if x not in right] + [x for x in right if x not in left]
    return einsum(f"{''.join(left)},{''.join(right)}->{''.join(free)}", a, b)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    diagonal = moved(lambda places: np.diagonal(places, offset, axis1, axis2), x)
    return reduction("sum", total)(diagonal, axis=-1)


def _added(x: Any, value: Any, find: Callable[[], Any]) -> Any:
    """`value`, whose entry i is the sum of the entries of x that go to i: `find()` says where each goes."""
    found: list[Any] = []

    def expand(i: int) -> Expression:
        if not found:
            places = np.asarray(find())
            found.extend((places.reshape(-1), places.shape))
        goes, shape = found
        return total([x.entry(place(x.array, shape, int(j))) for j in np.flatnonzero(goes == i)])

    return Lazy(value, expand)


def put_add(x: Any, *, shape: tuple[int, ...], key: Any) -> Any:
    key = plain(key)
    value = numpy_xp.put_add(x.array, shape=shape, key=key)
    return _added(x, value, lambda: np.arange(int(np.prod(shape))).reshape(shape)[key])


def fold_windows(x: Any, *, size: tuple[int, ...], **geometry: Any) -> Any:
    """Where an entry is added is where `windows` would read it from."""
    n = len(size)
    kernel = x.shape[x.ndim - 2 * n : x.ndim - n]
    value = numpy_xp.fold_windows(x.array, size=size, **geometry)

    def find() -> Any:
        places = np.arange(value.size).reshape(value.shape)
        return numpy_xp.windows(places, kernel=kernel, fill=-1, **geometry)

    return _added(x, value, find)


functions: dict[str, Callable[..., Any]] = {
    **{name: reduction(name, make) for name, make in REDUCTIONS.items()},
    "cumsum": running("cumsum", total),
    "cumprod": running("cumprod", product),
    **{f.__name__: f for f in (argsort, einsum, matmul, tensordot, trace, put_add, fold_windows)},
}
