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

from nanonet.gradcheck.case import Case, Point
from nanonet.gradcheck.cause import Cause
from nanonet.gradcheck.grammar import reduced_samples, samples, steady

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
    """A lost factor, one too many, or one with the wrong argument; in the whole Jacobian or in the part that is given."""
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
    if np.any(np.isinf(values)) or np.any(values == 0) or np.count_nonzero(use) < 3:
        return
    if float(np.ptp(values[use])) <= 1e-5 * float(np.max(np.abs(values[use]))):
        return
    yield from name_factor(case, points, values[use], first.values.shape, use)


def name_factor(
    case: Case, points: list[Point], values: np.ndarray, shape: tuple[int, ...], use: np.ndarray
) -> Iterator[Cause]:
    """What a factor is: its values at the places `use` of an array of this shape, for all points strung together."""
    for axis in (1, 0):
        if case.support is None or np.any(case.support.sum(axis) > 1):
            continue
        slopes = _strung([p.J.sum(axis) for p in points], shape, use)
        if slopes is not None and steady(values * slopes) and np.isclose(abs(np.median(values * slopes)), 1.0):
            sentence = "the local derivative is missing: dy is passed on unchanged"
            yield Cause("missing-factor", sentence, "multiply dy by the local derivative")
        if slopes is not None and steady(values / slopes) and np.isclose(abs(np.median(values / slopes)), 1.0):
            sentence = "the local derivative is multiplied in twice"
            yield Cause("extra-factor", sentence, "multiply dy by the local derivative once")
    expressions = samples(points, shape, use)
    yield from _simple(expressions, values, _simpler(case))
    yield from _signs(expressions, values)
    yield from _slopes_of_others(case, points, values, shape, use)
    yield from _arguments(case, expressions, values)
    yield from _reductions(points, values, shape, use)


def _simpler(case: Case) -> int:
    """-1 where the given derivative is simpler than the right one (it lacks something), 1 where it is less simple."""
    if case.support is None or np.any(case.support.sum(0) > 1):
        return 0
    expressions = samples(case.points, case.x.shape, np.ones(case.x.size * len(case.points), dtype=bool))
    own = [v for name, v in expressions.items() if "output" not in name]
    if not own:
        return 0
    sides = [np.concatenate([p.A.sum(0) for p in case.points]), np.concatenate([p.J.sum(0) for p in case.points])]
    given, right = (complexity(v, np.stack(own)) for v in sides)
    return int(np.sign(given - right))


def complexity(v: np.ndarray, table: np.ndarray) -> int:
    """0 for a constant, 1 for one expression of the grammar, 2 for anything else."""
    constant = float(np.ptp(v)) <= 1e-5 * float(np.max(np.abs(v)))
    return 0 if constant else 1 if np.any(steady(v / table)) else 2


def _simple(expressions: dict[str, np.ndarray], values: np.ndarray, simpler: int) -> Iterator[Cause]:
    """One expression times a constant, or its reciprocal."""
    if not expressions:
        return
    names, table = list(expressions), np.stack(list(expressions.values()))
    size = np.abs(values)
    plain = np.array([not name.startswith("(1 - input ") or "exp" in name or "²" in name for name in names])
    for i in np.flatnonzero(steady(values * table) & plain | _absolute(names, steady(size * table))):
        yield _extra(f"1/{names[i]}") if simpler > 0 else _missing(names[i])
    for i in np.flatnonzero(steady(values / table) & plain | _absolute(names, steady(size / table))):
        yield _missing(f"1/{names[i]}") if simpler < 0 else _extra(names[i])


def _signs(expressions: dict[str, np.ndarray], values: np.ndarray) -> Iterator[Cause]:
    """(1 + v)/(1 - v): a sign within the factor."""
    for name, v in expressions.items():
        for w in (v, v**2):
            quotient = (1 + w) / (1 - w)
            if steady(values / quotient) or steady(values * quotient):
                sentence = f"a sign within the local derivative, in 1 ± {name}, is wrong"
                yield Cause("sign", sentence, "derive that factor again, and flip the sign")


def _absolute(names: list[str], fits: np.ndarray) -> np.ndarray:
    """√(1 - y²) is the derivative of a sine but for its sign."""
    return fits & np.array([name == "√(1 - the output²)" for name in names])


def _missing(name: str) -> Cause:
    return Cause("missing-factor", f"a factor {name} is missing", f"multiply by {name}")


