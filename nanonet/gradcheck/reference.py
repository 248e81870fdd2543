"""Derivatives from function values alone: central differences, extrapolated, with an error bar."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FIRST_STEP = 0.05  # times max(1, |x|)
SHRINK = 1.6
RUNGS = 11


def ridders(f: Callable[[float], float], x: float) -> tuple[float, float]:
    """f'(x) and an estimate of its error.

    D(h) = (f(x + h) - f(x - h)) / 2h has an error in even powers of h. Differences at ever smaller steps fill a
    table in which each column removes one power; the entry that agrees best with its neighbours is the answer, and
    the disagreement its error bar (Ridders 1982, Advances in Engineering Software 4(2)). Steps at which f is not
    finite are passed over. Returns (nan, inf) where there are not two usable steps.
    """
    best, bar = np.nan, np.inf
    h = FIRST_STEP * max(1.0, abs(x))
    above: list[float] = []
    for _ in range(RUNGS):
        difference = (f(x + h) - f(x - h)) / (2 * h)
        h /= SHRINK
        if not np.isfinite(difference):
            above = []
            continue
        row = [difference]
        factor = SHRINK**2
        for previous in above:
            row.append((factor * row[-1] - previous) / (factor - 1))
            factor *= SHRINK**2
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - previous))
            if error <= bar:
                best, bar = row[-1], error
        above = row
    return float(best), float(bar)


def gradient(f: Callable[[np.ndarray], float], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """∂f/∂x and its error bar, element by element; f reads the (float64) array it is given."""
    dx, bars = np.zeros(x.shape), np.zeros(x.shape)
    point = x.astype(np.float64)  # a copy: x itself is not touched
    for i in np.ndindex(x.shape):
        at = float(point[i])

        def along(value: float, i: tuple[int, ...] = i) -> float:
            point[i] = value
            return f(point)

        dx[i], bars[i] = ridders(along, at)
        point[i] = at
    return dx, bars
