"""Mistakes in a mask or a condition: right on one side of a threshold, wrong on the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case, Point
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.grammar import fitted, plain
from nanonet.gradcheck.diagnosis.ratios import factor

SPREAD = 6  # further inputs at which a condition is tried
REMEDY = "compare with the same condition as the forward, also at the border"


def masks(case: Case) -> Iterator[Cause]:
    """The quotient A/J is 0, 1 or infinite: elements pass where they must not, or are stopped where they must pass."""
    if case.pair is None or not case.points:
        return
    found = factor(case, case.points[0])
    if found is None or not found.axes:
        return
    v = found.values[~np.isnan(found.values)]
    usual = _one_value(v)
    if not usual or v.size < 2:
        return
    lost, extra, right = bool(np.any(v == 0)), bool(np.any(np.isinf(v))), bool(np.any(np.isfinite(v) & (v != 0)))
    if extra and lost:
        sentence = "the mask is the wrong one: elements pass where they must not, and the reverse"
        if _alike(case) or _where(case, found.axes, np.isinf):
            yield Cause("mask", sentence, REMEDY)
    elif extra and right:
        condition = _where(case, found.axes, np.isinf)
        if condition or found.spare >= 2 or _alike(case):
            sentence = f"the gradient is not masked{' where ' + condition if condition else ''}, and right elsewhere"
            yield Cause("mask", sentence, "multiply by the mask of the forward")
    elif lost and right:
        condition = _where(case, found.axes, lambda values: values == 0)
        if condition:
            yield Cause("mask", f"the gradient is zero where {condition}, and right elsewhere", REMEDY)


def branches(case: Case) -> Iterator[Cause]:
    """The two slopes of a function with a bend, exchanged or at the wrong places."""
    if case.pair is None or not _reaches_one(case.points[0]):
        return
    right, given = (np.round(M.sum(0) / np.max(np.abs(M)), 6) for M in case.pair)
    values = np.unique(right)
    if (
        len(values) == 2
        and np.array_equal(values, np.unique(given))
        and case.same(case.pair[0].max(), case.pair[1].max())
    ):
        yield Cause("mask", "the slopes of the two sides of a threshold are at the wrong places", REMEDY)


def _one_value(v: np.ndarray) -> bool:
    """Is every quotient that is neither 0 nor infinite 1?"""
    usual = v[np.isfinite(v) & (v != 0)]
    return not usual.size or bool(np.all(np.abs(usual - 1) < 1e-4))


def _alike(case: Case) -> bool:
    """Do the entries of A take one value (or two) where they are not zero, as those of J do?"""
    assert case.pair is not None, "callers ask where both are known"
    J, A = case.pair

    def values(M: np.ndarray) -> set[float]:
        size = float(np.max(np.abs(M)))
        return set(np.round(M[np.abs(M) > 1e-7 * size] / size, 5).tolist())

    return len(values(A)) <= 2 and len(values(J)) <= 2


def _where(case: Case, axes: tuple[int, ...], of: object) -> str:
    """The condition on an input, the output or what is between them that singles the wrong places out."""
    arrays: dict[str, list[np.ndarray]] = {}
    flags: list[np.ndarray] = []
    for point in case.points:
        f = factor(case, point, axes)
        if f is None:
            return ""
        known = ~np.isnan(f.values.ravel())
        flags.append(of(f.values.ravel()[known]))  # type: ignore[operator]
        for name, v in (plain(point) | case.steps(point)).items():
            spread = fitted(v, f.values.shape)
            if spread is not None:
                arrays.setdefault(name, []).append(spread[known])
    whole = {name: np.concatenate(v) for name, v in arrays.items() if len(v) == len(flags)}
    return condition(np.concatenate(flags), whole)


def condition(wrong: np.ndarray, arrays: dict[str, np.ndarray], least: int = 1) -> str:
    """In words: which array is below or above a threshold, or within an interval, exactly where it is wrong."""
    if np.count_nonzero(wrong) < least or np.count_nonzero(~wrong) < least:
        return ""
    for name, v in arrays.items():
        for text, w in ((name, v), (f"|{name}|", np.abs(v))):
            a, b = w[wrong], w[~wrong]
            if len(wrong) >= 4 and a.max() < b.min():
                return f"{text} is below a threshold"
            if len(wrong) >= 4 and a.min() > b.max():
                return f"{text} is above a threshold"
            if a.size > 1 and np.ptp(a) == 0.0 and not np.any(b == a[0]):
                return f"{text} is {a[0]:.4g} exactly"
            inside = (b >= a.min()) & (b <= a.max())
            if a.size >= 5 and b.size >= 5 and not np.any(inside) and np.ptp(a) > 0:
                return f"{text} is between {a.min():.3g} and {a.max():.3g}"
    return ""


def intervals(case: Case) -> Iterator[Cause]:
    """Each input element reaches one output, and its gradient is wrong in an interval only: a wrong threshold."""
    if case.pair is None or not _reaches_one(case.points[0]):
        return
    rng = np.random.default_rng(3)
    points: list[Point] = list(case.points)
    for _ in range(SPREAD):
        other = case.point([x * rng.uniform(0.4, 1.6, x.shape) for x in case.inputs])
        points += [] if other is None else [other]
    wrong, arrays = [], {}
    for p in points:
        J, A = p.J.sum(0), p.A.sum(0)
        error, scale = np.abs(A - J), float(np.max(np.abs(J)))
        if not _reaches_one(p) or np.any((error > 1e-7 * scale) & (error < 1e-4 * scale)):
            return  # it becomes wrong little by little, as an approximation does
        told = (np.abs(J) > 1e-7 * scale) | (np.abs(A) > 1e-7 * scale)  # where both are zero, neither is put to a test
        wrong.append((error > 1e-5 * scale)[told])
        for name, v in plain(p).items():
            if v.shape == case.x.shape:
                arrays.setdefault(name, []).append(v.ravel()[told])
    found = condition(np.concatenate(wrong), {n: np.concatenate(v) for n, v in arrays.items()}, least=5)
    if found:
        yield Cause("mask", f"the gradient is wrong where {found}, and right elsewhere", REMEDY)


def _reaches_one(point: Point) -> bool:
    size = [np.abs(M) > 1e-7 * np.max(np.abs(M)) for M in (point.J, point.A)]
    return not np.any((size[0] | size[1]).sum(0) > 1)