def _extra(name: str) -> Cause:
    return Cause("extra-factor", f"a factor {name} is too many", f"do not multiply by {name} here")


def _slopes_of_others(
    case: Case, points: list[Point], values: np.ndarray, shape: tuple[int, ...], use: np.ndarray
) -> Iterator[Cause]:
    """The derivative of the last step, which a bias shows: ∂y/∂b, where each output depends on one element of b."""
    for k, x in enumerate(case.inputs):
        if k == case.index or x.size < 2:
            continue
        slopes = []
        for number, point in enumerate(points):
            J = case.jacobians[k] if not number else case.lab.jacobian(point.inputs, k)
            if J is None or np.any((np.abs(J) > 1e-7 * np.max(np.abs(J))).sum(1) > 1):
                break
            slopes.append(J.sum(1).reshape(case.y.shape))
        if len(slopes) < len(points):
            continue
        table = _strung(slopes, shape, use)
        if table is None or float(np.ptp(table)) <= 1e-6 * float(np.max(np.abs(table))):
            continue
        if steady(values * table):
            sentence = "the local derivative of the output is missing: dy goes on without it"
            yield Cause("missing-factor", sentence, "multiply dy by the local derivative first")
        if steady(values / table):
            sentence = "the local derivative of the output is multiplied in twice"
            yield Cause("extra-factor", sentence, "multiply dy by it once")


def _strung(arrays: list[np.ndarray], shape: tuple[int, ...], use: np.ndarray) -> np.ndarray | None:
    if any(a.size != int(np.prod(shape)) for a in arrays):
        return None
    return np.concatenate([a.ravel() for a in arrays])[use]


def _arguments(case: Case, expressions: dict[str, np.ndarray], values: np.ndarray) -> Iterator[Cause]:
    """f(u)/f(v): u stands where v belongs."""
    groups: dict[str, dict[str, np.ndarray]] = {}
    for text, v in expressions.items():
        name = _argument(text)
        groups.setdefault(text.replace(name, "{}"), {})[name] = v
    for group in groups.values():
        names, table = list(group), np.stack(list(group.values()))
        for i, u in enumerate(names):
            for j in np.flatnonzero(steady(values * table / table[i])):
                v = names[j]
                if v == u or not np.isclose(float(np.median(values * table[j] / table[i])), 1.0, rtol=1e-5):
                    continue
                sentence = f"{u} stands where {v} belongs"
                if "the output" in (u, v):
                    remedy = f"compute the local derivative from {v}"
                    yield Cause("input-for-output", sentence, remedy)
                yield Cause("swapped-operands", f"operands swapped: {sentence}", f"use {v} there")


def _argument(text: str) -> str:
    """The array that an expression of the grammar is a function of."""
    if "the output" in text:
        return "the output"
    start = text.find("(input")
    single = text.find("input ")
    if start >= 0 and any(mark in text[start:] for mark in (" @ ", " + input", " - input", " · input")):
        return text[start : text.index(")", start) + 1]
    return text[single : single + 7]


def _nearly(values: np.ndarray, v: np.ndarray) -> bool:
    """values = c·(v + ε), where ε is what is added below a root or a fraction line for safety."""
    if steady(values / v):
        return True
    if len(v) < 5:
        return False
    columns = np.stack([v, np.ones_like(v)], 1)
    c, e = np.linalg.lstsq(columns, values, rcond=None)[0]
    return bool(steady(values / (columns @ np.array([c, e])))) and 0 < e <= 1e-2 * c * float(np.min(v))


def _reductions(points: list[Point], values: np.ndarray, shape: tuple[int, ...], use: np.ndarray) -> Iterator[Cause]:
    """A standard deviation, norm or sum that is missing, too many, or taken over another axis."""
    for (what, of), group in reduced_samples(points, shape, use).items():
        for axes, v in group.items():
            for power in (1, 2):
                if _nearly(values**-2.0, v ** (2 * power)):
                    yield _missing(f"{what} of {of} {axes}")
                if _nearly(values**2, v ** (2 * power)):
                    sentence = f"the division by {what} of {of} {axes} is missing"
                    yield Cause("missing-factor", sentence, f"divide by {what} of {of} {axes}")
        for a, b in [(a, b) for a in group for b in group if a != b]:
            if steady(values * group[a] / group[b]) or steady(values * group[b] / group[a]):
                sentence = f"{what} of {of} is taken over the wrong axis"
                yield Cause("wrong-axis", sentence, "use the axis of the forward")
