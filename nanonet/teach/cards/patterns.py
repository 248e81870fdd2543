"""What a matrix can be seen to be, from its numbers alone: one small question each.

Zeros must be exact zeros. Numbers count as equal where they differ by a few roundings of the largest of them, since a
rule may compute what is equal on paper in two different orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Matrix = np.ndarray
ROUNDINGS = 32  # as many units of eps times the largest entry


def same(a: Any, b: Any, scale: float | None = None) -> bool:
    """Are all entries equal, but for rounding at the size of `scale` (of the largest entry of a)?"""
    a, b = np.asarray(a), np.asarray(b)
    if scale is None:
        scale = float(np.max(np.abs(a), initial=0.0))
    eps = np.finfo(a.dtype).eps if a.dtype.kind == "f" else 0.0
    return bool(np.all(np.abs(a - b) <= ROUNDINGS * eps * scale))


def is_square(J: Matrix) -> bool:
    return J.shape[0] == J.shape[1]


def is_zero(J: Matrix) -> bool:
    return not np.any(J)


def is_constant(J: Matrix) -> bool:
    """One number everywhere, and not 0."""
    return J.size > 0 and J.flat[0] != 0 and same(J, J.flat[0])


def is_diagonal(J: Matrix) -> bool:
    """Square, and zero wherever i ≠ j."""
    return is_square(J) and bool(np.count_nonzero(J) == np.count_nonzero(np.diagonal(J)))


def multiple_of_identity(J: Matrix) -> float | None:
    """c, where J = c I and c ≠ 0."""
    return float(J[0, 0]) if is_diagonal(J) and is_constant(np.diagonal(J)) else None


def is_identity(J: Matrix) -> bool:
    return is_diagonal(J) and same(np.diagonal(J), 1.0)


def is_mask(J: Matrix) -> bool:
    """Diagonal, with ones and zeros on it."""
    return is_diagonal(J) and set(np.unique(np.diagonal(J))) <= {0.0, 1.0}


def picks_one(J: Matrix) -> bool:
    """At most one entry in each row is not 0: each y depends on one x at most."""
    return bool(np.all(np.count_nonzero(J, axis=1) <= 1))


def is_selection(J: Matrix) -> bool:
    """Rows of zeros, with at most one 1 in each: each y is one of the x, or a constant."""
    return picks_one(J) and set(np.unique(J)) <= {0.0, 1.0}


def is_permutation(J: Matrix) -> bool:
    """One 1 in each row and in each column: the same numbers in another order."""
    return is_square(J) and is_selection(J) and bool(np.all(J.sum(0) == 1) and np.all(J.sum(1) == 1))


def rows_are_constant(J: Matrix) -> bool:
    """Each row is one number: all x count the same for a y."""
    return J.shape[1] > 1 and not is_zero(J) and same(J, J[:, :1])


def columns_are_constant(J: Matrix) -> bool:
    """Each column is one number: all y depend on the x in the same way."""
    return J.shape[0] > 1 and not is_zero(J) and same(J, J[:1])


def rank_one(J: Matrix) -> tuple[np.ndarray, np.ndarray] | None:
    """(u, v), where J = u vᵀ and J is no single row or column."""
    if min(J.shape) < 2 or is_zero(J):
        return None
    i, j = np.unravel_index(np.argmax(np.abs(J)), J.shape)
    u, v = J[:, j] / J[i, j], J[i]
    return (u, v) if same(J, np.outer(u, v)) else None


def diagonal_plus_rank_one(J: Matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """(d, u, v), where J = diag(d) + u vᵀ: the entries off the diagonal are all products.

    A 2 × 2 matrix always is one, so it takes three rows to be something special.
    """
    n = J.shape[0]
    if not is_square(J) or n < 3 or np.count_nonzero(J) < n * (n - 1):
        return None
    off = np.where(np.eye(n, dtype=bool), 0, J)
    if np.count_nonzero(off) < n * (n - 1):
        return None
    i, j = np.unravel_index(np.argmax(np.abs(off)), J.shape)
    k = next(k for k in range(n) if k not in (i, j))  # a third row and column: J[i, i] itself is not to be used
    u, v = J[:, j] / J[i, j], J[i].copy()
    v[i] = J[k, i] / u[k]
    u[j] = J[j, k] / v[k]
    product = np.outer(u, v)
    if not same(off, np.where(np.eye(n, dtype=bool), 0, product)):
        return None
    return np.diagonal(J) - np.diagonal(product), u, v


def is_symmetric(J: Matrix) -> bool:
    return is_square(J) and same(J, J.T)


def is_lower_triangular(J: Matrix) -> bool:
    """Zero above the diagonal: y[i] depends on x[0] to x[i]."""
    return is_square(J) and not np.any(np.triu(J, 1))


def is_upper_triangular(J: Matrix) -> bool:
    """Zero below the diagonal: y[i] depends on x[i] and what follows."""
    return is_lower_triangular(J.T)


def common_divisors(a: int, b: int) -> list[int]:
    """Those above 1, the largest first."""
    return [d for d in range(min(a, b), 1, -1) if a % d == 0 and b % d == 0]


def aligned_blocks(J: Matrix) -> np.ndarray | None:
    """As many blocks of one size as possible, (blocks, rows, columns), along the diagonal; zeros elsewhere."""
    for g in common_divisors(*J.shape):
        tiles = J.reshape(g, J.shape[0] // g, g, J.shape[1] // g)
        if not np.any(_off_diagonal(tiles, g)):
            return np.stack([tiles[k, :, k] for k in range(g)])
    return None


def interleaved_blocks(J: Matrix) -> np.ndarray | None:
    """The same for blocks dealt out like cards: rows and columns k, k + g, k + 2 g, … belong to block k."""
    for g in common_divisors(*J.shape):
        tiles = J.reshape(J.shape[0] // g, g, J.shape[1] // g, g).transpose(1, 0, 3, 2)
        if not np.any(_off_diagonal(tiles, g)):
            return np.stack([tiles[k, :, k] for k in range(g)])
    return None


def _off_diagonal(tiles: np.ndarray, g: int) -> np.ndarray:
    """tiles[k, :, l] for all k ≠ l."""
    return tiles.transpose(0, 2, 1, 3)[~np.eye(g, dtype=bool)]


def blocks_are_equal(blocks: np.ndarray) -> bool:
    return same(blocks, blocks[:1])


def kronecker(J: Matrix) -> tuple[np.ndarray, np.ndarray] | None:
    """(A, B), where J = A ⊗ B: J consists of blocks, and each is a multiple of B.

    With its entries arranged as (entry of A, entry of B), such a J has rank one (Van Loan and Pitsianis 1993).
    """
    for a_rows, a_columns in _shapes_of_factors(*J.shape):
        b_rows, b_columns = J.shape[0] // a_rows, J.shape[1] // a_columns
        tiles = J.reshape(a_rows, b_rows, a_columns, b_columns).transpose(0, 2, 1, 3)
        arranged = tiles.reshape(a_rows * a_columns, b_rows * b_columns)
        found = rank_one(arranged)
        if found:
            return found[0].reshape(a_rows, a_columns), found[1].reshape(b_rows, b_columns)
    return None


def _shapes_of_factors(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """Shapes that A may have: no factor is a single number, and they are not both a row or a column, which is less."""
    for a_rows in (d for d in range(1, rows + 1) if rows % d == 0):
        for a_columns in (d for d in range(1, columns + 1) if columns % d == 0):
            a, b = (a_rows, a_columns), (rows // a_rows, columns // a_columns)
            if max(a) > 1 and max(b) > 1 and max(min(a), min(b)) > 1:
                yield a


def shift_invariant(J: Matrix, y_shape: tuple[int, ...], x_shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The strides (s, …) of a convolution: J[o + 1, h + s] = J[o, h] along each of the last axes, two or one of them.

    Only where that says something: y has two places at least along each of these axes, and some of J is 0.
    """
    if not np.any(J == 0):
        return None
    for n in (2, 1):
        if min(len(y_shape), len(x_shape)) >= n and min(y_shape[-n:]) > 1 and min(x_shape[-n:]) > 1:
            full = J.reshape(y_shape + x_shape)
            strides = [_stride(full, len(y_shape) - n + k, len(y_shape) + len(x_shape) - n + k) for k in range(n)]
            if all(strides):
                return tuple(s for s in strides if s)
    return None


def _stride(full: np.ndarray, o: int, h: int) -> int | None:
    """The smallest s for which one step along axis o is s steps along axis h, as far as a third of the numbers show."""
    for s in range(1, min(4, full.shape[h])):
        earlier = full.take(range(full.shape[o] - 1), o).take(range(full.shape[h] - s), h)
        later = full.take(range(1, full.shape[o]), o).take(range(s, full.shape[h]), h)
        shown = 3 * np.count_nonzero(earlier) >= np.count_nonzero(full) > 0
        if shown and same(earlier, later, float(np.max(np.abs(full)))):
            return s
    return None
