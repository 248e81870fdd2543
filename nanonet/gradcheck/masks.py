"""Mistakes in a mask or a condition: right on one side of a threshold, wrong on the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.gradcheck.case import Case, Point
from nanonet.gradcheck.cause import Cause
from nanonet.gradcheck.grammar import fitted, plain
from nanonet.gradcheck.ratios import factor

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
        for name, v in plain(point).items():
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
    """An elementwise function whose gradient is wrong in an interval of the input only: a threshold is misplaced."""
    if case.pair is None or not case.elementwise:
        return
    rng = np.random.default_rng(3)
    points: list[Point] = list(case.points)
    for _ in range(SPREAD):
        other = case.point([x * rng.uniform(0.4, 1.6, x.shape) for x in case.inputs])
        points += [] if other is None else [other]
    wrong, arrays = [], {}
    for p in points:
        J, A = np.diag(p.J), np.diag(p.A)
        if not case.same(np.diag(A), p.A):
            return
        error, scale = np.abs(A - J), float(np.max(np.abs(J)))
        if np.any((error > 1e-7 * scale) & (error < 1e-4 * scale)):
            return  # it becomes wrong little by little, as an approximation does
        wrong.append(error > 1e-5 * scale)
        for name, v in plain(p).items():
            if v.shape == case.x.shape:
                arrays.setdefault(name, []).append(v.ravel())
    if not np.any(wrong[0]) or np.all(wrong[0]):
        return
    found = condition(np.concatenate(wrong), {n: np.concatenate(v) for n, v in arrays.items()}, least=5)
    if found:
        yield Cause("mask", f"the gradient is wrong where {found}, and right elsewhere", REMEDY)
