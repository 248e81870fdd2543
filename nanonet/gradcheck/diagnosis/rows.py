"""Terms of a reduction: rows of the Jacobian as sums of a few vectors, each times a number of its own.

Each element of the input reaches one output, as in a norm, a variance or a cosine. Along a reduced axis the Jacobian's
row is then c₁·u₁ + c₂·u₂ with the inputs (or ones) as vectors u, and the given row has other constants c.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case, Point
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.couplings import ADD
from nanonet.gradcheck.diagnosis.grammar import steady
from nanonet.gradcheck.diagnosis.whole import named_factor

Coefficients = tuple[np.ndarray, np.ndarray]  # of the right and of the given rows, (rows, 2)


def row_terms(case: Case) -> Iterator[Cause]:
    """One of the two vectors that a row is made of is missing, or has a wrong sign or constant."""
    if case.pair is None or case.elementwise or np.any(case.support is not None and case.support.sum(0) > 1):
        return
    for axis in case.reduced_axes:
        if case.x.shape[axis] < 3:
            continue
        rows = [_rows(p, case.index, axis) for p in case.points]
        if any(r is None for r in rows):
            return
        right, given, vectors = (np.concatenate(v) for v in zip(*[r for r in rows if r is not None], strict=True))
        for i in range(vectors.shape[1]):
            for j in range(i):
                found = _fit(right, given, vectors[:, [i, j]])
                if found is not None:
                    yield from _named(case, *found)


def _rows(point: Point, index: int, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Right and given rows along an axis, (rows, length), and vectors (rows, k, length)."""
    shape = point.inputs[index].shape
    if np.any((np.abs(point.A) > 1e-7 * np.max(np.abs(point.A))).sum(0) > 1):
        return None

    def along(v: np.ndarray) -> np.ndarray:
        return np.moveaxis(v.reshape(shape), axis, -1).reshape(-1, shape[axis])

    arrays = [np.ones(shape), *[v for v in point.inputs if v.shape == shape]]
    return along(point.J.sum(0)), along(point.A.sum(0)), np.stack([along(v) for v in arrays], 1)


def _fit(right: np.ndarray, given: np.ndarray, vectors: np.ndarray) -> Coefficients | None:
    """Both as sums of the two vectors, where they fit exactly."""
    found = []
    for rows in (right, given):
        c = np.array([np.linalg.lstsq(u.T, r, rcond=None)[0] for u, r in zip(vectors, rows, strict=True)])
        if np.max(np.abs(np.einsum("rk,rkl->rl", c, vectors) - rows)) > 1e-6 * np.max(np.abs(right)):
            return None
        found.append(c)
    return found[0], found[1]


def _named(case: Case, right: np.ndarray, given: np.ndarray) -> Iterator[Cause]:
    share = given / right
    for one, other in ((0, 1), (1, 0)):
        if not steady(share[:, one]) or abs(float(np.median(share[:, one])) - 1) > 1e-4:
            continue
        if np.max(np.abs(right[:, other])) < 1e-3 * np.max(np.abs(right[:, one])):
            continue
        factor = float(np.median(share[:, other]))
        if np.max(np.abs(share[:, other] - factor)) > 1e-4 * max(1.0, abs(factor)):
            continue
        if abs(factor) < 1e-4:
            yield Cause("missing-term", "a term in one of the inputs, along the reduced axis, is missing", ADD)
        elif abs(factor + 1) < 1e-4:
            yield Cause("sign", "one of the gradient's two terms has the wrong sign", "flip the sign of that term")
        else:
            yield named_factor(case, factor, "one of the gradient's terms")
