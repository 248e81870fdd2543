"""A sum of two products of which one is lost: the given Jacobian and the rest are products, the right one is not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import numpy as np

from nanonet.gradcheck.case import Case
from nanonet.gradcheck.cause import Cause
from nanonet.gradcheck.parts import KEEP_ALL

CORNERS = 200  # places where a product is told from a sum


def lost_product(case: Case) -> Iterator[Cause]:
    """J = A + R with two different products of arrays of fewer axes each, as of a weight that is used twice."""
    if case.pair is None or len(case.points) < 2:
        return
    shape = case.y.shape + case.x.shape
    rests = [p.J - p.A for p in case.points]
    if case.same(rests[0], rests[1]):
        return  # the same at other inputs: something that was added, and not a term
    if is_product(rests[0].reshape(shape)) and not is_product(case.points[0].J.reshape(shape)):
        if all(is_product(p.A.reshape(shape)) for p in case.points) and is_product(rests[1].reshape(shape)):
            sentence = "only one term is kept: the input is used more than once, and its gradients were not added up"
            yield Cause("overwritten", sentence, KEEP_ALL)


def is_product(M: np.ndarray) -> bool:
    """Is M a product of arrays of fewer axes each? Then the mixed difference of log |M| over all axes is zero."""
    M = _without_diagonals(M)
    M = M.reshape([n for n in M.shape if n > 1])
    if M.ndim < 3 or np.any(np.abs(M) < 1e-7 * np.max(np.abs(M))):
        return False
    rng = np.random.default_rng(4)
    logs, total, size = np.log(np.abs(M)), np.zeros(CORNERS), np.zeros(CORNERS)
    pairs = [rng.permuted(np.tile(np.arange(n), (CORNERS, 1)), axis=1)[:, :2] for n in M.shape]
    for corner in product((0, 1), repeat=M.ndim):
        at = tuple(pair[:, i] for pair, i in zip(pairs, corner, strict=True))
        total += (-1.0) ** sum(corner) * logs[at]
        size += 1e-7 * np.max(np.abs(M)) / np.abs(M[at])
    return bool(np.all(np.abs(total) <= 1e-5 + size))


def _without_diagonals(M: np.ndarray) -> np.ndarray:
    """Where M is zero unless two indices are the same, one of them will do."""
    for i, j in combinations(range(M.ndim), 2):
        if M.shape[i] == M.shape[j] > 1:
            diagonal = np.diagonal(M, axis1=i, axis2=j)
            if np.isclose(float(np.sum(diagonal**2)), float(np.sum(M**2)), rtol=1e-10):
                return _without_diagonals(diagonal)
    return M
