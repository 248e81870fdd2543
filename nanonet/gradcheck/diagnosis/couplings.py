"""Mistakes in the terms that couple elements along an axis: a wrong axis, a lost term, a wrong constant in one.

J - A, in blocks along the axes that it couples, has rank one where one term as x̂·mean(dy·x̂) is wrong. Whether that term
is missing, or has a wrong sign or constant, is told by Wedderburn's reduction: of all multiples of a matrix a·bᵀ, just
one, 1/(bᵀ·U⁺·a), lowers the rank of U when it is taken away. If that is J - A itself, then A lacks the whole term.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case, Point, present
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.ratios import factors
from nanonet.gradcheck.diagnosis.whole import named_factor

ADD = "differentiate every path from the input to the output, and add the terms"


def coupled_axes(M: np.ndarray, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes along which outputs depend on inputs at other places."""
    places = np.indices(shape).reshape(len(shape), -1)
    there = present(M)
    return tuple(i for i, at in enumerate(places) if np.any(there & (at[:, None] != at[None, :])))


def blocks(M: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    """M, which couples these axes only, as (number of blocks, length, length)."""
    others = [i for i in range(len(shape)) if i not in axes]
    length = int(np.prod([shape[i] for i in axes]))
    count = int(np.prod(shape)) // length
    order = [*others, *axes]
    spread = M.reshape(*shape, *shape).transpose([*order, *[len(shape) + i for i in order]])
    spread = spread.reshape(count, length, count, length)
    return spread[np.arange(count), :, np.arange(count), :]


def wrong_axis_alone(case: Case) -> Iterator[Cause]:
    """The same, where no operand can be at the wrong place instead."""
    if len(case.inputs) == 1:
        yield from wrong_axis(case)


def wrong_axis(case: Case) -> Iterator[Cause]:
    """J couples elements along one axis, A along another."""
    if case.pair is None or case.x.shape != case.y.shape or case.x.ndim < 2:
        return
    J, A = case.pair
    right, given = coupled_axes(J, case.x.shape), coupled_axes(A, case.x.shape)
    if not right or not given or set(given) <= set(right):
        return
    if not all(_simple(case, p.A, given) for p in case.points):
        return
    sentence = f"elements are coupled along axis {_text(given)}; the forward couples them along axis {_text(right)}"
    yield Cause("wrong-axis", sentence, f"sum (or average) over axis {_text(right)}")


def _text(axes: tuple[int, ...]) -> str:
    return ", ".join(map(str, axes))


def _simple(case: Case, A: np.ndarray, axes: tuple[int, ...]) -> bool:
    """Are the coupling terms as a mean or a sum makes them: of low rank between two halves of the places?"""
    found = blocks(A, case.x.shape, axes)
    half = found.shape[1] // 2
    corners = found[:, :half, half:]
    ranks = [_rank(c, float(np.max(np.abs(A)))) for c in corners]
    small = min(corners.shape[1:])
    if max(ranks) <= 1 and (small > 1 or _follows(case)):
        return True
    return max(ranks) == 2 and (small > 2 or _follows(case))


def _follows(case: Case) -> bool:
    """Does the given Jacobian change with the inputs, as the right one does?"""
    if len(case.points) < 2:
        return False
    a, b = case.points[0], case.points[1]
    return case.same(a.J, b.J) == case.same(a.A, b.A)


def _rank(M: np.ndarray, scale: float) -> int:
    return int(np.sum(np.linalg.svd(M, compute_uv=False) > 1e-6 * scale)) if M.size else 0


def lost_term(case: Case) -> Iterator[Cause]:
    """J - A has rank one or two in every block: a coupling term is missing, or has a wrong constant."""
    if case.pair is None or case.x.size != case.y.size or case.elementwise:
        return
    J, A = case.pair
    scale = float(np.max(np.abs(J)))
    groups = components(np.abs(J) > 1e-7 * scale)
    if groups is None:
        return
    R, U = ((M)[groups[:, :, None], groups[:, None, :]] for M in (J - A, J))
    if not case.same(np.sum((J - A) ** 2), np.sum(R**2)):
        return  # A couples what J does not
    length = R.shape[1]
    rank = max(_rank(r, scale) for r in R)
    dense = np.mean(np.abs(R) > 1e-6 * scale) > 0.5
    if rank > 2 or length < 3 + (rank > 1) or not dense or max(_rank(u, scale) for u in U) <= rank:
        return
    share = _share_off_diagonal(R, U)
    if share is None and rank == 1:
        share = _share_by_rank(R, U, scale)
    if share is None:
        return
    kept = 1.0 - share
    if abs(kept) < 1e-4 and rank == 1 and not _natural(case, R, groups):
        return
    if abs(kept) < 1e-4:
        sentence = "a term that couples the elements along an axis (through a sum or a mean) is missing"
        yield Cause("missing-term", sentence, ADD)
    elif abs(kept + 1) < 1e-4:
        sentence = "a term that couples the elements along an axis has the wrong sign"
        yield Cause("sign", sentence, "subtract it where it is added, or the reverse")
    elif _usual(kept, length):
        yield named_factor(case, round(kept) if kept > 1 else 1 / round(1 / kept), "a term of the gradient")


def components(there: np.ndarray) -> np.ndarray | None:
    """The places that a matrix couples with one another, as (groups, length); None where groups differ in length."""
    label = np.arange(len(there))
    linked = there | there.T | np.eye(len(there), dtype=bool)
    while True:
        lowest = np.where(linked, label[None, :], len(there)).min(1)
        if np.array_equal(lowest, label):
            break
        label = lowest
    found = [np.flatnonzero(label == one) for one in np.unique(label)]
    return np.stack(found) if len({len(group) for group in found}) == 1 else None


def _natural(case: Case, R: np.ndarray, groups: np.ndarray) -> bool:
    """Is each side of R = a·bᵀ, in every block, ones, an input, the output or a simple function of them?"""
    table = [np.ones(groups.shape)]
    for v in (case.x, case.y, *case.inputs):
        try:
            spread = v.ravel() if v.size == case.x.size else np.broadcast_to(v, case.x.shape).ravel()
        except ValueError:
            continue
        own = spread[groups]
        table += [own, np.exp(own), own**2, own - own.mean(1, keepdims=True)]
    table = [a * b for i, a in enumerate(table) for b in table[: i + 1]]
    left, _, right = np.linalg.svd(R)

    def known(side: np.ndarray) -> bool:
        return any(
            all(abs(abs(s @ t) - np.linalg.norm(t)) < 1e-5 * np.linalg.norm(t) for s, t in zip(side, rows, strict=True))
            for rows in table
        )

    return known(left[:, :, 0]) and known(right[:, 0])


def lost_diagonal(case: Case) -> Iterator[Cause]:
    """The coupling terms are right, and they are all there is: the term on the diagonal is missing."""
    if case.pair is None or case.x.shape != case.y.shape or case.elementwise:
        return
    J, A = case.pair
    axes = coupled_axes(J, case.x.shape)
    rest, scale = J - A, float(np.max(np.abs(J)))
    if not axes or not case.same(rest, np.diag(np.diag(rest)), scale):
        return
    right, given = blocks(J, case.x.shape, axes), blocks(A, case.x.shape, axes)
    ranks = [max(_rank(b, scale) for b in found) for found in (right, given)]
    if ranks[1] <= 2 and ranks[1] < ranks[0] - (0 if right.shape[1] > 3 else -1) and right.shape[1] > 2:
        yield Cause("missing-term", "only the coupling terms are there: the term in dy itself is missing", ADD)


def coupling_factor(case: Case) -> Iterator[Cause]:
    """Off the diagonal, A/J is a factor: it is missing within the coupling term, or is one too many."""
    if case.pair is None or case.x.shape != case.y.shape or case.elementwise or not case.points:
        return
    J, A = case.pair
    axes = coupled_axes(J, case.x.shape)
    if not axes or coupled_axes(A, case.x.shape) != axes:
        return
    found = blocks(J - A, case.x.shape, axes)
    if max(_rank(b, float(np.max(np.abs(J)))) for b in found) != 1 or found.shape[1] < 3:
        return
    off = ~np.eye(case.x.size, dtype=bool)
    apart = [Point(p.inputs, p.y, np.where(off, p.J, 0.0), np.where(off, p.A, 0.0)) for p in case.points]
    yield from _unscaled(case, apart)
    yield from factors(case, apart)


def _unscaled(case: Case, apart: list[Point]) -> Iterator[Cause]:
    """y is x but for its scale: the coupling term has x in the place of y, or the reverse."""
    for power in (1, 2):
        ratios = [np.repeat((p.inputs[case.index] / p.y).ravel()[None], case.x.size, 0) ** power for p in apart]
        for wrong, right, sign in (("input", "output", 1), ("output", "input", -1)):
            if all(
                case.same(p.J * r**sign, p.A) and not case.same(p.J, p.A) for p, r in zip(apart, ratios, strict=True)
            ):
                sentence = f"in the term that couples the elements, the {wrong} stands where the {right} belongs"
                yield Cause("input-for-output", sentence, f"compute that term from the {right}")


def _share_off_diagonal(R: np.ndarray, U: np.ndarray) -> float | None:
    """R's share in U, where it is the same off the diagonal everywhere."""
    off = ~np.eye(R.shape[1], dtype=bool)
    r, u = R[:, off].ravel(), U[:, off].ravel()
    if not float(u @ u):
        return None
    share = float(r @ u) / float(u @ u)
    return share if share and np.max(np.abs(r - share * u)) <= 1e-6 * np.max(np.abs(u)) else None


def _share_by_rank(R: np.ndarray, U: np.ndarray, scale: float) -> float | None:
    """bᵀ·U⁺·a for R = a·bᵀ, between one half of the places and the other, which the diagonal does not reach."""
    half = R.shape[1] // 2
    shares = []
    for rows, columns in ((slice(half), slice(half, None)), (slice(half, None), slice(half))):
        for r, u in zip(R[:, rows, columns], U[:, rows, columns], strict=True):
            left, sizes, right = np.linalg.svd(r)
            a, b = left[:, 0] * sizes[0], right[0]
            inverse = np.linalg.pinv(u, rcond=1e-7)
            if np.max(np.abs(u @ (inverse @ a) - a)) > 1e-5 * scale:
                return None
            shares.append(float(b @ inverse @ a))
    close = np.ptp(shares) <= 1e-3 * abs(np.median(shares))
    return float(np.median(shares)) if close else None


def _usual(kept: float, length: int) -> bool:
    """Is what is kept of a term 2, ½, or the length of an axis or its reciprocal, times the whole?"""
    return any(abs(kept - value) < 1e-4 * value for n in (2, length) for value in (float(n), 1 / n))
