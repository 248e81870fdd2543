"""Derivatives from function values alone: central differences, extrapolated, with an error bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

FIRST_STEP = 0.05  # times max(1, |x|)
SHRINK = 2.5**0.5  # irrational: the differences of a function in coarse steps do not agree by chance
RUNGS = 11
PROBE = 6e-5  # times a ladder's first step: one step far below its last
LADDERS = 7  # each begins at a hundredth of the one before; the last reaches 1e-16
RESOLUTION = 1e-6  # steps by which a function that goes in steps does so because of rounding
GOOD = 1e-9  # a relative error bar with which the search ends
EPS = float(np.finfo(np.float64).eps)

Line = Callable[[float], np.ndarray]


@dataclass(frozen=True)
class Slope:
    """d(dy · f)/dx at one place."""

    value: float
    bar: float
    left: float  # the one-sided slopes, which differ where kinked
    right: float
    kinked: bool
    terms: float  # Σ |dy_i ∂f_i/∂x|: what the sum's terms amount to before they cancel


@dataclass(frozen=True)
class Reference:
    """The slopes of all elements of one input, each field in the input's shape."""

    value: np.ndarray
    bar: np.ndarray
    left: np.ndarray
    right: np.ndarray
    kinked: np.ndarray
    terms: np.ndarray


@dataclass(frozen=True)
class _Ladder:
    """Differences of dy · f at ever smaller steps, the probe's last; NaN where f is not finite."""

    central: np.ndarray
    right: np.ndarray
    left: np.ndarray
    noise: np.ndarray  # what rounding may have done to them
    terms: float


@dataclass(frozen=True)
class _Reading:
    slope: Slope
    doubt: float  # the bar, or by how much the probe disagrees
    one_sided: bool  # f is not finite on the other side


def ridders(f: Callable[[float], float], x: float) -> tuple[float, float]:
    """f'(x) and an estimate of its error, for a function of one number; (nan, inf) where there is none to be had."""
    slope = derivative(lambda at: np.atleast_1d(np.float64(f(at))), x, np.ones(1))
    return (np.nan, np.inf) if slope.kinked else (slope.value, slope.bar)


def derivative(f: Line, x: float, dy: np.ndarray, eps: float = EPS) -> Slope:
    """The slope of dy · f at x, where f gives a flat array whose values are exact to `eps`.

    One ladder of steps rarely suits every function: sin(1e5·x) turns many times within the usual steps, √x ends at
    0, a kink may be 1e-7 away. A ladder is believed when its bar is small, a probe far below its steps agrees, and
    the slopes to the left and right meet. Otherwise smaller ladders follow, and the best of all is taken.
    """
    scale = max(1.0, abs(x))
    firsts = [FIRST_STEP * scale / 100**k for k in range(LADDERS)]
    if 0 < abs(x) < 0.5:
        firsts.insert(1, FIRST_STEP * abs(x))
    at_x = f(x)
    found: list[_Reading] = []
    for first in firsts:
        moves = any(r.slope.bar < 0.1 * abs(r.slope.value) for r in found)
        ladder = _climb(f, x, at_x, dy, first, eps, moves)
        reading = _read(ladder)
        bar = reading.slope.bar
        if np.isfinite(bar):
            found.append(reading)
            good = bar <= max(GOOD * abs(reading.slope.value), 20 * float(np.nanmin(ladder.noise)))
            if good and reading.doubt <= bar and not reading.slope.kinked:
                break
            if len(found) > 1 and _confirms(reading.slope, found[-2].slope):
                return found[-2].slope
    return _choose(found)


def _confirms(small: Slope, large: Slope) -> bool:
    """Smaller steps give the same slope less exactly: f is noisy, and ever smaller ones would only add to that."""
    if small.kinked or large.kinked:
        return False
    known = large.bar < min(small.bar, 1e-3 * abs(large.value)) and small.bar < 0.1 * abs(small.value)
    return known and abs(small.value - large.value) <= 3 * small.bar


