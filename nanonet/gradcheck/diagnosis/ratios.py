"""Mistakes in a factor: the given Jacobian divided by the right one, entry by entry, shows it.

The quotient A/J is an array over the axes of the output and of the input. A wrong factor depends on few of them: on the
axes of the output alone where dy was multiplied by it, on those of the input alone where the result was, or on some of
both, as the derivative of a hidden layer does. Then the factor itself is known at every place, and is looked for in a
grammar: is it a function of an input or of the output, or the quotient of one function at two arguments?
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case, Point
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.names import name_factor

TINY = 1e-9  # of the largest entry
EXACT = 2e-6


@dataclass(frozen=True)
class Factor:
    """A factor that depends on some axes only; NaN where it is not known, inf where J is zero and A is not.

    axes    of (output axes, input axes), counted through
    values  in the shape of these axes
    spare   how many known entries there are for each unknown: above 1, the entries confirm one another
    """

    axes: tuple[int, ...]
    values: np.ndarray
    spare: float


def factor(case: Case, point: Point, axes: tuple[int, ...] | None = None) -> Factor | None:
    """The quotient A/J as an array over the fewest axes; or over given ones. None where it depends on all."""
    shape = case.y.shape + case.x.shape
    J, A = point.J.reshape(shape), point.A.reshape(shape)
    large_J, large_A = np.max(np.abs(J)), np.max(np.abs(A))
    no_J, no_A = np.abs(J) <= 10 * TINY * large_J, np.abs(A) <= 1e-12 * large_A
    clear_J, clear_A = np.abs(J) > 1e-5 * large_J, np.abs(A) > 1e-5 * large_A
    known = (clear_J & clear_A) | (no_J & clear_A) | (clear_J & no_A)
    with np.errstate(all="ignore"):
        # As an angle between 0 and π, so that a quotient of infinity is a number like others.
        angle = np.where(no_J, np.pi / 2, np.arctan(np.where(no_A, 0.0, A) / np.where(no_J, 1.0, J)))
        doubt = EXACT + 10 * TINY * (large_J * np.abs(A) + large_A * np.abs(J)) / (A**2 + J**2)
    low, high = np.where(known, angle - doubt, -np.inf), np.where(known, angle + doubt, np.inf)
    for kept in _choices(case) if axes is None else [axes]:
        rest = tuple(i for i in range(len(shape)) if i not in kept)
        lowest, highest = low.max(rest), high.min(rest)
        if np.all(lowest <= highest):
            best = np.where(known, doubt, np.inf)
            flat = np.moveaxis(best, kept, range(len(kept))).reshape(*lowest.shape, -1)
            where = flat.argmin(-1)[..., None]
            angles = np.moveaxis(angle, kept, range(len(kept))).reshape(*lowest.shape, -1)
            chosen = np.take_along_axis(angles, where, -1)[..., 0]
            values = np.where(chosen >= np.pi / 2 - 1e-12, np.inf, np.tan(chosen))
            values = np.where(np.take_along_axis(flat, where, -1)[..., 0] > 1e-3, np.nan, values)
            return Factor(kept, values, float(known.sum()) / max(1, int(np.isfinite(lowest).sum())))
    return None


def _choices(case: Case) -> list[tuple[int, ...]]:
    """Sets of axes, small ones first, of length above 1; those of the input alone before others."""
    shape = case.y.shape + case.x.shape
    long = [i for i, n in enumerate(shape) if n > 1]
    ny = case.y.ndim
    choices = [c for count in range(len(long)) for c in combinations(long, count)] if len(long) <= 8 else []
    whole = [tuple(i for i in long if i >= ny), tuple(i for i in long if i < ny)]

    def mixed(c: tuple[int, ...]) -> int:
        return 0 if all(i >= ny for i in c) else 1 if all(i < ny for i in c) else 2

    choices = sorted({*choices, *whole}, key=lambda c: (len(c), mixed(c), c))
    return choices


def factors(case: Case, points: list[Point] | None = None) -> Iterator[Cause]:
    """A lost factor, one too many, or one with the wrong argument; in the whole Jacobian or in a part of it."""
    points = case.points if points is None else points
    if case.pair is None or not points:
        return
    first = factor(case, points[0])
    if first is None or not first.axes:
        return
    all_factors = [first, *[factor(case, p, first.axes) for p in points[1:]]]
    if any(f is None for f in all_factors):
        return
    values = np.concatenate([f.values.ravel() for f in all_factors if f is not None])
    use = np.isfinite(values) & (values != 0)
    odd = np.count_nonzero(np.isinf(values) | (values == 0))  # a few, as where tanh is saturated, say nothing
    if 4 * odd > np.count_nonzero(use) or np.count_nonzero(use) < 3:
        return
    if float(np.ptp(values[use])) <= 1e-5 * float(np.max(np.abs(values[use]))):
        return
    yield from name_factor(case, points, values[use], first.values.shape, use)
