"""A derivative from values at ever smaller steps: differences, extrapolated, with an error bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

FIRST_STEP = 0.05  # times max(1, |x|)
SHRINK = 2.5**0.5  # irrational: the differences of a function in coarse steps do not agree by chance
RUNGS = 11
PROBE = 6e-5  # times a ladder's first step: one step far below its last
LADDERS = 7  # each begins at a hundredth of the one before; the last reaches 1e-16
RESOLUTION = 1e-3  # steps, times max(1, |x|), by which a function that goes in steps does so because of rounding
GOOD = 1e-9  # a relative error bar with which the search ends
EPS = float(np.finfo(np.float64).eps)

Line = Callable[[Any], np.ndarray]  # the outputs, flat, as a function of one number
Pick = Callable[[np.ndarray], np.ndarray]  # of (…, outputs): the terms of one channel


@dataclass(frozen=True)
class Slope:
    """d(dy · f)/dx at one place."""

    value: float
    bar: float
    left: float  # the one-sided slopes, which differ where kinked
    right: float
    kinked: bool
    terms: float  # Σ |dy_i ∂f_i/∂x|: what the sum's terms amount to before they cancel
    disputed: float = 0.0  # errors up to this are not refuted: f goes in steps, and is flat between them


class Walk:
    """f at x and, kept for every channel that asks, at the steps of each ladder around x."""

    def __init__(self, f: Line, x: Any) -> None:
        self.f, self.x = f, x
        self.at_x = f(x)
        self.scale = max(1.0, abs(float(x)))
        self.kept: dict[float, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def firsts(self) -> list[float]:
        """The first steps of the ladders, in the order in which they are tried."""
        found = [FIRST_STEP * self.scale / 100**k for k in range(LADDERS)]
        if 0 < abs(self.x) < 0.5:
            found.insert(1, FIRST_STEP * abs(float(self.x)))
        return found

    def steps(self, first: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(steps, f above, f below), the probe's step last."""
        if first not in self.kept:
            steps = first / SHRINK ** np.arange(RUNGS + 1.0)
            steps[-1] = first * PROBE
            steps = (self.x + steps) - self.x  # what x + h, rounded, is away from x
            with np.errstate(all="ignore"):
                above = np.array([self.f(self.x + h) for h in steps])
                below = np.array([self.f(self.x - h) for h in steps])
            self.kept[first] = steps, above, below
        return self.kept[first]

    def still(self) -> np.ndarray:
        """Which outputs are the same at all steps of the first ladder?"""
        _, above, below = self.steps(self.firsts()[0])
        return np.all((above == self.at_x) & (below == self.at_x), axis=0)


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


def slope(walk: Walk, pick: Pick, dy: np.ndarray, eps: float = EPS) -> Slope:
    """The slope at walk's x of dy · pick(f), where f's values are exact to `eps`.

    One ladder of steps rarely suits every function: sin(1e5·x) turns many times within the usual steps, √x ends at
    0, a kink may be 1e-7 away. A ladder is believed when its bar is small, a probe far below its steps agrees, and
    the slopes to the left and right meet. Otherwise smaller ladders follow, and the best of all is taken.
    """
    found: list[_Reading] = []
    for first in walk.firsts():
        moves = any(r.doubt < 0.1 * abs(r.slope.value) for r in found if not r.slope.kinked)
        ladder = _climb(walk, first, pick, dy, eps, moves)
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
    best = _undisputed(min(smooth, key=lambda r: r.doubt), smooth) if smooth else nothing
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


def _undisputed(best: _Reading, smooth: list[_Reading]) -> Slope:
    """The best, its bar widened to where a ladder of larger steps contradicts it with certainty.

    (1 - cos x)/x² at 1e-5, in steps within which cos x rounds to the same, has the slope -1e5 quite exactly; in steps
    of 1e-3 it has the right one. A function's values alone do not tell such rounding from a ripple.
    """
    slope = best.slope
    for other in smooth[: smooth.index(best)]:
        known = max(other.doubt, abs(other.slope.right - other.slope.left))
        apart = abs(other.slope.value - slope.value)
        if apart > 10 * (known + slope.bar):
            slope = replace(slope, bar=slope.bar + apart)
        if slope.value == slope.terms == 0 and other.slope.value != 0:  # float16 inside, or round(x): who knows?
            slope = replace(slope, disputed=max(slope.disputed, apart + 5 * other.slope.bar))
    return slope


def _climb(walk: Walk, first: float, pick: Pick, dy: np.ndarray, eps: float, moves: bool) -> _Ladder:
    """`moves`: f is known to have a slope, so that a step without any change is below f's resolution."""
    steps, above, below = walk.steps(first)
    steps, above, below, at_x = steps.copy(), pick(above), pick(below), pick(walk.at_x)
    with np.errstate(all="ignore"):
        if moves:
            still = np.all((above == at_x) & (below == at_x), axis=1)
            steps[still & (steps < RESOLUTION * walk.scale)] = np.nan
        steps[steps == 0] = np.nan
        size = np.abs(dy)
        change = np.fmax(np.abs(above - at_x), np.abs(at_x - below))  # of the two sides, what is finite
        terms = change @ size / steps
        values = np.where(change != 0, np.fmax(np.abs(above), np.abs(below)), 0.0) @ size
        # With no change at all, a slope may be lost to rounding.
        if not np.any(change != 0):
            values = np.full(steps.shape, float(np.abs(at_x) @ size))
        noise = eps * (values + abs(walk.x) * terms) / steps
        return _Ladder(
            central=_float64((above - below) @ dy / (2 * steps)),
            right=_float64((above - at_x) @ dy / steps),
            left=_float64((at_x - below) @ dy / steps),
            noise=_float64(noise + (0.0 if eps >= EPS else EPS * terms)),  # the table below is float64 in any case
            terms=float(np.nanmin(terms)) if np.isfinite(terms).any() else np.nan,
        )


def _float64(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float64)


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