def _choose(found: list[_Reading]) -> Slope:
    """The least doubtful of the smooth; a kink where no smaller ladder shows that left and right do meet."""
    smooth = [r for r in found if not r.slope.kinked and not r.one_sided]
    nothing = Slope(np.nan, np.inf, np.nan, np.nan, False, np.nan)
    best = min(smooth, key=lambda r: r.doubt).slope if smooth else nothing
    kinked = min((r.slope for r in found if r.slope.kinked), key=lambda slope: slope.bar, default=None)
    if kinked is not None:
        tenth = 0.1 * abs(kinked.right - kinked.left)
        return best if best.bar < tenth and abs(best.right - best.left) < tenth else kinked
    if smooth or not found:
        return best
    slopes = [r.slope for r in found]
    i = min(range(len(slopes)), key=lambda i: slopes[i].bar)
    near = slopes[i + 1] if i + 1 < len(slopes) else slopes[i - 1]  # √x at 0 becomes ever steeper
    return replace(slopes[i], bar=slopes[i].bar + abs(slopes[i].value - near.value))


def _climb(f: Line, x: float, at_x: np.ndarray, dy: np.ndarray, first: float, eps: float, moves: bool) -> _Ladder:
    """`moves`: f is known to have a slope, so that a step without any change is below f's resolution."""
    steps = first / SHRINK ** np.arange(RUNGS + 1.0)
    steps[-1] = first * PROBE
    steps = (x + steps) - x  # what x + h, rounded, is away from x
    with np.errstate(all="ignore"):
        above = np.array([f(x + h) for h in steps])
        below = np.array([f(x - h) for h in steps])
        if moves:
            still = np.all((above == at_x) & (below == at_x), axis=1)
            steps[still & (steps < RESOLUTION * max(1.0, abs(x)))] = np.nan
        steps[steps == 0] = np.nan
        size = np.abs(dy)
        change = np.fmax(np.abs(above - at_x), np.abs(at_x - below))  # of the two sides, what is finite
        terms = change @ size / steps
        values = np.where(change != 0, np.fmax(np.abs(above), np.abs(below)), 0.0) @ size
        # With no change at all, a slope may be lost to rounding.
        if not np.any(change != 0):
            values = np.full(steps.shape, float(np.abs(at_x) @ size))
        return _Ladder(
            central=(above - below) @ dy / (2 * steps),
            right=(above - at_x) @ dy / steps,
            left=(at_x - below) @ dy / steps,
            noise=eps * (values + abs(x) * terms) / steps,
            terms=float(np.nanmin(terms)) if np.isfinite(terms).any() else np.nan,
        )


def _read(ladder: _Ladder) -> _Reading:
    """The slope that a ladder shows."""
    value, bar = extrapolate(ladder.central[:-1], ladder.noise[:-1], 2)
    right, right_bar = extrapolate(ladder.right[:-1], 2 * ladder.noise[:-1], 1)
    left, left_bar = extrapolate(ladder.left[:-1], 2 * ladder.noise[:-1], 1)
    if not np.isfinite(bar):  # f ends here
        side, side_bar = (right, right_bar) if right_bar <= left_bar else (left, left_bar)
        return _Reading(Slope(side, side_bar, left, right, False, ladder.terms), side_bar, True)
    if _jumps(ladder):
        return _Reading(Slope(value, max(left_bar, right_bar), left, right, True, ladder.terms), bar, False)
    probe, noise = float(ladder.central[-1]), float(ladder.noise[-1])
    jump = abs(float(ladder.right[-1] - ladder.left[-1]))
    if not np.isfinite(probe + jump):
        return _Reading(Slope(value, bar, left, right, False, ladder.terms), bar, False)
    far = abs(probe - value) > 1e-5 * (abs(probe) + ladder.terms) + 10 * (bar + noise)
    open_ = jump > 1e-3 * (ladder.terms + abs(value)) + 40 * noise
    doubt = max(bar, abs(probe - value) * far, jump * open_)
    return _Reading(Slope(value, bar, left, right, False, ladder.terms), doubt, False)


