"""A sum of two products of which one is lost: the given Jacobian and the rest are products, the right one is not.

A term of a derivative is mostly a product of arrays of at most two axes each, as (1 - h²)[n, k]·x[n, i]·w[j, k]. The
logarithm of such a product is a sum over pairs of axes, so that its mixed differences over any three axes are zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.couplings import ADD
from nanonet.gradcheck.diagnosis.parts import KEEP_ALL

CORNERS = 200  # places where a product is told from a sum


def lost_product(case: Case) -> Iterator[Cause]:
    """J = A + R with two different products of arrays of fewer axes each, as of a weight that is used twice."""
    if case.pair is None or len(case.points) < 2:
        return
    shape = case.y.shape + case.x.shape
    rests = [p.J - p.A for p in case.points]
    if case.same(rests[0], rests[1]):
        return  # the same at other inputs: something that was added, and not a term
    parts = [*rests[:2], *[p.A for p in case.points]]
    if all(is_product(M.reshape(shape)) for M in parts) and is_product(case.points[0].J.reshape(shape)) is False:
        alone = len(case.inputs) == 1  # then both terms can only be two uses of the same input
        sentence = "one of two terms is missing: the input is used more than once, or reaches the output on two paths"
        yield Cause("overwritten" if alone else "missing-term", sentence, KEEP_ALL if alone else ADD)


def is_product(M: np.ndarray) -> bool | None:
    """Is M a product of arrays of at most two axes each? None where entries are zero, or axes too few to tell."""
    M = _without_diagonals(M)
    M = M.reshape([n for n in M.shape if n > 1])
    tiny = np.mean(np.abs(M) < 1e-7 * np.max(np.abs(M)))
    if M.ndim < 3 or tiny:
        return False if tiny > 0.3 else None  # many zeros are parts that are added up; a few, a saturated function
    rng = np.random.default_rng(4)
    logs = np.log(np.abs(M))
    pairs = [rng.permuted(np.tile(np.arange(n), (CORNERS, 1)), axis=1)[:, :2] for n in M.shape]
    for three in combinations(range(M.ndim), 3):
        total, doubt = np.zeros(CORNERS), np.zeros(CORNERS)
        for corner in product((0, 1), repeat=3):
            step = dict(zip(three, corner, strict=True))
            at = tuple(pair[:, step.get(axis, 0)] for axis, pair in enumerate(pairs))
            total += (-1.0) ** sum(corner) * logs[at]
            doubt += 1e-7 * np.max(np.abs(M)) / np.abs(M[at])
        if np.any(np.abs(total) > 1e-5 + doubt):
            return False
    return True


def _without_diagonals(M: np.ndarray) -> np.ndarray:
    """Where M is zero unless two indices are the same, one of them will do."""
    for i, j in combinations(range(M.ndim), 2):
        if M.shape[i] == M.shape[j] > 1:
            diagonal = np.diagonal(M, axis1=i, axis2=j)
            if np.isclose(float(np.sum(diagonal**2)), float(np.sum(M**2)), rtol=1e-10):
                return _without_diagonals(diagonal)
    return M
