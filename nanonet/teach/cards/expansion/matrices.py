"""Inverse, solution, determinant and Cholesky factor, entry by entry: by cofactors, and by the factor's recurrence.

Determinants are written out up to 3 × 3; a larger one stands in the formula as a number of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nanonet.teach.cards.expansion.expression import (
    Entry,
    Expression,
    Number,
    difference,
    negative,
    of,
    product,
    quotient,
    total,
)
from nanonet.teach.cards.expansion.lazy import Lazy, entry, index, plain
from nanonet.teach.cards.expansion.sums import contraction

WRITTEN_OUT = 3
Matrix = Sequence[Sequence[Expression]]


def _matrix(x: Any, which: int) -> Matrix:
    """The entries of one of the matrices in x (…, N, N)."""
    n = np.shape(plain(x))[-1]
    start = which * n * n
    return [[entry(x, start + i * n + j) for j in range(n)] for i in range(n)]


def _determinant(x: Matrix) -> Expression:
    """Along the first row."""
    if not x:
        return Number(1.0)
    terms = [product((x[0][j], _determinant(_minor(x, 0, j)))) for j in range(len(x))]
    return total([negative(term) if j % 2 else term for j, term in enumerate(terms)])


def _minor(x: Matrix, i: int, j: int) -> Matrix:
    """x without row i and column j."""
    return [[*row[:j], *row[j + 1 :]] for k, row in enumerate(x) if k != i]


def _opaque(name: str, value: Any) -> Lazy:
    """An array whose entries stand for themselves."""
    return Lazy(value, None, name)


def det(x: Any) -> Any:
    value = np.asarray(np.linalg.det(plain(x)))
    if x.shape[-1] > WRITTEN_OUT:
        return _opaque("det", value)
    return Lazy(value, lambda i: _determinant(_matrix(x, i)), "det")


def inv(x: Any) -> Any:
    """Cofactors over the determinant."""
    n = x.shape[-1]
    value = np.linalg.inv(plain(x))
    if n > WRITTEN_OUT:
        return _opaque("inv", value)
    determinants = det(x)

    def expand(position: int) -> Expression:
        which, i, j = index(position, (value.size // (n * n), n, n))
        cofactor = _determinant(_minor(_matrix(x, which), j, i))
        return quotient(negative(cofactor) if (i + j) % 2 else cofactor, determinants.entry(which))

    return Lazy(value, expand)


def solve(a: Any, b: Any) -> Any:
    """inv(a)·b."""
    value = np.linalg.solve(plain(a), plain(b))
    a = a if isinstance(a, Lazy) else Lazy(a, lambda i: Number(np.asarray(plain(a)).reshape(-1)[i]))
    inverse = inv(a)
    inverse.name = "inv"
    vector = np.ndim(plain(b)) == 1
    return contraction("...ik,k->...i" if vector else "...ik,...kj->...ij", (inverse, b), value)


def cholesky(x: Any) -> Any:
    """L with L·Lᵀ = x: lᵢⱼ = (xᵢⱼ - Σ lᵢₖ lⱼₖ) / lⱼⱼ, and lⱼⱼ = √(xⱼⱼ - Σ lⱼₖ²), sums over k < j."""
    n = x.shape[-1]
    value = np.linalg.cholesky(plain(x))

    def expand(position: int) -> Expression:
        which, i, j = index(position, (value.size // (n * n), n, n))
        if j > i:
            return Number(0.0)

        def own(row: int, column: int) -> Expression:
            at = which * n * n + row * n + column
            return Entry(result, at, result.number(at))

        earlier = total([product((own(i, k), own(j, k))) for k in range(j)])
        rest = difference(entry(x, which * n * n + i * n + j), earlier)
        return of("√")(rest) if i == j else quotient(rest, own(j, j))

    result = Lazy(value, expand, "L")
    return result


functions: dict[str, Callable[..., Any]] = {f.__name__: f for f in (det, inv, solve, cholesky)}