def _jumps(ladder: _Ladder) -> bool:
    """Do the slopes to the left and right tend to different limits? D₊(h) - D₋(h) = jump + h f'' + O(h³)."""
    difference = ladder.right[:-1] - ladder.left[:-1]
    jump = ((SHRINK * difference[1:] - difference[:-1]) / (SHRINK - 1))[-5:]
    if not np.isfinite(jump).all():
        return False
    middle = float(np.median(jump))
    significant = np.all(np.abs(jump) > 50 * ladder.noise[-6:-1]) and abs(middle) > 1e-9 * ladder.terms
    return bool(significant and np.ptp(jump) < 0.1 * abs(middle))


def extrapolate(differences: np.ndarray, noise: np.ndarray, power: int) -> tuple[float, float]:
    """The limit of difference quotients at ever smaller steps, and its error bar.

    Their error is a series in h^power (2 for central, 1 for one-sided differences). Each column of a table removes
    one term of it; the entry that agrees best with its neighbours is the answer, and the disagreement its error bar
    (Ridders 1982, Advances in Engineering Software 4(2)), to which rounding adds. Steps at which f is not finite are
    passed over. Returns (nan, inf) where there are not three usable steps in a row.
    """
    rows: list[list[float]] = []
    for difference in differences.tolist():
        row = [difference]
        factor = ratio = SHRINK**power
        for previous in rows[-1] if rows and np.isfinite(difference) else []:
            row.append((factor * row[-1] - previous) / (factor - 1))
            factor *= ratio
        rows.append(row if np.isfinite(difference) else [])
    scatter = _scatter(rows)
    best, bar = np.nan, np.inf
    for k, (row, above) in enumerate(zip(rows[1:], rows, strict=False), 1):
        for j in range(2, len(row)):  # two steps may agree by chance
            error = max(abs(row[j] - row[j - 1]), abs(row[j] - above[j - 1])) + float(noise[k]) + scatter * SHRINK**k
            if error <= bar:
                best, bar = row[j], error
    return best, 2 * bar


def _scatter(rows: list[list[float]]) -> float:
    """How unsteady f is, as an error of the first difference: from the last rows, where truncation is long gone."""
    last = [(k, rows[k][3], rows[k - 1][3]) for k in range(len(rows) - 4, len(rows)) if len(rows[k]) > 4]
    return float(np.median([abs(a - b) / SHRINK**k for k, a, b in last])) if len(last) == 4 else 0.0


def gradient(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, dy: np.ndarray, eps: float = EPS) -> Reference:
    """∂(dy · f)/∂x element by element; f reads the (float64) array it is given and returns a flat one."""
    found = [derivative(line, at, dy, eps) for line, at in _lines(f, x)]
    fields = [np.array([getattr(s, name) for s in found]).reshape(x.shape) for name in Reference.__annotations__]
    value, bar, left, right, kinked, terms = fields
    return Reference(value, bar, left, right, kinked.astype(bool), terms)


def jacobian(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """∂f_i/∂x_j, (f's size, x's size), to about ten digits where f is smooth and well scaled: for a diagnosis."""
    columns: list[np.ndarray] = []
    with np.errstate(all="ignore"):
        for line, at in _lines(f, x):
            h = 1e-2 * (abs(at) if 0 < abs(at) < 1 else max(1.0, abs(at)))
            rows = [(line(at + h / 2**k) - line(at - h / 2**k)) * 2**k / (2 * h) for k in range(4)]
            for power in (4, 16, 64):
                rows = [(power * b - a) / (power - 1) for a, b in pairwise(rows)]
            columns.append(rows[0])
    return np.stack(columns, axis=1) if columns else np.zeros((f(x).size, 0))


def _lines(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> list[tuple[Line, float]]:
    """For every element of x: f as a function of that element alone, and the element's value."""
    point = x.astype(np.float64)  # a copy: x itself is not touched

    def line(i: tuple[int, ...]) -> Line:
        at = point[i]

        def along(value: float) -> np.ndarray:
            point[i] = value
            try:
                return f(point)
            finally:
                point[i] = at

        return along

    return [(line(i), float(point[i])) for i in np.ndindex(x.shape)]
